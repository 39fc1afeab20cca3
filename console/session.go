package console

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"sync"
	"time"
)

// A session's secret has two halves. The cookie is HttpOnly: no script reads
// it. The key is kept by the page's own storage and sent in a header. Browsers
// send cookies to every port of a host, so the cookie alone reaches whatever
// else listens on this machine; storage belongs to one port only.
const (
	cookieName = "__Host-garboard" // the prefix makes browsers insist on Secure and Path=/
	keyHeader  = "Garboard-Key"
)

const (
	maxSessions  = 1000 // beyond, the one that was idle longest goes
	recheckAfter = time.Minute
)

type digest [sha256.Size]byte

// session is one login. Only digests of its secrets are kept.
type session struct {
	user    *User
	key     digest
	created time.Time
	ctx     context.Context // ends with the session, and all requests of it too
	end     context.CancelFunc

	// Below the sessions' lock.
	seen    time.Time
	checked time.Time // when the user's credentials were last known to be good
	streams int       // open live connections; while there is one the session is not idle
}

type sessions struct {
	now        func() time.Time
	idle, life time.Duration

	mu  sync.Mutex
	all map[digest]*session
}

func newSessions(now func() time.Time, idle, life time.Duration) *sessions {
	return &sessions{now: now, idle: idle, life: life, all: map[digest]*session{}}
}

// open makes a session and returns the two halves of its secret. Of ctx only
// the values are kept.
func (s *sessions) open(ctx context.Context, user *User) (cookie, key string) {
	cookie, key = rand.Text(), rand.Text() // at least 128 bits each
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, old := range s.all {
		if s.ended(old, now) {
			s.remove(id)
		}
	}
	if len(s.all) >= maxSessions {
		s.evict()
	}
	c := &session{user: user, key: sha256.Sum256([]byte(key)), created: now, seen: now, checked: now}
	c.ctx, c.end = context.WithTimeout(context.WithoutCancel(ctx), s.life)
	s.all[sha256.Sum256([]byte(cookie))] = c
	return cookie, key
}

func (s *sessions) remove(id digest) {
	if c := s.all[id]; c != nil {
		c.end()
		delete(s.all, id)
	}
}

func (s *sessions) evict() {
	var longest digest
	var seen time.Time
	for id, c := range s.all {
		if seen.IsZero() || c.seen.Before(seen) {
			longest, seen = id, c.seen
		}
	}
	s.remove(longest)
}

func (s *sessions) ended(c *session, now time.Time) bool {
	return now.Sub(c.created) > s.life || c.streams == 0 && now.Sub(c.seen) > s.idle
}

// find returns the session that the two halves open, or nil.
func (s *sessions) find(cookie, key string) *session {
	id, now := sha256.Sum256([]byte(cookie)), s.now()
	half := sha256.Sum256([]byte(key))
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.all[id]
	if c == nil || subtle.ConstantTimeCompare(c.key[:], half[:]) != 1 {
		return nil
	}
	if s.ended(c, now) {
		s.remove(id)
		return nil
	}
	c.seen = now
	return c
}

// close ends the session of a cookie.
func (s *sessions) close(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(sha256.Sum256([]byte(cookie)))
}

// valid says whether c still stands: it has neither ended nor been closed, and
// its user's credentials are accepted, which is asked at most once a minute.
func (s *sessions) valid(ctx context.Context, c *session) bool {
	now := s.now()
	s.mu.Lock()
	stands := !s.ended(c, now) && c.ctx.Err() == nil
	fresh := now.Sub(c.checked) < recheckAfter
	s.mu.Unlock()
	if !stands || fresh {
		return stands
	}
	if !c.user.alive(ctx) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.checked = now
	return true
}

// stream counts a live connection of c; it refuses more than max at once.
func (s *sessions) stream(c *session, max int) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.streams >= max {
		return nil, false
	}
	c.streams++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		c.streams--
		c.seen = s.now()
	}, true
}

// cookieFor names the cookie of the console that r asks: two consoles on one
// host differ by their port only, which cookies do not.
func cookieFor(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		return cookieName + "-" + port
	}
	return cookieName
}

func cookieValue(r *http.Request) string {
	c, err := r.Cookie(cookieFor(r))
	if err != nil {
		return ""
	}
	return c.Value
}

func setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: cookieFor(r), Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode})
}

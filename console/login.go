package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"garboard.dev/garboard/fault"
)

// credentials is what a login brings: one of the two.
type credentials struct {
	Code  string `json:"code"`  // of a one-time link
	Token string `json:"token"` // a Kubernetes bearer token
}

const (
	maxLogin = 32 << 10 // bytes of a login's body; tokens have a few thousand
	maxToken = 16 << 10
)

// readCredentials parses a login's body.
func readCredentials(w http.ResponseWriter, r *http.Request) (credentials, error) {
	var c credentials
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return c, errors.New("a login is sent as application/json")
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxLogin)).Decode(&c); err != nil {
		return c, errors.New("the login cannot be read")
	}
	c.Code, c.Token = strings.TrimSpace(c.Code), strings.TrimSpace(c.Token)
	if (c.Code == "") == (c.Token == "") {
		return c, errors.New("a login has either a code or a token")
	}
	return c, checkToken(c.Token)
}

// checkToken refuses what cannot stand in an Authorization header: the token
// is passed on in one (RFC 6750, section 2.1: b64token).
func checkToken(token string) error {
	if len(token) > maxToken {
		return errors.New("the token is too long")
	}
	for _, c := range []byte(token) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+/=", c) >= 0:
		default:
			return errors.New("the token has characters that no token has: copy it again, whole and without quotes")
		}
	}
	return nil
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if wait := s.limit.take(r); wait > 0 {
		seconds := int(math.Ceil(wait.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		refuse(w, http.StatusTooManyRequests, "there were too many logins", fmt.Sprintf("try again in %d s", seconds))
		return
	}
	given, err := readCredentials(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error(), "")
		return
	}
	user, err := s.identify(r, given)
	if err != nil {
		s.env.Log.Warn("console login refused", "from", r.RemoteAddr, "error", err)
		refuse(w, statusOf(err), err.Error(), fault.Hint(err))
		return
	}
	s.sessions.close(cookieValue(r)) // the browser forgets it now
	cookie, key := s.sessions.open(r.Context(), user)
	setCookie(w, r, cookie, int(s.options.Life.Seconds()))
	s.env.Log.Info("console login", "user", user.Name, "from", r.RemoteAddr)
	Reply(w, map[string]string{"key": key})
}

func (s *Server) identify(r *http.Request, given credentials) (*User, error) {
	if given.Token != "" {
		return s.options.Authenticator.Authenticate(r.Context(), given.Token)
	}
	if err := s.codes.redeem(given.Code, s.env.Now()); err != nil {
		return nil, fault.New(fault.Denied, "log in with this link", "run garboard console for a new link", "%w", err)
	}
	return Administrator(s.env.Client), nil
}

func statusOf(err error) int {
	switch fault.KindOf(err) {
	case fault.Denied:
		return http.StatusForbidden
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// logout ends the session of the cookie. It needs no key: whoever holds the
// cookie may only give it up, and other sites cannot send it.
func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	s.sessions.close(cookieValue(r))
	setCookie(w, r, "", -1)
	w.WriteHeader(http.StatusNoContent)
}

// session tells the front end who is logged in, and what there is to see.
func (s *Server) session(w http.ResponseWriter, r *http.Request) {
	type page struct {
		Name  string `json:"name"`
		Title string `json:"title"`
	}
	pages := []page{}
	for _, p := range s.pages {
		pages = append(pages, page{p.Name, p.Title})
	}
	Reply(w, map[string]any{
		"user": UserOf(r.Context()).Name, "version": s.options.Version, "cluster": s.options.Cluster,
		"own": s.env.StateDir != "", "pages": pages,
	})
}

// Reply answers a request with value in JSON.
func Reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value) // fails only where the browser has gone
}

// refuse answers with an error as the front end shows errors.
func refuse(w http.ResponseWriter, status int, text, hint string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": text, "hint": hint}) // as in Reply
}

// Refuse answers a page's request with err: its text, its hint, and a status
// that its kind decides.
func Refuse(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	switch fault.KindOf(err) {
	case fault.NotFound:
		status = http.StatusNotFound
	case fault.Denied:
		status = http.StatusForbidden
	case fault.Misuse:
		status = http.StatusBadRequest
	case fault.Unavailable:
		status = http.StatusServiceUnavailable
	}
	refuse(w, status, err.Error(), fault.Hint(err))
}

// quietLog sends what net/http has to say (mostly browsers that do not like
// the certificate yet) to log's debug level.
func quietLog(to *slog.Logger) *log.Logger { return slog.NewLogLogger(to.Handler(), slog.LevelDebug) }

package console

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"time"
)

// Options are what a Server needs beside its pages.
type Options struct {
	TLS           *tls.Config   // the console speaks nothing else
	Key           *Key          // signs one-time links
	Authenticator Authenticator // for tokens
	Version       string
	Cluster       string        // what the console looks at, as people call it
	Idle, Life    time.Duration // of a session; zero: an hour and twelve
	Assets        fs.FS         // the built front end; nil: the one in this binary
}

// Server is the console.
type Server struct {
	env      Env
	options  Options
	pages    []Page
	sessions *sessions
	codes    *codes
	limit    *limit
	live     *live
	handler  http.Handler
}

// New returns a Server that shows pages.
func New(env Env, pages []Page, o Options) *Server {
	if o.Idle == 0 {
		o.Idle = time.Hour
	}
	if o.Life == 0 {
		o.Life = 12 * time.Hour
	}
	if o.Assets == nil {
		o.Assets = built()
	}
	s := &Server{
		env: env, options: o, pages: pages,
		sessions: newSessions(env.Now, o.Idle, o.Life),
		codes:    newCodes(o.Key, env.Now()),
		limit:    newLimit(env.Now),
		live:     newLive(pages),
	}
	s.handler = s.routes()
	return s
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// farewell is how long requests may take to end when the console stops.
const farewell = 3 * time.Second

// Serve answers on l until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	stopFeeds := s.live.start(ctx)
	defer stopFeeds()
	server := &http.Server{
		Handler: s, TLSConfig: s.options.TLS,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    quietLog(s.env.Log),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(l, "", "") }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	if err := server.Shutdown(limit); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close()
}

func (s *Server) routes() http.Handler {
	open := http.NewServeMux() // what a browser may ask before it has a session
	open.HandleFunc("POST /api/login", s.login)
	open.HandleFunc("POST /api/logout", s.logout)
	open.Handle("/api/", s.requireSession(s.closed()))
	open.Handle("/", assets{s.options.Assets})
	return secure(http.NewCrossOriginProtection().Handler(open))
}

// closed is what only a session reaches.
func (s *Server) closed() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/session", s.session)
	mux.HandleFunc("GET /api/live", s.serveLive)
	for _, p := range s.pages {
		if p.Routes == nil {
			continue
		}
		own := http.NewServeMux()
		p.Routes(own)
		mux.Handle("/api/"+p.Name+"/", own)
	}
	return mux
}

// contentPolicy lets the page load only what this server serves: no inline
// script or style, no frame, no form that leaves.
var contentPolicy = strings.Join([]string{
	"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
	"connect-src 'self'", "manifest-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
}, "; ")

// secure sets the headers that every answer carries.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		h.Set("Strict-Transport-Security", "max-age=31536000")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin says whether r came from a page of this server, or from no page
// at all. Unlike the protection of unsafe methods it also covers reading.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	origin := r.Header.Get("Origin")
	return origin == "" || origin == "https://"+r.Host
}

type sessionKey struct{}

func (s *Server) requireSession(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !sameOrigin(r) {
			refuse(w, http.StatusForbidden, "this request comes from another site", "")
			return
		}
		c := s.sessions.find(cookieValue(r), r.Header.Get(keyHeader))
		if c == nil || !s.sessions.valid(r.Context(), c) {
			refuse(w, http.StatusUnauthorized, "you are not logged in", "log in again")
			return
		}
		ctx, cancel := context.WithCancel(context.WithValue(withUser(r.Context(), c.user), sessionKey{}, c))
		defer cancel()
		defer context.AfterFunc(c.ctx, cancel)()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

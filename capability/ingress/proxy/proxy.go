// Package proxy serves HTTP and HTTPS by a routing table that may be replaced at
// any time: requests under way finish by the table they began with, and no
// listener or connection is touched.
//
// It stands on net/http and httputil.ReverseProxy; doc/decision/0030 has the
// measurements behind that.
package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"garboard.dev/garboard/capability/ingress"
)

// Limits for what comes from outside.
const (
	headerTimeout = 10 * time.Second // a client that sends its headers slower is cut off
	idleTimeout   = 75 * time.Second
	headerBytes   = 64 << 10
	bufferSize    = 32 << 10
)

// Options are what a Server works with.
type Options struct {
	Log       *slog.Logger
	HTTPSPort int // redirects name it unless it is 443
	// Issue returns a certificate of the platform's own for a host that has no
	// other; host is "" for clients that name none.
	Issue func(host string) (*tls.Certificate, error)
}

// Server is the proxy. Set gives it its table.
type Server struct {
	Options
	table   atomic.Pointer[ingress.Table]
	reverse *httputil.ReverseProxy
}

// New returns a Server with an empty table.
func New(o Options) *Server {
	s := &Server{Options: o}
	s.table.Store(&ingress.Table{})
	s.reverse = &httputil.ReverseProxy{
		Rewrite: rewrite, Transport: newBalancer(), ErrorHandler: s.failed, BufferPool: &buffers{},
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// Set replaces the table.
func (s *Server) Set(t *ingress.Table) { s.table.Store(t) }

// Serve serves HTTP on plain and HTTPS on secure until ctx ends; then it stops
// listening and gives requests under way the time drain to finish.
func (s *Server) Serve(ctx context.Context, plain, secure net.Listener, drain time.Duration) error {
	server := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes,
		ErrorLog: slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	secured := tls.NewListener(secure, &tls.Config{GetCertificate: s.certificate, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12})
	ended := make(chan error, 2)
	go func() { ended <- server.Serve(plain) }()
	go func() { ended <- server.Serve(secured) }()
	select {
	case err := <-ended:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(limit); err != nil {
		return server.Close() // what still runs, websockets among it, has had its time
	}
	return nil
}

// chosen is what a request was routed to.
type chosen struct {
	backend *ingress.Backend
	ending  func(address string) bool // may be nil
}

type chosenKey struct{}

// ServeHTTP routes one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := hostName(r.Host)
	t := s.table.Load()
	route := find(t, name, r.URL.Path)
	switch {
	case route == nil:
		http.Error(w, fmt.Sprintf("no route for %s%s", name, r.URL.EscapedPath()), http.StatusNotFound)
	case route.Redirect && r.TLS == nil:
		http.Redirect(w, r, s.secureURL(name, r), http.StatusPermanentRedirect)
	case len(route.Backend.Endpoints) == 0:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "no pod is ready behind "+route.Backend.Name, http.StatusServiceUnavailable)
	default:
		s.reverse.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), chosenKey{}, chosen{route.Backend, t.Ending})))
	}
}

// find returns the route for a path of a host; what the host does not serve
// falls to the entry for any host.
func find(t *ingress.Table, name, path string) *ingress.Route {
	host := t.Find(name)
	if host == nil {
		return nil
	}
	if route := host.Match(path); route != nil {
		return route
	}
	if any := t.Hosts[""]; any != nil {
		return any.Match(path)
	}
	return nil
}

func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func (s *Server) secureURL(name string, r *http.Request) string {
	if s.HTTPSPort != 443 {
		name = net.JoinHostPort(name, strconv.Itoa(s.HTTPSPort))
	}
	return "https://" + name + r.URL.RequestURI()
}

// rewrite makes the request that the backend gets. Forwarding headers that the
// client sent are gone by now (httputil.ReverseProxy.Rewrite): only ours count.
func rewrite(p *httputil.ProxyRequest) {
	p.SetXForwarded()
	for name := range p.Out.Header { // CGI programs read X_Forwarded_For as X-Forwarded-For
		if strings.ContainsRune(name, '_') || name == "X-Real-Ip" {
			delete(p.Out.Header, name)
		}
	}
	p.Out.URL.RawQuery = p.In.URL.RawQuery // as it came: what Go cannot parse is the pod's to judge
	p.Out.Host = p.In.Host
	p.Out.URL.Scheme = "http"
	p.Out.URL.Host = p.In.Host
	if local, ok := p.In.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		if _, port, err := net.SplitHostPort(local.String()); err == nil {
			p.Out.Header.Set("X-Forwarded-Port", port)
		}
	}
}

// failed answers for a backend that did not.
func (s *Server) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the client has gone
	}
	to, _ := r.Context().Value(chosenKey{}).(chosen)
	s.Log.Debug("backend failed", "backend", to.backend.Name, "path", r.URL.Path, "error", err)
	status := http.StatusBadGateway
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		status = http.StatusGatewayTimeout
	}
	http.Error(w, "the pods behind "+to.backend.Name+" did not answer", status)
}

// certificate chooses by the name that the client asks for.
func (s *Server) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := hostName(hello.ServerName)
	t := s.table.Load()
	host := t.Hosts[name]
	// All names below a wildcard share its certificate: a client could ask for any number of them.
	if _, parent, ok := strings.Cut(name, "."); host == nil && ok {
		name = "*." + parent
		host = t.Hosts[name]
	}
	if host == nil {
		return s.Issue("") // names that nobody serves are not signed
	}
	if host.Certificate != nil {
		return host.Certificate, nil
	}
	return s.Issue(name)
}

// buffers keeps copy buffers for reuse.
type buffers struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, bufferSize)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }

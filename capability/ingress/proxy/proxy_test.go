package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"garboard.dev/garboard/capability/ingress"
	"garboard.dev/garboard/capability/ingress/proxy"
)

// front starts a proxy whose HTTP address it returns.
func front(t *testing.T) (*proxy.Server, string) {
	t.Helper()
	s := proxy.New(proxy.Options{Log: slog.New(slog.DiscardHandler), HTTPSPort: 443, Issue: func(string) (*tls.Certificate, error) { return nil, errors.New("no certificate in this test") }})
	plain, secure := listen(t), listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, plain, secure, 2*time.Second) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s, plain.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func table(redirect bool, endpoints ...string) *ingress.Table {
	b := &ingress.Backend{Name: "shop/web:80"}
	for _, e := range endpoints {
		b.Endpoints = append(b.Endpoints, netip.MustParseAddrPort(e))
	}
	return &ingress.Table{Hosts: map[string]*ingress.Host{"h": {Routes: []ingress.Route{{Path: "/", Backend: b, Redirect: redirect}}}}}
}

func request(t *testing.T, method, address, path, body string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "h"
	for _, name := range []string{"X-Forwarded-For", "X_Forwarded_For", "X-Real-Ip"} {
		r.Header[name] = []string{"6.6.6.6"}
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

func TestForwarding(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body string
	pod := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, body = r, string(text)
	}))
	defer pod.Close()
	s, address := front(t)
	s.Set(table(false, pod.Listener.Addr().String()))
	request(t, http.MethodPost, address, "/a%2Fb/c?x=%20;y=1", "hello")
	if got.RequestURI != "/a%2Fb/c?x=%20;y=1" || got.Host != "h" || body != "hello" {
		t.Errorf("the pod saw %s of %s with %q", got.RequestURI, got.Host, body)
	}
	//lint:ignore SA1008 a client that hopes for a server which takes both forms for one sends it so
	if len(got.Header["X_Forwarded_For"])+len(got.Header["X-Real-Ip"]) > 0 {
		t.Errorf("headers that a client made up reached the pod: %v", got.Header)
	}
	if f := got.Header.Get("X-Forwarded-For"); f != "127.0.0.1" {
		t.Errorf("X-Forwarded-For %q: a client's own must not be believed", f)
	}
	if got.Header.Get("X-Forwarded-Proto") != "http" || got.Header.Get("X-Forwarded-Host") != "h" {
		t.Errorf("headers %v", got.Header)
	}
}

func TestAnswersWithoutPod(t *testing.T) {
	t.Parallel()
	s, address := front(t)
	for _, c := range []struct {
		table  *ingress.Table
		status int
	}{
		{&ingress.Table{}, http.StatusNotFound},
		{table(false), http.StatusServiceUnavailable},
		{table(true), http.StatusPermanentRedirect},
		{table(false, "127.0.0.1:1"), http.StatusBadGateway},
	} {
		s.Set(c.table)
		if res := request(t, http.MethodGet, address, "/p?q=1", ""); res.StatusCode != c.status {
			t.Errorf("status %d, want %d", res.StatusCode, c.status)
		} else if c.status == http.StatusPermanentRedirect && res.Header.Get("Location") != "https://h/p?q=1" {
			t.Errorf("redirected to %s", res.Header.Get("Location"))
		}
	}
}

// A pod that cannot be reached costs nothing while another one can, also for a
// request that must not be sent twice.
func TestUnreachablePodIsPassedOver(t *testing.T) {
	t.Parallel()
	var bodies atomic.Int64
	pod := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies.Add(n)
	}))
	defer pod.Close()
	s, address := front(t)
	s.Set(table(false, "127.0.0.1:1", pod.Listener.Addr().String(), "127.0.0.1:2"))
	const requests = 30
	for range requests {
		if res := request(t, http.MethodPost, address, "/", "x"); res.StatusCode != http.StatusOK {
			t.Fatalf("status %d", res.StatusCode)
		}
	}
	if bodies.Load() != requests {
		t.Errorf("the pod got %d bodies of %d", bodies.Load(), requests)
	}
}

func TestPostIsNotRepeated(t *testing.T) {
	t.Parallel()
	var posts atomic.Int64
	pod := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		posts.Add(1)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	}))
	defer pod.Close()
	s, address := front(t)
	s.Set(table(false, pod.Listener.Addr().String(), pod.Listener.Addr().String()))
	if res := request(t, http.MethodPost, address, "/", "order"); res.StatusCode != http.StatusBadGateway || posts.Load() != 1 {
		t.Errorf("status %d after %d posts", res.StatusCode, posts.Load())
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	pod := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		rw.Flush()
		line, err := rw.ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(rw, "echo "+line)
		rw.Flush()
	}))
	defer pod.Close()
	s, address := front(t)
	s.Set(table(false, pod.Listener.Addr().String()))
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	r := bufio.NewReader(conn)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", res, err)
	}
	fmt.Fprint(conn, "hello\n")
	if line, err := r.ReadString('\n'); err != nil || line != "echo hello\n" {
		t.Errorf("%q, %v", line, err)
	}
}

// Pods come and go under load, each closing its listener at the moment it
// leaves the table, as a pod that gets SIGTERM does: no request may fail.
func TestRollingUpdateFailsNoRequest(t *testing.T) {
	t.Parallel()
	s, address := front(t)
	start := func() *httptest.Server {
		return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	}
	pods := []*httptest.Server{start(), start()}
	publish := func() {
		s.Set(table(false, pods[0].Listener.Addr().String(), pods[1].Listener.Addr().String()))
	}
	publish()
	ctx, stop := context.WithCancel(t.Context())
	var failed, done atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for ctx.Err() == nil {
				res := request(t, http.MethodGet, address, "/", "")
				if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
					failed.Add(1)
				}
				done.Add(1)
			}
		})
	}
	for i := range 8 {
		old := pods[i%2]
		pods[i%2] = start()
		closed := make(chan struct{})
		go func() {
			old.Listener.Close()
			old.Config.SetKeepAlivesEnabled(false)
			close(closed)
		}()
		publish()
		<-closed
		time.Sleep(20 * time.Millisecond)
		if err := old.Config.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	stop()
	clients.Wait()
	if failed.Load() > 0 || done.Load() < 100 {
		t.Errorf("%d of %d requests failed", failed.Load(), done.Load())
	}
	for _, p := range pods {
		p.Close()
	}
}

// However many names below a wildcard clients ask for, one certificate is made.
func TestWildcardHasOneCertificate(t *testing.T) {
	t.Parallel()
	issued := make(chan string, 100)
	s := proxy.New(proxy.Options{Log: slog.New(slog.DiscardHandler), HTTPSPort: 443, Issue: func(host string) (*tls.Certificate, error) {
		issued <- host
		return nil, errors.New("no certificate in this test")
	}})
	s.Set(&ingress.Table{Hosts: map[string]*ingress.Host{"*.example.org": {}, "www.example.org": {}}})
	plain, secure := listen(t), listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, plain, secure, time.Second) }()
	for asked, want := range map[string]string{"a.example.org": "*.example.org", "b.example.org": "*.example.org", "www.example.org": "www.example.org", "a.b.example.org": "", "else.test": ""} {
		if c, err := tls.Dial("tcp", secure.Addr().String(), &tls.Config{ServerName: asked}); err == nil {
			c.Close()
			t.Errorf("%s got a certificate that was never made", asked)
		}
		if got := <-issued; got != want {
			t.Errorf("for %s a certificate of %q is made, want %q", asked, got, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A pod that is being deleted gets no more requests, from that moment on: no new
// table is needed. Where no other pod is left it still serves.
func TestEndingPod(t *testing.T) {
	t.Parallel()
	pod := func(name string) string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
		address := map[string]string{"a": "127.0.0.2:0", "b": "127.0.0.3:0"}[name]
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		s.Listener.Close()
		s.Listener = l
		s.Start()
		t.Cleanup(s.Close)
		return l.Addr().String()
	}
	s, address := front(t)
	var ending sync.Map
	given := table(false, pod("a"), pod("b"))
	given.Ending = func(address string) bool { _, ok := ending.Load(address); return ok }
	s.Set(given)
	seen := func() map[string]bool {
		out := map[string]bool{}
		for range 50 {
			answer := request(t, http.MethodPost, address, "/", "x")
			body, err := io.ReadAll(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			out[string(body)] = true
		}
		return out
	}
	if got := seen(); !got["a"] || !got["b"] {
		t.Errorf("of two pods %v answered", got)
	}
	ending.Store("127.0.0.2", true)
	if got := seen(); got["a"] || !got["b"] {
		t.Errorf("while a ends %v answered", got)
	}
	ending.Store("127.0.0.3", true)
	if got := seen(); !got["a"] || !got["b"] {
		t.Errorf("while both end %v answered", got)
	}
}

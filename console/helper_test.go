package console

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"k8s.io/client-go/kubernetes/fake"

	"garboard.dev/garboard/fault"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// tokens is an Authenticator that knows one token.
type tokens struct{ good string }

func (a tokens) Authenticate(_ context.Context, token string) (*User, error) {
	if token != a.good {
		return nil, fault.New(fault.Denied, "log in with this token", "get a new one", "it is not accepted")
	}
	return &User{Name: "alice", Client: fake.NewClientset(), now: time.Now, own: true}, nil
}

const (
	host   = "127.0.0.1:8443"
	origin = "https://" + host
)

var frontEnd = fstest.MapFS{
	"index.html":      {Data: []byte("<!doctype html><title>Garboard</title>")},
	"assets/index.js": {Data: []byte("'use strict'")},
}

type fixture struct {
	*Server
	t     *testing.T
	clock *clock
}

func newFixture(t *testing.T, pages ...Page) *fixture {
	t.Helper()
	c := newClock()
	env := Env{Log: slog.New(slog.DiscardHandler), Now: c.Now, Client: fake.NewClientset()}
	return &fixture{New(env, pages, Options{Key: NewKey(), Authenticator: tokens{"good-token"}, Version: "test", Assets: frontEnd}), t, c}
}

type change func(*http.Request)

func header(name, value string) change {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func (f *fixture) ask(method, path, body string, changes ...change) *http.Response {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), method, origin+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", origin)
	}
	for _, c := range changes {
		c(r)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result()
}

// login logs in with a link and returns what makes a request one of that session.
func (f *fixture) login() change {
	f.t.Helper()
	res := f.ask("POST", "/api/login", `{"code":"`+f.options.Key.Code(f.clock.Now())+`"}`)
	return f.halves(res)
}

func (f *fixture) halves(res *http.Response) change {
	f.t.Helper()
	body := text(f.t, res)
	key, ok := strings.CutPrefix(strings.TrimSpace(body), `{"key":"`)
	if res.StatusCode != http.StatusOK || !ok || len(res.Cookies()) != 1 {
		f.t.Fatalf("login: %d %s, cookies %v", res.StatusCode, body, res.Cookies())
	}
	return func(r *http.Request) {
		r.AddCookie(res.Cookies()[0])
		r.Header.Set(keyHeader, strings.TrimSuffix(key, `"}`))
	}
}

func text(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (f *fixture) wants(what string, res *http.Response, status int) {
	f.t.Helper()
	if res.StatusCode != status {
		f.t.Errorf("%s: status %d, want %d: %s", what, res.StatusCode, status, text(f.t, res))
	}
}

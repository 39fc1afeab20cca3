package console

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func hello(name string) Page {
	return Page{Name: name, Title: "Hello", Routes: func(m *http.ServeMux) {
		m.HandleFunc("GET /api/"+name+"/who", func(w http.ResponseWriter, r *http.Request) { Reply(w, UserOf(r.Context()).Name) })
	}}
}

func TestNothingIsAnsweredWithoutASession(t *testing.T) {
	t.Parallel()
	f := newFixture(t, hello("demo"))
	for _, path := range []string{"/api/session", "/api/live", "/api/demo/who", "/api/demo/", "/api/", "/api/nothing"} {
		f.wants("GET "+path, f.ask("GET", path, ""), http.StatusUnauthorized)
	}
}

func TestASessionNeedsBothHalves(t *testing.T) {
	t.Parallel()
	f := newFixture(t, hello("demo"))
	mine, other := f.login(), f.login()
	f.wants("both", f.ask("GET", "/api/demo/who", "", mine), http.StatusOK)
	f.wants("the cookie alone", f.ask("GET", "/api/demo/who", "", mine, func(r *http.Request) { r.Header.Del(keyHeader) }), http.StatusUnauthorized)
	f.wants("the key alone", f.ask("GET", "/api/demo/who", "", mine, func(r *http.Request) { r.Header.Del("Cookie") }), http.StatusUnauthorized)
	f.wants("one's cookie with another's key", f.ask("GET", "/api/demo/who", "", mine, func(r *http.Request) {
		cookie := r.Header.Get("Cookie")
		other(r)
		r.Header.Set("Cookie", cookie)
	}), http.StatusUnauthorized)
}

func TestTheCookieIsStrict(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	res := f.ask("POST", "/api/login", `{"token":"good-token"}`)
	c := res.Cookies()[0]
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Name != "__Host-garboard-8443" {
		t.Errorf("cookie %+v", c)
	}
	if strings.Contains(text(t, res), c.Value) {
		t.Error("the cookie's half is in the body too")
	}
}

func TestALinkWorksOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	body := `{"code":"` + f.options.Key.Code(f.clock.Now()) + `"}`
	f.wants("first", f.ask("POST", "/api/login", body), http.StatusOK)
	f.wants("second", f.ask("POST", "/api/login", body), http.StatusForbidden)
}

func TestLoginsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body    string
		status  int
		changes []change
	}{
		"no body":           {`{}`, 400, nil},
		"both":              {`{"code":"a","token":"b"}`, 400, nil},
		"no JSON":           {`code=a`, 400, nil},
		"a form":            {`{"token":"good-token"}`, 400, []change{header("Content-Type", "application/x-www-form-urlencoded")}},
		"a wrong token":     {`{"token":"bad"}`, 403, nil},
		"a broken token":    {`{"token":"two words"}`, 400, nil},
		"a split header":    {`{"token":"a\r\nX: y"}`, 400, nil},
		"a huge body":       {`{"token":"` + strings.Repeat("a", maxLogin) + `"}`, 400, nil},
		"a long token":      {`{"token":"` + strings.Repeat("a", maxToken+1) + `"}`, 400, nil},
		"another origin":    {`{"token":"good-token"}`, 403, []change{header("Origin", "https://example.org")}},
		"another port":      {`{"token":"good-token"}`, 403, []change{header("Origin", "https://127.0.0.1:443")}},
		"another site":      {`{"token":"good-token"}`, 403, []change{header("Sec-Fetch-Site", "cross-site")}},
		"a sibling's frame": {`{"token":"good-token"}`, 403, []change{header("Sec-Fetch-Site", "same-site")}},
	} {
		f := newFixture(t)
		res := f.ask("POST", "/api/login", c.body, c.changes...)
		f.wants(name, res, c.status)
		if len(res.Cookies()) != 0 {
			t.Errorf("%s: a cookie was set", name)
		}
	}
}

func TestOtherOriginsCannotRead(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine := f.login()
	f.wants("own page", f.ask("GET", "/api/session", "", mine, header("Sec-Fetch-Site", "same-origin")), http.StatusOK)
	f.wants("another site", f.ask("GET", "/api/session", "", mine, header("Sec-Fetch-Site", "cross-site")), http.StatusForbidden)
	f.wants("another port", f.ask("GET", "/api/live", "", mine, header("Origin", "https://127.0.0.1:9")), http.StatusForbidden)
	f.wants("posting from elsewhere", f.ask("POST", "/api/logout", "", mine, header("Origin", "https://example.org")), http.StatusForbidden)
	f.wants("still logged in", f.ask("GET", "/api/session", "", mine), http.StatusOK)
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	idle, busy := f.login(), f.login()
	f.clock.move(50 * time.Minute)
	f.wants("busy after 50 min", f.ask("GET", "/api/session", "", busy), http.StatusOK)
	f.clock.move(20 * time.Minute)
	f.wants("idle for 70 min", f.ask("GET", "/api/session", "", idle), http.StatusUnauthorized)
	f.wants("busy after 70 min", f.ask("GET", "/api/session", "", busy), http.StatusOK)
	for range 11 * 2 {
		f.clock.move(30 * time.Minute)
		f.ask("GET", "/api/session", "", busy)
	}
	f.wants("busy after twelve hours", f.ask("GET", "/api/session", "", busy), http.StatusUnauthorized)
}

func TestLogoutEndsTheSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine := f.login()
	res := f.ask("POST", "/api/logout", "", mine)
	f.wants("logout", res, http.StatusNoContent)
	if c := res.Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
		t.Errorf("the cookie is not taken back: %v", c)
	}
	f.wants("afterwards", f.ask("GET", "/api/session", "", mine), http.StatusUnauthorized)
}

func TestANewLoginEndsTheOldSession(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	mine := f.login()
	f.wants("second login", f.ask("POST", "/api/login", `{"token":"good-token"}`, mine), http.StatusOK)
	f.wants("the old session", f.ask("GET", "/api/session", "", mine), http.StatusUnauthorized)
}

func TestTooManyLoginsWait(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	from := func(address string) change { return func(r *http.Request) { r.RemoteAddr = address } }
	for range triesPerMinute {
		f.wants("a try", f.ask("POST", "/api/login", `{"token":"bad"}`, from("10.0.0.1:1000")), http.StatusForbidden)
	}
	res := f.ask("POST", "/api/login", `{"token":"good-token"}`, from("10.0.0.1:2000"))
	f.wants("one more", res, http.StatusTooManyRequests)
	if res.Header.Get("Retry-After") != "60" {
		t.Errorf("Retry-After %q, want 60", res.Header.Get("Retry-After"))
	}
	f.wants("another address", f.ask("POST", "/api/login", `{"token":"good-token"}`, from("10.0.0.2:1000")), http.StatusOK)
	f.clock.move(61 * time.Second)
	f.wants("a minute later", f.ask("POST", "/api/login", `{"token":"good-token"}`, from("10.0.0.1:1000")), http.StatusOK)
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, path := range []string{"/", "/overview", "/assets/index.js", "/missing.js", "/api/session", "/api/nothing"} {
		h := f.ask("GET", path, "").Header
		policy := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %q", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy is not strict: %q", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q, want %q", path, name, h.Get(name), want)
			}
		}
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if got := text(t, f.ask("GET", "/workloads", "")); !strings.Contains(got, "<title>Garboard") {
		t.Errorf("an address of the front end gets %q", got)
	}
	if got := f.ask("GET", "/assets/index.js", "").Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("assets are cached as %q", got)
	}
	if got := f.ask("GET", "/", "").Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("the page is cached as %q", got)
	}
	f.wants("a missing file", f.ask("GET", "/assets/none.js", ""), http.StatusNotFound)
	f.wants("a file that is not there", f.ask("GET", "/passwd.txt", ""), http.StatusNotFound)
	f.wants("a POST", f.ask("POST", "/", "x"), http.StatusMethodNotAllowed)
}

func TestWithoutFrontEndItSaysHowToBuildIt(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.Server = New(f.env, nil, Options{Key: NewKey(), Assets: fstest.MapFS{".keep": {}}})
	res := f.ask("GET", "/overview", "")
	f.wants("the page", res, http.StatusNotImplemented)
	if got := text(t, res); !strings.Contains(got, "make build") || strings.Contains(got, "style") || strings.Contains(got, "<script") {
		t.Errorf("the page says %q", got)
	}
}

func TestPagesReachTheUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t, hello("demo"), Page{Name: "bare", Title: "Bare"})
	mine := f.halves(f.ask("POST", "/api/login", `{"token":"good-token"}`))
	if got := text(t, f.ask("GET", "/api/demo/who", "", mine)); got != "\"alice\"\n" {
		t.Errorf("the page serves %q", got)
	}
	got := text(t, f.ask("GET", "/api/session", "", mine))
	for _, want := range []string{`"user":"alice"`, `{"name":"demo","title":"Hello"}`, `{"name":"bare","title":"Bare"}`, `"own":false`} {
		if !strings.Contains(got, want) {
			t.Errorf("the session %s lacks %s", got, want)
		}
	}
	f.wants("a page without routes", f.ask("GET", "/api/bare/x", "", mine), http.StatusNotFound)
}

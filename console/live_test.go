package console

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/fake"
)

// counter is a feed that counts while somebody reads.
type counter struct {
	*Latest[int]
	running chan bool
}

func (c *counter) run(ctx context.Context) {
	c.running <- true
	defer func() { c.running <- false }()
	for n := 1; ctx.Err() == nil; n++ {
		c.Add(n)
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// started runs a console on loopback and returns a client that is logged in.
func started(t *testing.T, pages ...Page) (ask func(method, path, body string) *http.Response, stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	env := Env{Log: slog.New(slog.DiscardHandler), Now: time.Now, Client: fake.NewClientset()}
	s := New(env, pages, Options{Key: NewKey(), Authenticator: tokens{"good-token"}, Assets: frontEnd, TLS: ServerTLS(time.Now, SelfSigned("127.0.0.1"))})
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	stop = func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(client.CloseIdleConnections)
	var cookie *http.Cookie
	var key string
	ask = func(method, path, body string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, "https://"+l.Addr().String()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set(keyHeader, key)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	res := ask("POST", "/api/login", `{"token":"good-token"}`)
	var half struct{ Key string }
	if err := json.NewDecoder(res.Body).Decode(&half); err != nil {
		t.Fatal(err)
	}
	cookie, key = res.Cookies()[0], half.Key
	return ask, stop
}

func TestLiveDataFlowsUntilLogout(t *testing.T) {
	t.Parallel()
	count := &counter{NewLatest[int](3), make(chan bool, 2)}
	ask, stop := started(t, Page{Name: "demo", Feeds: []Feed{{Name: "count", Run: count.run, Open: count.Open}}})
	res := ask("GET", "/api/live", "")
	if res.ProtoMajor != 2 {
		t.Errorf("the console speaks %s: streams would use up a browser's connections", res.Proto)
	}
	lines := bufio.NewScanner(res.Body)
	var last int
	if !lines.Scan() || lines.Text() != "{}" {
		t.Errorf("the stream begins with %q, want a sign of life", lines.Text())
	}
	for range 3 {
		if !lines.Scan() {
			t.Fatal("the stream ended")
		}
		var m struct {
			Feed string
			Data []int
		}
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if m.Feed != "demo/count" || m.Data[0] <= last {
			t.Errorf("%s after %d", lines.Text(), last)
		}
		last = m.Data[len(m.Data)-1]
	}
	if res := ask("POST", "/api/logout", ""); res.StatusCode != http.StatusNoContent {
		t.Fatalf("logout: %s", res.Status)
	}
	for lines.Scan() { // what was on its way
	}
	if !<-count.running {
		t.Error("the feed was not started")
	}
	stop()
	if <-count.running {
		t.Error("the feed was not stopped")
	}
}

func TestASessionHasOnlySoManyStreams(t *testing.T) {
	t.Parallel()
	ask, stop := started(t)
	defer stop()
	for range maxStreams {
		if res := ask("GET", "/api/live", ""); res.StatusCode != http.StatusOK {
			t.Fatalf("a stream: %s", res.Status)
		}
	}
	if res := ask("GET", "/api/live", ""); res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one more: %s", res.Status)
	}
}

func TestFeedsRunOnceForManyReaders(t *testing.T) {
	t.Parallel()
	count := &counter{NewLatest[int](1), make(chan bool, 9)}
	l := newLive([]Page{{Name: "p", Feeds: []Feed{{Name: "f", Run: count.run, Open: count.Open}}}})
	stop := l.start(t.Context())
	leave1, leave2 := l.enter(), l.enter()
	if !<-count.running {
		t.Fatal("the feed did not start")
	}
	leave1()
	l.pause() // one still reads
	leave2()
	l.pause() // as the timer does
	if <-count.running {
		t.Fatal("the feed was started twice")
	}
	defer l.enter()()
	if !<-count.running {
		t.Fatal("the feed did not start again")
	}
	stop()
}

func TestLatestKeepsAFew(t *testing.T) {
	t.Parallel()
	l := NewLatest[int](2)
	early := l.Open(nil)
	for n := range 5 {
		l.Add(n)
	}
	for name, r := range map[string]Reader{"early": early, "late": l.Open(nil)} {
		data, more := r.Next(t.Context())
		if got, _ := data.([]int); len(got) != 2 || got[0] != 3 || got[1] != 4 || more {
			t.Errorf("%s: %v, %v", name, data, more)
		}
		if data, _ := r.Next(t.Context()); data != nil {
			t.Errorf("%s: again %v", name, data)
		}
	}
}

func TestCertificateIsRenewedBeforeItsEnd(t *testing.T) {
	t.Parallel()
	c := newClock()
	config := ServerTLS(c.Now, SelfSigned("127.0.0.1", "oak"))
	get := func() *x509.Certificate {
		cert, err := config.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return cert.Leaf
	}
	first := get()
	if first.VerifyHostname("127.0.0.1") != nil || first.VerifyHostname("oak") != nil || first.VerifyHostname("elm") == nil {
		t.Errorf("it is for %v and %v", first.IPAddresses, first.DNSNames)
	}
	c.move(selfSignedLife / 2)
	if !get().Equal(first) {
		t.Error("it was renewed too early")
	}
	c.move(selfSignedLife / 4)
	if second := get(); second.Equal(first) || second.NotAfter.Sub(c.Now()) < selfSignedLife/2 {
		t.Error("it was not renewed when a third was left")
	}
}

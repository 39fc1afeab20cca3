// Command rolling replaces pods under load, one after the other, and counts the
// requests that fail: "rolling [DURATION [PRESTOP]]", 20 s and 0 s where none is
// given. PRESTOP is the pods' preStop sleep, from SIGTERM until they end.
//
// A pod behaves as one that gets SIGTERM: it stops listening at once, closes its
// idle connections, finishes the requests that it has, and ends; all of that after
// its preStop sleep where it has one. The proxy hears of the pod's end later, by the time that the API server's watch takes. Half of the
// clients send GET, half POST with a small body.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/ingress"
	"garboard.dev/garboard/capability/ingress/proxy"
)

const (
	clients  = 8
	replicas = 3
	watchLag = 30 * time.Millisecond  // from SIGTERM until the proxy's table lacks the pod
	interval = 400 * time.Millisecond // from one replacement to the next
	work     = time.Millisecond       // what a pod takes for a request
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	failed, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "rolling:", err)
	}
	if err != nil || failed > 0 {
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (failed int, err error) {
	length, preStop := 20*time.Second, time.Duration(0)
	for i, to := range []*time.Duration{&length, &preStop} {
		if len(args) > i {
			if *to, err = time.ParseDuration(args[i]); err != nil {
				return 0, err
			}
		}
	}
	front, err := newFront(ctx)
	if err != nil {
		return 0, err
	}
	load, end := context.WithTimeout(ctx, length)
	defer end()
	results := make([]result, clients)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = ask(load, front.address, []string{http.MethodGet, http.MethodPost}[i%2]) })
	}
	replaced, err := front.roll(load, preStop)
	all.Wait()
	if err != nil {
		return 0, err
	}
	return print(results, replaced, preStop), nil
}

// front is the proxy with its pods.
type front struct {
	proxy   *proxy.Server
	address string
	pods    []*http.Server
	at      []netip.AddrPort
}

func newFront(ctx context.Context) (*front, error) {
	f := &front{proxy: proxy.New(proxy.Options{Log: slog.New(slog.DiscardHandler), HTTPSPort: 443,
		Issue: func(string) (*tls.Certificate, error) { return nil, errors.New("no TLS in this measurement") }})}
	for range replicas {
		if err := f.begin(); err != nil {
			return nil, err
		}
	}
	f.publish()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f.address = plain.Addr().String()
	go func() { _ = f.proxy.Serve(ctx, plain, secure, time.Second) }() // ends with the process
	return f, nil
}

// begin starts a pod.
func (f *front) begin() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		time.Sleep(work)
		fmt.Fprintf(w, "%d bytes\n", n)
	})}
	go func() { _ = s.Serve(l) }() // returns when the pod is shut down
	f.pods, f.at = append(f.pods, s), append(f.at, netip.MustParseAddrPort(l.Addr().String()))
	return nil
}

func (f *front) publish() {
	f.proxy.Set(&ingress.Table{Hosts: map[string]*ingress.Host{"h": {Routes: []ingress.Route{
		{Path: "/", Backend: &ingress.Backend{Name: "bench/web:80", Endpoints: slices.Clone(f.at)}}}}}})
}

// roll replaces the oldest pod again and again until ctx ends.
func (f *front) roll(ctx context.Context, preStop time.Duration) (replaced int, err error) {
	for {
		select {
		case <-ctx.Done():
			return replaced, nil
		case <-time.After(interval):
		}
		if err := f.begin(); err != nil {
			return replaced, err
		}
		f.publish()
		old := f.pods[0]
		f.pods, f.at = f.pods[1:], f.at[1:]
		ended := make(chan error, 1)
		go func() {
			time.Sleep(preStop)
			ended <- old.Shutdown(context.WithoutCancel(ctx))
		}()
		time.Sleep(watchLag)
		f.publish()
		if err := <-ended; err != nil {
			return replaced, err
		}
		replaced++
	}
}

// result is what one client saw.
type result struct {
	method  string
	took    []time.Duration
	failure map[string]int // by what went wrong
}

func ask(ctx context.Context, address, method string) result {
	out := result{method: method, failure: map[string]int{}}
	client := &http.Client{Transport: &http.Transport{}}
	for ctx.Err() == nil {
		began := time.Now()
		if why := once(ctx, client, address, method); why != "" && ctx.Err() == nil {
			out.failure[why]++
		}
		out.took = append(out.took, time.Since(began))
	}
	return out
}

// once sends one request and says what went wrong.
func once(ctx context.Context, client *http.Client, address, method string) string {
	var body io.Reader
	want := "0 bytes\n"
	if method == http.MethodPost {
		body, want = strings.NewReader("a small form"), "12 bytes\n"
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+address+"/", body)
	if err != nil {
		return err.Error()
	}
	r.Host = "h"
	answer, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return err.Error()
	case answer.StatusCode != http.StatusOK:
		return answer.Status + " " + strings.TrimSpace(string(got))
	case string(got) != want:
		return fmt.Sprintf("answered %q", got)
	}
	return ""
}

// print writes the table and returns the number of failures.
func print(results []result, replaced int, preStop time.Duration) (failed int) {
	fmt.Printf("Rolling update under load: %d pods replaced, %d side by side, %d clients; the table lags %s behind SIGTERM; preStop sleep of %s.\n\n", replaced, replicas, clients, watchLag, preStop)
	fmt.Printf("| | requests | failed | p50 | p99 | longest |\n| --- | ---: | ---: | ---: | ---: | ---: |\n")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		var took []time.Duration
		bad := 0
		for _, r := range results {
			if r.method != method {
				continue
			}
			took = append(took, r.took...)
			for why, n := range r.failure {
				bad += n
				fmt.Fprintf(os.Stderr, "%s failed %d times: %s\n", method, n, why)
			}
		}
		slices.Sort(took)
		at := func(percent int) string { return took[(len(took)-1)*percent/100].Round(10 * time.Microsecond).String() }
		fmt.Printf("| %s | %d | %d | %s | %s | %s |\n", method, len(took), bad, at(50), at(99), at(100))
		failed += bad
	}
	return failed
}

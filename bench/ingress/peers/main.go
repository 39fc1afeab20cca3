// Command peers plays the two sides that bench/ingress/run measures between:
// "peers pods ADDRESS..." answers every request with 200 and a small body, and
// "peers front LISTEN ADDRESS..." is Garboard's proxy in front of such pods.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/ingress"
	"garboard.dev/garboard/capability/ingress/proxy"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) > 1 && args[0] == "pods":
		return pods(ctx, args[1:])
	case len(args) > 2 && args[0] == "front":
		return front(ctx, args[1], args[2:])
	case len(args) > 2 && args[0] == "reverse":
		return reverse(ctx, args[1], args[2:])
	}
	return errors.New("usage: peers pods ADDRESS..., or peers front|reverse LISTEN ADDRESS... as its first words")
}

func pods(ctx context.Context, addresses []string) error {
	body := []byte("the answer of a pod, one hundred bytes of text that fit into one packet with all of their header.\n\n\n")
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(body) // a client that has gone needs no answer
	})
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			return err
		}
		go func() { _ = http.Serve(l, handler) }() // ends with the process
	}
	<-ctx.Done()
	return nil
}

// front serves one host among a hundred.
func front(ctx context.Context, listen string, addresses []string) error {
	b := &ingress.Backend{Name: "bench/pods:80"}
	for _, a := range addresses {
		at, err := netip.ParseAddrPort(a)
		if err != nil {
			return err
		}
		b.Endpoints = append(b.Endpoints, at)
	}
	table := &ingress.Table{Hosts: map[string]*ingress.Host{}}
	for i := range 100 {
		table.Hosts[fmt.Sprintf("host%d.example.org", i)] = &ingress.Host{Routes: []ingress.Route{
			{Path: "/api", Backend: b}, {Path: "/", Backend: b}}}
	}
	s := proxy.New(proxy.Options{Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), HTTPSPort: 443,
		Issue: func(string) (*tls.Certificate, error) { return nil, errors.New("no TLS in this measurement") }})
	s.Set(table)
	plain, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return s.Serve(ctx, plain, secure, time.Second)
}

// reverse is httputil.ReverseProxy with nothing around it, for comparison.
func reverse(ctx context.Context, listen string, addresses []string) error {
	var turn atomic.Uint64
	transport := &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}
	p := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: addresses[turn.Add(1)%uint64(len(addresses))]})
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(l, p) }() // ends with the process
	<-ctx.Done()
	return nil
}

package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// Timeouts towards pods, which are one hop away.
const (
	dialTimeout     = 2 * time.Second
	podIdleTimeout  = 30 * time.Second
	idlePerEndpoint = 512
)

// balancer sends a request to one of its backend's endpoints, and to another
// one where that is safe: when the first could not be reached, or when nothing
// of the request can have had an effect.
//
// Endpoints are taken in turn from a random start: without shared counters it
// spreads as evenly as taking turns does, and costs nothing.
type balancer struct {
	plain, h2c, secure http.RoundTripper
}

func newBalancer() *balancer {
	transport := func(protocols *http.Protocols) *http.Transport {
		return &http.Transport{
			DialContext: dial, MaxIdleConnsPerHost: idlePerEndpoint, IdleConnTimeout: podIdleTimeout,
			DisableCompression: true, Protocols: protocols, ReadBufferSize: 16 << 10, WriteBufferSize: 16 << 10,
			// Inside the cluster the pod's address is what is trusted, as for plain HTTP.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12},
		}
	}
	one, two := new(http.Protocols), new(http.Protocols)
	one.SetHTTP1(true)
	two.SetUnencryptedHTTP2(true)
	return &balancer{plain: transport(one), h2c: transport(two), secure: transport(one)}
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	to, ok := r.Context().Value(chosenKey{}).(chosen)
	if !ok {
		return nil, errors.New("the request was not routed")
	}
	through := b.plain
	switch {
	case to.backend.H2C:
		through = b.h2c
	case to.backend.TLS:
		through = b.secure
		r.URL.Scheme = "https"
	}
	body, err := keep(r)
	if err != nil {
		return nil, err
	}
	endpoints := to.backend.Endpoints
	start := rand.IntN(len(endpoints))
	for try, at := 0, to.lasting(start); ; try, at = try+1, to.lasting(at+1) {
		r.URL.Host = endpoints[at].String()
		if try > 0 && r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
		answer, err := through.RoundTrip(r)
		if err == nil || try+1 >= max(2, len(endpoints)) || !again(r, body, err) {
			return answer, err
		}
	}
}

// lasting returns the first endpoint from at on whose pod is not being deleted;
// at itself where all of them are.
func (c chosen) lasting(at int) int {
	all := c.backend.Endpoints
	at %= len(all)
	if c.ending == nil {
		return at
	}
	for i := range all {
		if next := (at + i) % len(all); !c.ending(all[next].Addr().String()) {
			return next
		}
	}
	return at
}

// keptBody is how large a request's body may be to be held until it has arrived.
const keptBody = 64 << 10

// keep makes a small body one that can be sent again, so that the transport
// itself takes another connection where the pod had closed the one it chose
// before the request; nil stands for such a body, and for none. A large body is
// sent as it comes.
func keep(r *http.Request) (*once, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength <= 0 || r.ContentLength > keptBody {
		body := &once{Reader: r.Body}
		r.Body = body
		return body, nil
	}
	text := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, text); err != nil {
		return nil, err
	}
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	r.Body = io.NopCloser(bytes.NewReader(text))
	return nil, nil
}

// again says whether the request may be sent once more after err: nothing of
// its body was read, and it either reached nobody or does no harm twice.
func again(r *http.Request, body *once, err error) bool {
	if r.Context().Err() != nil || errors.Is(err, context.Canceled) || body != nil && body.read {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	switch r.Method { // safe methods, RFC 9110, 9.2.1
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// once is a request body that knows whether it was read, and that a failed try
// does not close for the next one. The server that the body came from closes it
// once the handler returns.
type once struct {
	io.Reader
	read bool
}

// Read implements io.Reader.
func (o *once) Read(p []byte) (int, error) {
	o.read = true
	return o.Reader.Read(p)
}

// Close implements io.Closer.
func (o *once) Close() error { return nil }

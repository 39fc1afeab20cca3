package supervise

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Network asks components' health over the network and sockets. Its files are
// read at the first https probe after Forget, so renewed certificates count.
type Network struct {
	CACert, Cert, Key string // files in PEM
	EtcdCA            string // etcd has an authority of its own
	EtcdCert, EtcdKey string

	mu     sync.Mutex
	client *http.Client
}

// Probe implements Prober.
func (n *Network) Probe(ctx context.Context, url string) error {
	kind, rest, _ := strings.Cut(url, ":")
	switch kind {
	case "unix":
		return dialUnix(ctx, rest)
	case "cri":
		return probeCRI(ctx, rest)
	case "unix+http":
		return probeUnixHTTP(ctx, rest)
	}
	client, err := n.httpClient()
	if err != nil {
		return err
	}
	return get(ctx, client, url)
}

// Forget drops the connections and certificates in use.
func (n *Network) Forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.client != nil {
		n.client.CloseIdleConnections()
		n.client = nil
	}
}

func (n *Network) httpClient() (*http.Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.client != nil {
		return n.client, nil
	}
	pool := x509.NewCertPool()
	for _, path := range []string{n.CACert, n.EtcdCA} {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		pool.AppendCertsFromPEM(text)
	}
	own, err := tls.LoadX509KeyPair(n.Cert, n.Key)
	if err != nil {
		return nil, err
	}
	etcd, err := tls.LoadX509KeyPair(n.EtcdCert, n.EtcdKey)
	if err != nil {
		return nil, err
	}
	choose := func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if asked.SupportsCertificate(&own) == nil { // etcd asks for its own authority's
			return &own, nil
		}
		return &etcd, nil
	}
	n.client = &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, GetClientCertificate: choose, MinVersion: tls.VersionTLS12},
		MaxIdleConns:    16,
	}}
	return n.client, nil
}

func get(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, shorten(strings.TrimSpace(string(body)), 200))
	}
	return nil
}

func dialUnix(ctx context.Context, path string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return err
	}
	return conn.Close()
}

func probeUnixHTTP(ctx context.Context, path string) error {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	return get(ctx, client, "http://component/healthz")
}

// probeCRI opens a connection of its own each time: a kept one would hold back
// after the runtime's restart.
func probeCRI(ctx context.Context, path string) error {
	conn, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := cri.NewRuntimeServiceClient(conn).Version(ctx, &cri.VersionRequest{})
	if err != nil {
		return err
	}
	if answer.RuntimeApiVersion != "v1" {
		return fmt.Errorf("speaks CRI %s, not v1", answer.RuntimeApiVersion)
	}
	return nil
}

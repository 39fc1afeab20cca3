// Package controller runs the registry of the image capability on the node.
package controller

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"garboard.dev/garboard/capability/image/registry"
	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/pki"
	"garboard.dev/garboard/host/disk"
	"garboard.dev/garboard/loop"
)

// Controllers returns the registry and the keeper of the pause image.
func Controllers(env loop.Env) []loop.Controller {
	return []loop.Controller{
		pauseController(env),
		{Name: "image-registry", Run: func(ctx context.Context) error { return serve(ctx, env) }},
	}
}

func serve(ctx context.Context, env loop.Env) error {
	layout := platform.LayoutOf(env.StateDir)
	password, err := registry.NodePassword(filepath.Join(layout.ImageDir(), "node.password"))
	if err != nil {
		return fmt.Errorf("read the node's password for the registry: %w", err)
	}
	if err := registry.WriteHosts(layout.RegistryHostsDir(), env.NodeIP, layout.CACert(), password); err != nil {
		return err
	}
	authority, err := pki.LoadAuthority(layout.CACert(), layout.CAKey())
	if err != nil {
		return err
	}
	s, err := store.Open(layout.ContainerdSocket())
	if err != nil {
		return err
	}
	defer s.Close()
	certificates := &issuer{authority: authority, hosts: hosts(env), now: env.Now}
	if _, err := certificates.get(); err != nil {
		return err
	}
	backend := registry.New(s.Containerd(), registry.Room(disk.Linux{}, layout.ContainerdRoot()))
	handler, err := registry.Handler(backend, registry.File{Path: filepath.Join(layout.ImageDir(), registry.AccountsFile)}, password, env.Log)
	if err != nil {
		return err
	}
	return registry.Serve(ctx, handler, addresses(env), certificates.get, env.Log)
}

// addresses are those that the registry listens on: beyond the node itself
// only where traffic from outside was asked for.
func addresses(env loop.Env) []string {
	if ip := net.ParseIP(env.Listen); ip != nil && ip.IsUnspecified() {
		return []string{net.JoinHostPort(env.Listen, registry.Port)}
	}
	var out []string
	for _, a := range []string{env.NodeIP, "127.0.0.1", env.Listen} {
		if address := net.JoinHostPort(a, registry.Port); !slices.Contains(out, address) && net.ParseIP(a) != nil {
			out = append(out, address)
		}
	}
	return out
}

// hosts are the names that the certificate is good for.
func hosts(env loop.Env) []string {
	out := []string{registry.Host, "localhost", "127.0.0.1", env.NodeIP}
	if ip := net.ParseIP(env.Listen); ip != nil && !ip.IsLoopback() && !ip.IsUnspecified() {
		out = append(out, env.Listen)
	}
	return out
}

// issuer has the registry's certificate, and a new one before it ends. Its key
// lives in memory only.
type issuer struct {
	authority *pki.Authority
	hosts     []string
	now       func() time.Time

	mu   sync.Mutex
	cert *tls.Certificate
}

func (i *issuer) get() (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cert != nil && !pki.Due(i.cert.Leaf, i.now()) {
		return i.cert, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the registry's key: %w", err)
	}
	der, err := i.authority.Issue(pki.Spec{CommonName: registry.Host, Hosts: i.hosts, Server: true}, key.Public(), i.now())
	if err != nil {
		return nil, fmt.Errorf("issue the registry's certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue the registry's certificate: %w", err)
	}
	i.cert = &tls.Certificate{Certificate: [][]byte{der, i.authority.Cert.Raw}, PrivateKey: key, Leaf: leaf}
	return i.cert, nil
}

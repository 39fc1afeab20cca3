package controller

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/pki"
)

// issuer signs certificates for hosts that bring none, with one key of its own
// that never leaves this process. They are made when a client first asks, and
// made anew when a third of their life is left.
type issuer struct {
	authority *pki.Authority
	key       *ecdsa.PrivateKey
	own       []string // names and addresses of this machine
	now       func() time.Time
	mu        sync.Mutex
	issued    map[string]*tls.Certificate
}

func newIssuer(l platform.Layout, own []string, now func() time.Time) (*issuer, error) {
	authority, err := pki.LoadAuthority(l.CACert(), l.CAKey())
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	slices.Sort(own)
	return &issuer{authority: authority, key: key, own: slices.Compact(own), now: now, issued: map[string]*tls.Certificate{}}, nil
}

// mostIssued bounds what is kept.
const mostIssued = 4096

// issue returns the certificate for host, or for this machine where host is "".
func (i *issuer) issue(host string) (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c := i.issued[host]; c != nil && !pki.Due(c.Leaf, i.now()) {
		return c, nil
	}
	hosts := []string{host}
	if host == "" {
		hosts = i.own
	}
	spec := pki.Spec{CommonName: hosts[0], Hosts: hosts, Server: true}
	if len(spec.CommonName) > 64 {
		spec.CommonName = "" // ub-common-name, RFC 5280, appendix A.1; the host stands in the alternative names
	}
	der, err := i.authority.Issue(spec, i.key.Public(), i.now())
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der, i.authority.Cert.Raw}, PrivateKey: i.key, Leaf: leaf}
	if len(i.issued) >= mostIssued {
		clear(i.issued)
	}
	i.issued[host] = c
	return c, nil
}

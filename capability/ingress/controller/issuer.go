package controller

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"sync"
	"time"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/pki"
)

// issuer signs certificates for hosts that bring none, with one key of its own
// that never leaves this process.
type issuer struct {
	authority *pki.Authority
	key       *ecdsa.PrivateKey
	now       func() time.Time
	mu        sync.Mutex
	issued    map[string]*tls.Certificate
}

func newIssuer(l platform.Layout, now func() time.Time) (*issuer, error) {
	authority, err := pki.LoadAuthority(l.CACert(), l.CAKey())
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return &issuer{authority: authority, key: key, now: now, issued: map[string]*tls.Certificate{}}, nil
}

// issue returns the certificate for host, or for this machine where host is "".
func (i *issuer) issue(host string) (*tls.Certificate, error) {
	if host == "" {
		host = "localhost"
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if c := i.issued[host]; c != nil && !pki.Due(c.Leaf, i.now()) {
		return c, nil
	}
	der, err := i.authority.Issue(pki.Spec{CommonName: host, Hosts: []string{host}, Server: true}, i.key.Public(), i.now())
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	c := &tls.Certificate{Certificate: [][]byte{der, i.authority.Cert.Raw}, PrivateKey: i.key, Leaf: leaf}
	i.issued[host] = c
	return c, nil
}

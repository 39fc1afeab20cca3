package console

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// Issue returns a certificate for key that is valid at now, in DER, followed by
// those that lead to its authority.
type Issue func(key crypto.Signer, now time.Time) (chain [][]byte, err error)

// ServerTLS returns a configuration whose certificate is made by issue when it
// is first needed, and again when a third of its life is left. Its key is never
// written anywhere.
func ServerTLS(now func() time.Time, issue Issue) *tls.Config {
	c := &certificate{now: now, issue: issue}
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: c.get}
}

type certificate struct {
	now   func() time.Time
	issue Issue

	mu      sync.Mutex
	current *tls.Certificate
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.current != nil && !due(c.current.Leaf, now) {
		return c.current, nil
	}
	fresh, err := c.renew(now)
	if err != nil {
		return nil, fmt.Errorf("issue the console's certificate: %w", err)
	}
	c.current = fresh
	return fresh, nil
}

func due(cert *x509.Certificate, now time.Time) bool {
	return cert.NotAfter.Sub(now) < cert.NotAfter.Sub(cert.NotBefore)/3
}

func (c *certificate) renew(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	chain, err := c.issue(key, now)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(chain[0])
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: chain, PrivateKey: key, Leaf: leaf}, nil
}

// selfSignedLife is that of a certificate which nobody can check anyway.
const selfSignedLife = 30 * 24 * time.Hour

// SelfSigned issues certificates for hosts that are their own authority, for a
// console that no platform stands behind. Browsers ask before they accept one.
func SelfSigned(hosts ...string) Issue {
	return func(key crypto.Signer, now time.Time) ([][]byte, error) {
		serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
		if err != nil {
			return nil, err
		}
		template := &x509.Certificate{
			SerialNumber: serial, Subject: pkix.Name{CommonName: "garboard console"},
			NotBefore: now.Add(-time.Minute), NotAfter: now.Add(selfSignedLife),
			KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			BasicConstraintsValid: true,
		}
		for _, h := range hosts {
			if ip := net.ParseIP(h); ip != nil {
				template.IPAddresses = append(template.IPAddresses, ip)
			} else {
				template.DNSNames = append(template.DNSNames, h)
			}
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		return [][]byte{der}, err
	}
}

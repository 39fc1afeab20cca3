// Package pki is the platform's own certificate authority: it issues what the
// components need, and issues again what is about to end.
//
// Keys are ECDSA P-256. Leaf certificates live one year and are renewed when a
// third of that is left; the authority lives ten years.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"garboard.dev/garboard/host/file"
)

// Lifetimes of what is issued.
const (
	CALife   = 10 * 365 * 24 * time.Hour
	LeafLife = 365 * 24 * time.Hour
	backdate = 5 * time.Minute // tolerates a clock that is a little behind elsewhere
)

// Spec is one certificate that is wanted. Its files are <dir>/<Name>.crt and .key.
type Spec struct {
	Name         string // file name without ending
	CommonName   string
	Organization []string
	Hosts        []string // names and addresses that it serves; empty for a pure client
	Client       bool     // may authenticate a client
	Server       bool     // may authenticate a server
}

// Authority signs. It is read from, or made in, two files.
type Authority struct {
	Cert *x509.Certificate
	PEM  []byte
	key  crypto.Signer
}

// EnsureAuthority reads the authority <dir>/<name>.crt and .key, or makes one
// where there is none. One that has ended is an error: everything that trusts
// it would have to change too.
func EnsureAuthority(dir, name string, now time.Time) (*Authority, error) {
	certPath, keyPath := filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	a, err := LoadAuthority(certPath, keyPath)
	if errors.Is(err, fs.ErrNotExist) {
		return newAuthority(certPath, keyPath, name, now)
	}
	if err != nil {
		return nil, err
	}
	if now.After(a.Cert.NotAfter) {
		return nil, fmt.Errorf("%s ended on %s", certPath, a.Cert.NotAfter.Format(time.DateOnly))
	}
	return a, nil
}

// LoadAuthority reads an authority from its two PEM files.
func LoadAuthority(certPath, keyPath string) (*Authority, error) {
	text, err := os.ReadFile(certPath)
	if err != nil {
		return nil, err
	}
	cert, err := parseCert(certPath, text)
	if err != nil {
		return nil, err
	}
	key, err := readKey(keyPath)
	if err != nil {
		return nil, err
	}
	return &Authority{Cert: cert, PEM: text, key: key}, nil
}

func newAuthority(certPath, keyPath, name string, now time.Time) (*Authority, error) {
	key, err := writeKey(keyPath)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "garboard " + name, Organization: []string{"garboard"}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(CALife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := sign(template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	text := encodeCert(der)
	if err := file.Write(certPath, text, 0o644); err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return &Authority{Cert: cert, PEM: text, key: key}, err
}

// Ensure makes <dir>/<s.Name>.crt and .key valid for s at the time now, and
// says whether it had to issue. The key is kept as long as it is readable.
func (a *Authority) Ensure(dir string, s Spec, now time.Time) (issued bool, err error) {
	certPath, keyPath := filepath.Join(dir, s.Name+".crt"), filepath.Join(dir, s.Name+".key")
	if a.fits(certPath, keyPath, s, now) {
		return false, nil
	}
	key, err := readKey(keyPath)
	if err != nil {
		if key, err = writeKey(keyPath); err != nil {
			return false, err
		}
	}
	der, err := a.Issue(s, key.Public(), now)
	if err != nil {
		return false, err
	}
	return true, file.Write(certPath, encodeCert(der), 0o644)
}

// Issue signs a certificate for the key public by s, in DER.
func (a *Authority) Issue(s Spec, public crypto.PublicKey, now time.Time) ([]byte, error) {
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: s.CommonName, Organization: s.Organization},
		NotBefore: now.Add(-backdate), NotAfter: minTime(now.Add(LeafLife), a.Cert.NotAfter),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if s.Client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	if s.Server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, h := range s.Hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	return sign(template, a.Cert, public, a.key)
}

// fits says whether the certificate on disk is what s wants, signed by a, and
// not near its end.
func (a *Authority) fits(certPath, keyPath string, s Spec, now time.Time) bool {
	text, err := os.ReadFile(certPath)
	if err != nil {
		return false
	}
	cert, err := parseCert(certPath, text)
	if err != nil {
		return false
	}
	key, err := readKey(keyPath)
	if err != nil {
		return false
	}
	public, ok := cert.PublicKey.(*ecdsa.PublicKey)
	return ok && public.Equal(key.Public()) && cert.CheckSignatureFrom(a.Cert) == nil &&
		!Due(cert, now) && !now.Before(cert.NotBefore) &&
		cert.Subject.CommonName == s.CommonName &&
		slices.Equal(sorted(cert.Subject.Organization), sorted(s.Organization)) &&
		slices.Equal(hostsOf(cert), sorted(s.Hosts))
}

// Due says whether cert should be issued again: a third of its life or less is left.
func Due(cert *x509.Certificate, now time.Time) bool {
	life := cert.NotAfter.Sub(cert.NotBefore)
	return cert.NotAfter.Sub(now) < life/3
}

// Ends returns when the certificate in the PEM file at path ends.
func Ends(path string) (time.Time, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return time.Time{}, err
	}
	cert, err := parseCert(path, text)
	if err != nil {
		return time.Time{}, err
	}
	return cert.NotAfter, nil
}

func hostsOf(cert *x509.Certificate) []string {
	out := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		out = append(out, ip.String())
	}
	return sorted(out)
}

func sorted(in []string) []string {
	out := slices.Clone(in)
	slices.Sort(out)
	return out
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func sign(template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	if template.IsCA {
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return nil, err
		}
		id := sha256.Sum256(der)
		template.SubjectKeyId = id[:20]
	}
	return x509.CreateCertificate(rand.Reader, template, parent, public, key)
}

func encodeCert(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func parseCert(path string, text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, fmt.Errorf("%s holds no certificate in PEM", path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cert, nil
}

func writeKey(path string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, file.Write(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

// EnsureKey makes sure that path holds an ECDSA key, as service accounts are signed with.
func EnsureKey(path string) error {
	_, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		_, err = writeKey(path)
	}
	return err
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "EC PRIVATE KEY" {
		return nil, fmt.Errorf("%s holds no EC key in PEM", path)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

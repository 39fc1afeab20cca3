package controller

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"garboard.dev/garboard/capability/platform/pki"
	"garboard.dev/garboard/loop"
)

func TestAddressesAreClosedByDefault(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string][]string{
		"127.0.0.1":   {"10.42.0.1:5000", "127.0.0.1:5000"},
		"":            {"10.42.0.1:5000", "127.0.0.1:5000"},
		"192.0.2.7":   {"10.42.0.1:5000", "127.0.0.1:5000", "192.0.2.7:5000"},
		"10.42.0.1":   {"10.42.0.1:5000", "127.0.0.1:5000"},
		"0.0.0.0":     {"0.0.0.0:5000"},
		"::":          {"[::]:5000"},
		"2001:db8::1": {"10.42.0.1:5000", "127.0.0.1:5000", "[2001:db8::1]:5000"},
	} {
		if diff := cmp.Diff(want, addresses(loop.Env{NodeIP: "10.42.0.1", Listen: listen})); diff != "" {
			t.Errorf("--listen %q: %s", listen, diff)
		}
	}
}

func TestCertificateIsIssuedAgainBeforeItEnds(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	authority, err := pki.EnsureAuthority(t.TempDir(), "ca", now)
	if err != nil {
		t.Fatal(err)
	}
	i := &issuer{authority: authority, hosts: []string{"registry.garboard.internal", "10.42.0.1"}, now: func() time.Time { return now }}
	first, err := i.get()
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Cert)
	for _, host := range i.hosts {
		if _, err := first.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: now}); err != nil {
			t.Errorf("for %s: %v", host, err)
		}
	}
	now = now.Add(24 * time.Hour)
	if again, err := i.get(); err != nil || again != first {
		t.Errorf("a day later another certificate was issued (%v)", err)
	}
	now = now.Add(300 * 24 * time.Hour)
	if again, err := i.get(); err != nil || again == first || !again.Leaf.NotAfter.After(first.Leaf.NotAfter) {
		t.Errorf("300 days later the certificate is still the first (%v)", err)
	}
}

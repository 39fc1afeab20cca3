package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"garboard.dev/garboard/capability/platform/pki"
)

var start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

var server = pki.Spec{Name: "api", CommonName: "kube-apiserver", Hosts: []string{"localhost", "127.0.0.1"}, Server: true}

func authority(t *testing.T, dir string) *pki.Authority {
	t.Helper()
	a, err := pki.EnsureAuthority(dir, "ca", start)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestIssuedCertificateIsTrusted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := authority(t, dir)
	if issued, err := a.Ensure(dir, server, start); err != nil || !issued {
		t.Fatalf("first Ensure: issued %v, %v", issued, err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "api.crt"), filepath.Join(dir, "api.key"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.Cert)
	for _, host := range server.Hosts {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: pool, CurrentTime: start}); err != nil {
			t.Errorf("as %s: %v", host, err)
		}
	}
	if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: start, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err == nil {
		t.Error("a server's certificate must not authenticate a client")
	}
	for _, key := range []string{"ca.key", "api.key"} {
		info, err := os.Stat(filepath.Join(dir, key))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", key, info.Mode(), err)
		}
	}
}

func TestEnsureIssuesOnlyWhenItMust(t *testing.T) {
	t.Parallel()
	more := server
	more.Hosts = append([]string{"example.org"}, server.Hosts...)
	for _, c := range []struct {
		name string
		spec pki.Spec
		at   time.Time
		want bool
	}{
		{"again at once", server, start, false},
		{"half a year later", server, start.Add(pki.LeafLife / 2), false},
		{"when a third is left", server, start.Add(pki.LeafLife * 7 / 10), true},
		{"after its end", server, start.Add(pki.LeafLife + time.Hour), true},
		{"with one more host", more, start, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			a := authority(t, dir)
			if _, err := a.Ensure(dir, server, start); err != nil {
				t.Fatal(err)
			}
			if issued, err := a.Ensure(dir, c.spec, c.at); err != nil || issued != c.want {
				t.Errorf("issued %v, %v; want %v", issued, err, c.want)
			}
		})
	}
}

func TestEnsureRepairsDamage(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"api.crt", "api.key"} {
		dir := t.TempDir()
		a := authority(t, dir)
		if _, err := a.Ensure(dir, server, start); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("-----BEGIN"), 0o600); err != nil {
			t.Fatal(err)
		}
		if issued, err := a.Ensure(dir, server, start); err != nil || !issued {
			t.Errorf("%s damaged: issued %v, %v; want a new one", name, issued, err)
		}
		if _, err := tls.LoadX509KeyPair(filepath.Join(dir, "api.crt"), filepath.Join(dir, "api.key")); err != nil {
			t.Errorf("%s damaged: %v", name, err)
		}
	}
}

func TestAuthorityIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := authority(t, dir), authority(t, dir)
	if !first.Cert.Equal(second.Cert) {
		t.Error("the second call made another authority")
	}
	if _, err := pki.EnsureAuthority(dir, "ca", start.Add(pki.CALife+time.Hour)); err == nil {
		t.Error("an authority that has ended must be an error")
	}
}

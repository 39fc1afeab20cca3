//go:build e2e

package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/capability/platform/pki"
)

// An up that is killed at any moment, alone or with all that it has started,
// leaves nothing that the next one stumbles over.
func TestUpIsKilled(t *testing.T) {
	p := newPlatform(t)
	for _, after := range []time.Duration{100 * time.Millisecond, 400 * time.Millisecond, 900 * time.Millisecond, 1600 * time.Millisecond, 2500 * time.Millisecond} {
		up := p.garboard("up")
		if err := up.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		if err := up.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = up.Wait() // it was killed
		p.killAll()
		p.up()
		p.eventually(time.Minute, p.allHealthy)
		p.must(p.garboard("reset", "--yes"))
	}
}

// Two ups at once give one platform, and a down during an up ends it.
func TestUpTwiceAtOnce(t *testing.T) {
	p := newPlatform(t)
	first, second := p.garboard("up", "--timeout", "2m"), p.garboard("up", "--timeout", "2m")
	var said bytes.Buffer
	second.Stdout, second.Stderr = &said, &said
	for _, up := range []*exec.Cmd{first, second} {
		if err := up.Start(); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Wait(); err != nil {
		t.Errorf("the first up: %v", err)
	}
	if err := second.Wait(); err != nil {
		t.Errorf("the second up: %v\n%s", err, said.String())
	}
	p.eventually(time.Minute, p.allHealthy)
	p.must(p.garboard("down"))
	up := p.garboard("up")
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond)
	p.must(p.garboard("down"))
	began := time.Now()
	_ = up.Wait() // it may have come to its end before, or say that it was stopped
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("up went on for %v after the down", took)
	}
	if left := p.processes(); len(left) > 0 {
		t.Errorf("after the down processes %v are left", left)
	}
}

// On a full disk status says so; when there is room again everything works on,
// and what was written before is there.
func TestDiskFull(t *testing.T) {
	p := newPlatform(t)
	p.ownDisk(2 << 30)
	p.up()
	p.must(p.garboard("kubectl", "create", "configmap", "before", "-n", "default"))
	filler := filepath.Join(p.state, "filler")
	fill := exec.Command("dd", "if=/dev/zero", "of="+filler, "bs=1M", "status=none")
	if out, err := fill.CombinedOutput(); err == nil || !strings.Contains(string(out), "No space left") {
		t.Fatalf("dd did not fill the disk: %v\n%s", err, out)
	}
	p.eventually(10*time.Second, func() error {
		if said, err := p.garboard("status").CombinedOutput(); !strings.Contains(string(said), "nearly full") || !strings.Contains(string(said), "garboard image gc") {
			return fmt.Errorf("status does not say that the disk is full (%v):\n%s", err, said)
		}
		return nil
	})
	// Some writes fit into what is left, at the end none does.
	for i := range 20 {
		write := p.garboard("kubectl", "create", "configmap", fmt.Sprintf("during-%d", i), "-n", "default", "--from-literal=a="+strings.Repeat("x", 200_000), "--request-timeout=5s")
		if write.Run() != nil {
			break
		}
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.eventually(2*time.Minute, func() error {
		if err := p.allHealthy(); err != nil {
			return err
		}
		return p.garboard("kubectl", "create", "configmap", "after", "-n", "default", "--request-timeout=5s").Run()
	})
	p.kubectl("get", "configmap", "before", "-n", "default")
	if said, err := p.garboard("status").CombinedOutput(); strings.Contains(string(said), "nearly full") {
		t.Errorf("status still says that the disk is full (%v):\n%s", err, said)
	}
}

// ownDisk puts the state directory on a file system of its own, of that many bytes.
func (p *platform) ownDisk(size int64) {
	p.t.Helper()
	image := filepath.Join(p.t.TempDir(), "disk")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		p.t.Fatal(err)
	}
	if err := os.Truncate(image, size); err != nil {
		p.t.Fatal(err)
	}
	p.must(exec.Command("mkfs.ext4", "-q", image))
	if out, err := exec.Command("mount", "-o", "loop", image, p.state).CombinedOutput(); err != nil {
		p.t.Skipf("SKIP: this machine has no loop devices: %v: %s", err, out)
	}
	p.t.Cleanup(func() {
		if out, err := p.garboard("reset", "--yes").CombinedOutput(); err != nil {
			p.t.Errorf("reset: %v\n%s", err, out)
		}
		p.must(exec.Command("umount", p.state))
		// remove resets once more: the state directory has to look like one.
		if err := os.WriteFile(p.layout.SettingsFile(), []byte("{}"), 0o600); err != nil {
			p.t.Error(err)
		}
	})
}

// A platform that was off until its certificates had ended starts with new ones.
func TestCertificatesEnded(t *testing.T) {
	p := newPlatform(t)
	p.up()
	p.must(p.garboard("kubectl", "create", "configmap", "kept", "-n", "default"))
	p.must(p.garboard("down"))
	for _, name := range []string{"apiserver", "kubelet-serving", "admin"} {
		p.endCertificate(name)
	}
	p.up()
	p.eventually(time.Minute, p.allHealthy)
	p.kubectl("get", "configmap", "kept", "-n", "default")
}

// endCertificate issues a certificate again as if that had been two years ago.
func (p *platform) endCertificate(name string) {
	p.t.Helper()
	authority, err := pki.LoadAuthority(p.layout.CACert(), p.layout.CAKey())
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.state, "pki", name)
	text, err := os.ReadFile(path + ".key")
	if err != nil {
		p.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		p.t.Fatalf("%s.key is no PEM file", path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		p.t.Fatalf("%s.key: %T, %v", path, parsed, err)
	}
	spec := pki.Spec{Name: name, CommonName: name, Hosts: []string{"127.0.0.1"}, Server: true, Client: true}
	der, err := authority.Issue(spec, &key.PublicKey, time.Now().AddDate(-2, 0, 0))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		p.t.Fatal(err)
	}
	if ends, err := pki.Ends(path + ".crt"); err != nil || ends.After(time.Now()) {
		p.t.Fatalf("%s.crt ends on %v (%v), and should have", path, ends, err)
	}
}

// What lies in the state directory and makes no sense is named, with the file
// and what to do, and stays as it is.
func TestStateThatMakesNoSense(t *testing.T) {
	p := newPlatform(t)
	p.up()
	p.must(p.garboard("down"))
	for _, c := range []struct{ file, content string }{
		{p.layout.SettingsFile(), `{"listen": "127.0.0.1"`},
		{p.layout.SettingsFile(), `{"listen": 5}`},
		{p.layout.SettingsFile(), `{"listem": "127.0.0.1"}`},
		{p.layout.SettingsFile(), "\x00\x01\x02"},
		{p.layout.CACert(), "no certificate"},
		{p.layout.CAKey(), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"},
	} {
		good, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		up := p.garboard("up", "--timeout", "30s")
		said, err := up.CombinedOutput()
		if err == nil || !strings.Contains(string(said), c.file) || !strings.Contains(string(said), "hint:") {
			t.Errorf("up with %s holding %q: %v\n%s", c.file, c.content, err, said)
		}
		if now, err := os.ReadFile(c.file); err != nil || string(now) != c.content {
			t.Errorf("%s was changed to %q (%v)", c.file, now, err)
		}
		// The supervisor may stay to tell status why; nothing else does.
		if left := p.processes(); len(left) > 1 {
			t.Errorf("after the refusal of %s processes %v are left", c.file, left)
		}
		if err := os.WriteFile(c.file, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.up()
	p.eventually(time.Minute, p.allHealthy)
}

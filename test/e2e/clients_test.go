//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Debian's own clients against the running platform: podman and skopeo with the
// registry, kubectl with the API server. They are older than what they talk to.
func TestDebiansClients(t *testing.T) {
	p := newPlatform(t)
	p.up()
	p.must(p.garboard("image", "build", "-t", "hello:1", filepath.Join(example(t, "hello"), "images", "hello")))
	account := p.garboard("image", "account", "add", "builder")
	account.Stdin = strings.NewReader("correct horse\n")
	p.must(account)
	p.registryClients()
	p.stockKubectl()
}

// registryClients sends an image through the registry with skopeo and podman.
func (p *platform) registryClients() {
	t := p.t
	for _, needed := range []string{"podman", "skopeo"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Logf("SKIP: %s is not installed", needed)
			return
		}
	}
	const host = "127.0.0.1:5000"
	dir := t.TempDir()
	authority, err := os.ReadFile(p.layout.CACert())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.crt"), authority, 0o644); err != nil {
		t.Fatal(err)
	}
	archive, accounts := filepath.Join(dir, "hello.tar"), filepath.Join(dir, "auth.json")
	p.must(p.garboard("image", "save", "--output", archive, "hello:1"))
	login := p.inside("skopeo", "login", "--authfile", accounts, "--cert-dir", dir, "-u", "builder", "--password-stdin", host)
	login.Stdin = strings.NewReader("correct horse")
	p.must(login)
	p.must(p.inside("skopeo", "--insecure-policy", "copy", "--authfile", accounts, "--dest-cert-dir", dir, "oci-archive:"+archive, "docker://"+host+"/team/hello:1"))

	short, err := os.MkdirTemp("", "podman") // it refuses a longer --runroot
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(short) })
	podman := func(args ...string) string {
		t.Helper()
		store := []string{"podman", "--root", filepath.Join(short, "root"), "--runroot", filepath.Join(short, "run"), "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file"}
		return p.must(p.inside(append(store, args...)...))
	}
	podman("pull", "--authfile", accounts, "--cert-dir", dir, host+"/team/hello:1")
	podman("tag", host+"/team/hello:1", host+"/team/hello:2")
	podman("push", "--authfile", accounts, "--cert-dir", dir, host+"/team/hello:2")
	tags := p.must(p.inside("skopeo", "list-tags", "--authfile", accounts, "--cert-dir", dir, "docker://"+host+"/team/hello"))
	if !strings.Contains(tags, `"1"`) || !strings.Contains(tags, `"2"`) {
		t.Errorf("skopeo lists %s", tags)
	}
	refused := p.inside("skopeo", "list-tags", "--authfile", filepath.Join(dir, "none"), "--cert-dir", dir, "docker://"+host+"/team/hello")
	if out, err := refused.CombinedOutput(); err == nil {
		t.Errorf("without an account skopeo lists %s", out)
	}
}

// stockKubectl works with the kubectl of Debian's package kubernetes-client, which
// is unpacked and not installed: another package may have a program of that name.
func (p *platform) stockKubectl() {
	t := p.t
	dir := t.TempDir()
	download := exec.Command("apt-get", "download", "-qq", "kubernetes-client")
	download.Dir = dir
	if out, err := download.CombinedOutput(); err != nil {
		t.Fatalf("download kubernetes-client: %v\n%s", err, out)
	}
	packages, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(packages) != 1 {
		t.Fatalf("downloaded %v: %v", packages, err)
	}
	p.must(exec.Command("dpkg-deb", "-x", packages[0], dir))
	kubectl := func(args ...string) *exec.Cmd {
		cmd := p.inside(append([]string{filepath.Join(dir, "usr/bin/kubectl"), "--kubeconfig", p.layout.AdminKubeconfig()}, args...)...)
		cmd.Env = append(os.Environ(), "HOME="+dir)
		return cmd
	}
	t.Log(p.must(kubectl("version", "--short")))
	apply := kubectl("apply", "-f", "-")
	apply.Stdin = strings.NewReader(clientsPod)
	p.must(apply)
	p.must(kubectl("wait", "--for=condition=Ready", "pod/asked", "--timeout=60s"))
	if out := p.must(kubectl("get", "nodes")); !strings.Contains(out, "Ready") {
		t.Errorf("get nodes: %s", out)
	}
	// A second server finds the port taken: it ran beside the first.
	if out, err := kubectl("exec", "asked", "--", "/hello").CombinedOutput(); err == nil || !strings.Contains(string(out), "address already in use") {
		t.Errorf("exec: %v: %s", err, out)
	}
	forward := kubectl("port-forward", "pod/asked", "18080:8080")
	var said bytes.Buffer
	forward.Stdout, forward.Stderr = &said, &said
	if err := forward.Start(); err != nil {
		t.Fatal(err)
	}
	p.eventually(20*time.Second, func() error {
		return p.inside("curl", "--silent", "--fail", "--max-time", "5", "http://127.0.0.1:18080/").Run()
	})
	if err := forward.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = forward.Wait() // it was killed
	p.must(kubectl("logs", "asked"))
	p.must(kubectl("delete", "pod", "asked", "--wait=true"))
}

const clientsPod = `apiVersion: v1
kind: Pod
metadata: {name: asked}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - {name: hello, image: "hello:1", imagePullPolicy: Never, ports: [{containerPort: 8080}]}
`

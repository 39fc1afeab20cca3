package registry

import (
	"bytes"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"garboard.dev/garboard/capability/image/single"
)

// TestSkopeo lets Debian's skopeo log in, push, list, pull and delete.
func TestSkopeo(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("SKIPPED: skopeo is not installed (apt-get install skopeo)")
	}
	b, _ := newBackend(t, plenty)
	dir := t.TempDir()
	f := File{Path: filepath.Join(dir, "accounts")}
	if err := f.Set("writer", []byte("correct horse"), Push); err != nil {
		t.Fatal(err)
	}
	h, err := Handler(b, f, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(h)
	defer server.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	var archive bytes.Buffer
	files := []single.File{{Path: "/file", Mode: 0o644, Content: bytes.Repeat([]byte("content "), 1<<16)}}
	if err := single.Archive(&archive, "x/y:1", files, nil); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"certs/ca.crt": ca, "in.tar": archive.Bytes()} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host := strings.TrimPrefix(server.URL, "https://")
	skopeo := func(in io.Reader, args ...string) string {
		t.Helper()
		cmd := exec.Command("skopeo", append([]string{"--insecure-policy", "--tmpdir", dir}, args...)...)
		cmd.Dir, cmd.Stdin = dir, in
		cmd.Env = append(os.Environ(), "REGISTRY_AUTH_FILE="+filepath.Join(dir, "auth.json"))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("skopeo %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	skopeo(strings.NewReader("correct horse"), "login", "--cert-dir", "certs", "-u", "writer", "--password-stdin", host)
	skopeo(nil, "copy", "--dest-cert-dir", "certs", "oci-archive:in.tar", "docker://"+host+"/team/app:1")
	skopeo(nil, "copy", "--src-cert-dir", "certs", "--dest-cert-dir", "certs", "docker://"+host+"/team/app:1", "docker://"+host+"/team/other:2")
	if out := skopeo(nil, "list-tags", "--cert-dir", "certs", "docker://"+host+"/team/other"); !strings.Contains(out, `"2"`) {
		t.Errorf("tags: %s", out)
	}
	skopeo(nil, "copy", "--src-cert-dir", "certs", "docker://"+host+"/team/other:2", "oci-archive:out.tar:x/y:1")
	skopeo(nil, "delete", "--cert-dir", "certs", "docker://"+host+"/team/other:2")
	if _, err := b.ResolveTag(t.Context(), "team/other", "2"); err == nil {
		t.Error("the deleted tag is still there")
	}
	if _, err := b.ResolveTag(t.Context(), "team/app", "1"); err != nil {
		t.Errorf("another repository's tag went with it: %v", err)
	}
}

//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The archive unpacks elsewhere, is what its checksums say, and its program
// brings a platform up without Go, a repository or anything of this test's environment.
func TestArchiveRunsElsewhere(t *testing.T) {
	p := newPlatform(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	const version = "0.0.0-e2e"
	archive := filepath.Join(root, "dist", "garboard-"+version+"-linux-"+goarch(p)+".tar.gz")
	p.must(exec.Command(filepath.Join(root, "tool", "dist", "dist.sh"), version))
	t.Cleanup(func() {
		for _, file := range []string{archive, archive + ".sha256"} {
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		}
	})
	p.must(exec.Command("sh", "-c", `cd "$(dirname "$1")" && sha256sum --check --quiet "$(basename "$1").sha256"`, "sh", archive))
	to := t.TempDir()
	p.must(exec.Command("tar", "-xzf", archive, "-C", to))
	top := strings.TrimSuffix(filepath.Join(to, filepath.Base(archive)), ".tar.gz")
	p.must(exec.Command("sh", "-c", `cd "$1" && sha256sum --check --quiet SHA256SUMS`, "sh", top))
	for _, file := range []string{"LICENSE", "INSTALL.md", "sbom.cdx.json", "licences/golang/k8s.io", "example/wordpress/wordpress.yaml"} {
		if _, err := os.Stat(filepath.Join(top, file)); err != nil {
			t.Error(err)
		}
	}
	bare := func(args ...string) *exec.Cmd {
		cmd := p.inside(append([]string{filepath.Join(top, "bin", "garboard"), "--state-dir", p.state}, args...)...)
		cmd.Env, cmd.Dir = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/"}, "/"
		return cmd
	}
	if out := p.must(bare("--version")); !strings.Contains(out, "garboard") {
		t.Errorf("--version says %q", out)
	}
	p.must(bare("up", "--timeout", "2m"))
	if out := p.must(bare("kubectl", "get", "nodes", "-o", "jsonpath={.items[0].status.nodeInfo.kubeletVersion}")); !strings.HasPrefix(out, "v1.") {
		t.Errorf("the node runs %q", out)
	}
	p.must(bare("down"))
}

func goarch(p *platform) string {
	return strings.TrimSpace(p.must(exec.Command("go", "env", "GOARCH")))
}

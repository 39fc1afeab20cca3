package files_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMounts mounts for real; the states that touch fstab alone stand in the scenarios.
func TestMounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	probe := filepath.Join(dir, "probe")
	if err := os.Mkdir(probe, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("mount", "-t", "tmpfs", "probe", probe).Run(); err != nil {
		t.Skipf("SKIPPED: this process may not mount: %v", err)
	}
	path, fstab := filepath.Join(dir, "deep", "m"), filepath.Join(dir, "fstab")
	t.Cleanup(func() {
		_ = exec.Command("umount", path).Run() // only where the test failed
		if err := exec.Command("umount", probe).Run(); err != nil {
			t.Error(err)
		}
	})
	run := func(state, opts, src string) map[string]any {
		args := map[string]any{"path": path, "src": src, "fstype": "tmpfs", "state": state, "fstab": fstab}
		if opts != "" {
			args["opts"] = opts
		}
		if src == "/nonexistent" {
			args["fstype"] = "ext4"
		}
		return ours(t, step{module: "ansible.posix.mount", args: args})
	}
	content := func() string { data, _ := os.ReadFile(fstab); return string(data) }
	for _, s := range []struct {
		state, opts, src string
		changed          bool
		fstab            string
	}{
		{"mounted", "", "tmpfs", true, "tmpfs " + path + " tmpfs defaults 0 0\n"},
		{"mounted", "", "tmpfs", false, "tmpfs " + path + " tmpfs defaults 0 0\n"},
		{"mounted", "size=1m", "tmpfs", true, "tmpfs " + path + " tmpfs size=1m 0 0\n"},
		{"remounted", "size=2m", "tmpfs", true, "tmpfs " + path + " tmpfs size=1m 0 0\n"},
		{"unmounted", "", "tmpfs", true, "tmpfs " + path + " tmpfs size=1m 0 0\n"},
		{"unmounted", "", "tmpfs", false, "tmpfs " + path + " tmpfs size=1m 0 0\n"},
		{"ephemeral", "", "other", true, "tmpfs " + path + " tmpfs size=1m 0 0\n"},
		{"absent", "", "tmpfs", true, ""},
		{"absent", "", "tmpfs", false, ""},
	} {
		if r := run(s.state, s.opts, s.src); r["failed"] != nil || r["changed"] != s.changed || content() != s.fstab {
			t.Errorf("%s %s gives %v, fstab is %q", s.state, s.opts, r, content())
		}
	}
	r := run("mounted", "", "/nonexistent")
	if message, _ := r["msg"].(string); !strings.HasPrefix(message, "Error mounting "+path+": ") || content() != "" {
		t.Errorf("a mount that fails gives %v, fstab is %q", r, content())
	}
	if _, err := os.Stat(path); err == nil {
		t.Errorf("the folder of a mount that failed is still there")
	}
}

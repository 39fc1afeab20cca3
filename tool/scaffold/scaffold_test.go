package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "a", "Backup", "back-up", "1backup", "../backup", "func", "all", "cli", strings.Repeat("a", 21)} {
		if _, err := scaffold(t.TempDir(), bad); !errors.Is(err, errName) {
			t.Errorf("the name %q gives %v", bad, err)
		}
	}
}

func TestLeavesWhatIsThere(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if _, err := scaffold(root, "backup"); err != nil {
		t.Fatal(err)
	}
	if _, err := scaffold(root, "backup"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a capability that is there already gives %v", err)
	}
	if _, err := scaffold(filepath.Join(root, "absent"), "backup"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a wrong folder gives %v", err)
	}
}

// What is made is proven in a copy of the whole tree: it compiles, its own tests
// and the architecture test pass, and the program has the verb.
func TestMadeCapabilityWorks(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the whole program, which takes longer than a short test may")
	}
	t.Parallel()
	top := copyTree(t)
	if _, err := scaffold(filepath.Join(top, "capability"), "backup"); err != nil {
		t.Fatal(err)
	}
	run(t, filepath.Join(top, "tool"), "go", "build", "-o", filepath.Join(top, "bin", "capabilities"), "./capabilities")
	run(t, top, filepath.Join(top, "bin", "capabilities"))
	run(t, top, "go", "vet", "./capability/backup/...")
	said := run(t, top, "go", "test", "-trimpath", "-count=1", "./capability/backup/...", "./test/architecture")
	if n := strings.Count(said, "ok "); n != 3 { // root, cli, architecture
		t.Errorf("%d packages passed:\n%s", n, said)
	}
}

// copyTree copies the files that git knows, and those that are new.
func copyTree(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	source, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(run(t, source, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		text, err := os.ReadFile(filepath.Join(source, name))
		if name == "" || errors.Is(err, fs.ErrNotExist) { // deleted, but not yet for git
			continue
		}
		to := filepath.Join(top, name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o755)
		}
		if err == nil {
			err = os.WriteFile(to, text, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return top
}

func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out)
}

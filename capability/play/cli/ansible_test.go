package cli

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

// called runs one of the commands in this process.
func called(t *testing.T, name string, args ...string) (out, errs string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	env := &command.Env{In: strings.NewReader(""), Out: &stdout, Err: &stderr, Getenv: os.Getenv, Now: time.Now, Program: "ansible-" + name, Version: "test", Executable: executable}
	for _, c := range Commands(env) {
		if c.Name == name {
			err := c.Run(context.Background(), args)
			return stdout.String(), stderr.String(), fault.ExitCode(err)
		}
	}
	t.Fatalf("there is no command %s", name)
	return "", "", 0
}

// volatile is what differs from run to run.
var volatile = []struct {
	find *regexp.Regexp
	put  string
}{
	{regexp.MustCompile(`"(start|end|delta)": "[^"]*"`), `"$1": ""`},
	{regexp.MustCompile(`("src": ")[^"]*(ansible-tmp|garboard-play)[^"]*"`), `"src": ""`},
	{regexp.MustCompile(`"stat": \{[^}]*\}`), `"stat": {}`},
	{regexp.MustCompile(`"(ctime|atime|mtime)": [0-9.]+|"(inode|dev)": [0-9]+`), ""},
	{regexp.MustCompile(`"ansible_facts": \{"discovered_interpreter_python": "[^"]*"\}, `), ""},
	{regexp.MustCompile(`(?m)^\+\+\+ after: .*$`), "+++ after:"},
	{regexp.MustCompile(`(?m)[ \t]+$`), ""},
}

func steady(text, dir string) string {
	text = strings.ReplaceAll(text, dir, "DIR")
	for _, v := range volatile {
		text = v.find.ReplaceAllString(text, v.put)
	}
	return text
}

// tree is what a folder holds: names, modes and contents.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path) // path is below dir
		b.WriteString(rel + " " + info.Mode().String() + "\n")
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			b.Write(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Playbooks give the very same output, recap, exit code and files as with the real
// ansible-playbook.
func TestAsAnsible(t *testing.T) {
	ansible, err := exec.LookPath("ansible-playbook")
	if err != nil {
		t.Skip("SKIPPED: ansible-playbook is not installed, so nothing is compared with it")
	}
	cases := map[string][]string{
		"language.yml": {"-i", "localhost,", "-c", "local"}, "hosts.yml": {"-i", "testdata/playbooks/inventory"},
		"roles.yml": {"-i", "localhost,", "-c", "local"}, "files.yml": {"-i", "localhost,", "-c", "local"},
	}
	for name, args := range cases {
		for _, more := range [][]string{nil, {"--check", "--diff"}, {"-v"}} {
			if len(more) > 0 && name == "hosts.yml" {
				continue
			}
			t.Run(strings.Join(append([]string{name}, more...), " "), func(t *testing.T) {
				t.Parallel()
				theirs, ours := t.TempDir(), t.TempDir()
				all := append(append([]string{"testdata/playbooks/" + name}, args...), more...)
				cmd := exec.Command(ansible, append(all, "-e", "dir="+theirs)...)
				cmd.Env = append(os.Environ(), "ANSIBLE_FORKS=1", "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8", "ANSIBLE_LOCALHOST_WARNING=false")
				var want bytes.Buffer
				cmd.Stdout = &want
				wantCode := 0
				if err := cmd.Run(); err != nil {
					wantCode = cmd.ProcessState.ExitCode()
				}
				out, errs, code := called(t, "play", append(all, "-f", "1", "-e", "dir="+ours)...)
				if got, want := steady(out, ours), steady(want.String(), theirs); got != want || code != wantCode {
					t.Errorf("exit code %d, want %d\n%s\n%s", code, wantCode, difference(got, want), errs)
				}
				if got, want := tree(t, ours), tree(t, theirs); got != want {
					t.Errorf("files differ:\n%s", difference(got, want))
				}
			})
		}
	}
}

// difference shows the lines from the first that differs on.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	i := 0
	for i < len(g) && i < len(w) && g[i] == w[i] {
		i++
	}
	from := func(lines []string) string {
		return strings.Join(lines[max(0, min(len(lines), i-3)):min(len(lines), i+6)], "\n")
	}
	return "ours:\n" + from(g) + "\ntheirs:\n" + from(w)
}

// A second run changes nothing.
func TestIdempotent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"testdata/playbooks/idempotent.yml", "-i", "localhost,", "-c", "local", "-e", "dir=" + dir}
	if out, errs, code := called(t, "play", args...); code != 0 || !strings.Contains(out, "changed=4") {
		t.Fatalf("the first run ended with %d:\n%s%s", code, out, errs)
	}
	if out, errs, code := called(t, "play", args...); code != 0 || !strings.Contains(out, "changed=0") {
		t.Errorf("the second run ended with %d:\n%s%s", code, out, errs)
	}
}

func TestVaultCommand(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	password, file := write("password", "secret\n"), write("file", "a: 1\n")
	if _, errs, code := called(t, "vault", "encrypt", "--vault-password-file", password, file); code != 0 {
		t.Fatal(errs)
	}
	data, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(data), "$ANSIBLE_VAULT;1.1;AES256\n") {
		t.Errorf("encrypted: %q, %v", data, err)
	}
	if out, errs, code := called(t, "vault", "view", "--vault-password-file", password, file); code != 0 || out != "a: 1\n" {
		t.Errorf("view gives %q, %s", out, errs)
	}
	wrong := write("wrong", "other\n")
	if _, errs, code := called(t, "vault", "view", "--vault-password-file", wrong, file); code != 1 || !strings.Contains(errs, "Decryption failed") {
		t.Errorf("a wrong password gives %d, %s", code, errs)
	}
}

package attribute_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/host/program"
	"garboard.dev/garboard/host/program/programtest"
)

func TestMode(t *testing.T) {
	t.Parallel()
	const folder = syscall.S_IFDIR
	for _, c := range []struct {
		wanted any
		now    uint32
		want   uint32
		bad    string
	}{
		{"0644", 0, 0o644, ""}, {"1777", 0, 0o1777, ""}, {int64(0o750), 0, 0o750, ""}, {float64(420), 0, 0o644, ""},
		{"u+x", 0o644, 0o744, ""}, {"go=", 0o777, 0o700, ""}, {"a=rX", 0o640, 0o444, ""}, {"a=rX", folder | 0o640, 0o555, ""},
		{"+w", 0o444, 0o644, ""}, {"=", 0o777, 0, ""}, {"g=u-w", 0o700, 0o750, ""}, {"u=rw,g=u", 0o500, 0o650, ""},
		{"u+s,o+t", 0o755, 0o5755, ""}, {"u=rx", 0o4755, 0o555, ""}, {"", 0o640, 0o640, ""}, {"g", 0o640, 0o640, ""},
		{"8", 0, 0, "bad symbolic permission for mode: 8"}, {"u=q", 0, 0, "bad symbolic permission for mode: u=q"},
		{"u=rq", 0, 0, "'q'"}, {"uz=r", 0, 0, "'z'"}, {true, 0, 0, "a mode is a number or text, not true"},
	} {
		got, err := attribute.Mode(c.wanted, c.now, 0o022)
		if c.bad != "" {
			if err == nil || err.Error() != c.bad {
				t.Errorf("Mode(%v) gives %v, want %s", c.wanted, err, c.bad)
			}
		} else if err != nil || got != c.want {
			t.Errorf("Mode(%v, %o) = %o, %v, want %o", c.wanted, c.now, got, err, c.want)
		}
	}
}

// FuzzMode holds that a symbolic mode never sets what is no permission, and
// that applying it twice is applying it once where it does not look at the mode.
func FuzzMode(f *testing.F) {
	for _, s := range []string{"u+rwX,g-w", "a=r", "g=u", "+t", "u=rw,g=u-w,o=", "0644", ",", "u+"} {
		f.Add(s, uint32(0o644))
	}
	f.Fuzz(func(t *testing.T, text string, now uint32) {
		got, err := attribute.Mode(text, now, 0o022)
		if err != nil || !strings.ContainsAny(text, "+-=") {
			return
		}
		if got&^uint32(attribute.Permissions) != 0 {
			t.Errorf("%q sets %o", text, got)
		}
		if strings.ContainsAny(text, "X") || strings.ContainsAny(strings.TrimLeft(text, "ugo"), "ugo") {
			return
		}
		again, err := attribute.Mode(text, now&^attribute.Permissions|got, 0o022)
		if err != nil || again != got {
			t.Errorf("%q on %o gives %o, then %o, %v", text, now, got, again, err)
		}
	})
}

func call(t *testing.T, args module.Args) *module.Call {
	t.Helper()
	return &module.Call{Args: args, Machine: module.Machine{
		Programs: program.Linux{}, Temp: t.TempDir(), Getenv: os.Getenv,
		Now: func() time.Time { return time.Date(2024, 5, 6, 7, 8, 9, 0, time.Local) },
	}}
}

func TestWriteKeepsWhatTheOldFileHad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, link := filepath.Join(dir, "a"), filepath.Join(dir, "l")
	if err := errors.Join(os.WriteFile(path, []byte("old"), 0o600), os.Chmod(path, 0o751), os.Symlink("a", link)); err != nil {
		t.Fatal(err)
	}
	marked := syscall.Setxattr(path, "user.garboard", []byte("kept"), 0) == nil
	if err := attribute.Write(call(t, nil), link, strings.NewReader("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != 0o751 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if data, err := os.ReadFile(path); string(data) != "new" {
		t.Errorf("content is %q, %v", data, err)
	}
	if to, err := os.Readlink(link); to != "a" {
		t.Errorf("the link points to %q, %v", to, err)
	}
	buf := make([]byte, 10)
	if n, err := syscall.Getxattr(path, "user.garboard", buf); marked && (err != nil || string(buf[:n]) != "kept") {
		t.Errorf("the extended attribute is %q, %v", buf[:max(n, 0)], err)
	}
	if left, err := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestNewFilesHeedTheUmask(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	if err := attribute.Write(call(t, nil), path, strings.NewReader("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if want := os.FileMode(0o666 &^ attribute.Umask()); err != nil || info.Mode() != want {
		t.Errorf("mode is %v, %v, want %v", info.Mode(), err, want)
	}
}

func TestValidationRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	for command, want := range map[string]string{
		"grep -q new %s":                "",
		"sh -c 'echo no >&2; false' %s": "failed to validate: rc:1 error:no\n",
		"true":                          "validate must contain %s: true",
		"sh 'x %s":                      "No closing quotation",
	} {
		err := attribute.WriteValidated(t.Context(), call(t, nil), path, "new\n", command)
		if want == "" && err != nil || want != "" && (err == nil || strings.TrimSpace(err.Error()) != strings.TrimSpace(want)) {
			t.Errorf("%s gives %v, want %q", command, err, want)
		}
	}
	if left, err := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestBackup(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	if got, err := attribute.Backup(call(t, nil), path); got != "" || err != nil {
		t.Errorf("a backup of nothing is %q, %v", got, err)
	}
	if err := errors.Join(os.WriteFile(path, []byte("x"), 0o600), os.Chtimes(path, time.Unix(1, 0), time.Unix(2, 0))); err != nil {
		t.Fatal(err)
	}
	got, err := attribute.Backup(call(t, nil), path)
	if err != nil || !strings.HasSuffix(got, ".2024-05-06@07:08:09~") {
		t.Errorf("the backup is %q, %v", got, err)
	}
	info, err := os.Stat(got)
	if err != nil || info.Mode() != 0o600 || info.ModTime().Unix() != 2 {
		t.Errorf("the backup is %v, %v", info, err)
	}
}

func TestNamesOfTheNameService(t *testing.T) {
	t.Parallel()
	fake := &programtest.Fake{Programs: map[string]func(program.Command) error{"getent": func(c program.Command) error {
		if c.Args[1] != "garboard-nobody" {
			return &program.ExitError{Name: "getent", Code: 2}
		}
		_, err := c.Stdout.Write([]byte("garboard-nobody:x:4711:4712::/:/bin/sh\n"))
		return err
	}}}
	c := call(t, nil)
	c.Machine.Programs = fake
	if id, ok := attribute.UserID(t.Context(), c, "garboard-nobody"); !ok || id != 4711 {
		t.Errorf("got %d, %v", id, ok)
	}
	if id, ok := attribute.GroupID(t.Context(), c, "garboard-none"); ok {
		t.Errorf("got %d, %v", id, ok)
	}
}

func TestReason(t *testing.T) {
	t.Parallel()
	_, err := os.Open("/no/such'file")
	if got := attribute.Reason(err, false); got != `[Errno 2] No such file or directory: "/no/such'file"` {
		t.Error(got)
	}
	if got := attribute.Reason(err, true); got != `[Errno 2] No such file or directory: b"/no/such'file"` {
		t.Error(got)
	}
}

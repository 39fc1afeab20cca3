package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"garboard.dev/garboard/host/file"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	for _, c := range []struct {
		text string
		mode os.FileMode
	}{{"one", 0o600}, {"two, longer", 0o644}, {"", 0o400}} {
		if err := file.Write(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		info, serr := os.Stat(path)
		if err != nil || serr != nil || string(got) != c.text || info.Mode() != c.mode {
			t.Errorf("after Write(%q, %v): %q %v, %v %v", c.text, c.mode, got, info.Mode(), err, serr)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v, %v", left, err)
	}
}

func TestWriteFailsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := file.Write(filepath.Join(dir, "absent", "a"), nil, 0o600); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an absent folder gives %v", err)
	}
	taken := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(taken, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := file.Write(taken, []byte("a"), 0o600); err == nil {
		t.Error("a folder was replaced by a file")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("a failed write leaves %v, %v", left, err)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	l, err := file.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.Lock(path)
	if !errors.Is(err, file.ErrLocked) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("a second lock gives %v", err)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := file.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Unlock(); err != nil {
		t.Error(err)
	}
}

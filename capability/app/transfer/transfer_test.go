package transfer

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func refuseSkip(t *testing.T) func(string, string) {
	return func(path, why string) { t.Errorf("%s was left out: %s", path, why) }
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "site")
	for name, text := range map[string]string{"index.html": "hello", "deep/er/file": "x", "run.sh": "#!"} {
		path := filepath.Join(source, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(filepath.Join(source, "run.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../index.html", filepath.Join(source, "deep/link")); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	packed, err := Pack(&archive, source, "www", refuseSkip(t))
	if err != nil || packed.Files != 3 || packed.Bytes != 8 {
		t.Fatalf("%+v, %v", packed, err)
	}
	target := filepath.Join(t.TempDir(), "copy")
	again := bytes.NewReader(archive.Bytes())
	for range 2 { // the second time everything is replaced
		again.Reset(archive.Bytes())
		unpacked, err := Unpack(again, "www", target, refuseSkip(t))
		if err != nil || unpacked != packed {
			t.Fatalf("%+v, %v", unpacked, err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(target, "deep/link")); err != nil || string(text) != "hello" {
		t.Errorf("through the link: %q, %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(target, "run.sh")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOneFileUnderAnotherName(t *testing.T) {
	t.Parallel()
	source := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(source, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if _, err := Pack(&archive, source, "b", refuseSkip(t)); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(t.TempDir(), "c")
	if _, err := Unpack(&archive, "b", target, refuseSkip(t)); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(target); err != nil || string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
}

func archiveOf(t testing.TB, headers ...tar.Header) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = 4
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte("evil")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

// Every archive here tries to write outside of the target.
func TestNothingLeadsOut(t *testing.T) {
	t.Parallel()
	file := func(name string) tar.Header { return tar.Header{Typeflag: tar.TypeReg, Name: name} }
	link := func(name, to string) tar.Header {
		return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to}
	}
	for name, headers := range map[string][]tar.Header{
		"dots":          {file("top/../../evil")},
		"dots at once":  {file("../evil")},
		"other name":    {file("topless/evil")},
		"absolute":      {file("/evil")},
		"absolute link": {link("top/out", "/"), file("top/out/evil")},
		"link out":      {link("top/out", "../.."), file("top/out/evil")},
		"link by link":  {link("top/a", "."), link("top/a/out", "../.."), file("top/a/out/evil")},
		"top is a link": {link("top", ".."), file("top/evil")},
		"hard link":     {{Typeflag: tar.TypeLink, Name: "top/hard", Linkname: "/etc/passwd"}},
		"device":        {{Typeflag: tar.TypeChar, Name: "top/dev"}},
		"set user id":   {{Typeflag: tar.TypeReg, Name: "top/suid", Mode: 0o4755}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outer := t.TempDir()
			target := filepath.Join(outer, "in", "target")
			if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
				t.Fatal(err)
			}
			_, _ = Unpack(archiveOf(t, headers...), "top", target, func(string, string) {}) // an error is fine, an escape is not
			checkInside(t, outer, target)
		})
	}
}

func checkInside(t *testing.T, outer, target string) {
	t.Helper()
	err := filepath.WalkDir(outer, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == outer || path == filepath.Dir(target) {
			return err
		}
		if path != target && !strings.HasPrefix(path, target+"/") {
			t.Errorf("%s was written outside of %s", path, target)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeDevice) != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add(archiveOf(f, tar.Header{Typeflag: tar.TypeReg, Name: "top/a"}).Bytes())
	f.Add(archiveOf(f, tar.Header{Typeflag: tar.TypeSymlink, Name: "top/a", Linkname: "../.."}, tar.Header{Typeflag: tar.TypeReg, Name: "top/a/b"}).Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		target := filepath.Join(outer, "in", "target")
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		_, _ = Unpack(bytes.NewReader(data), "top", target, func(string, string) {})
		checkInside(t, outer, target)
	})
}

package compare

import (
	"archive/tar"
	"bytes"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type member struct {
	name, content string
	kind          byte
}

func layer(t testing.TB, members ...member) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Typeflag: m.kind, Mode: 0o644}
		switch m.kind {
		case 0:
			h.Typeflag, h.Size = tar.TypeReg, int64(len(m.content))
		case tar.TypeSymlink, tar.TypeLink:
			h.Linkname = m.content
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			io.WriteString(w, m.content)
		}
	}
	w.Close()
	return &out
}

func system(t *testing.T, layers ...io.Reader) *System {
	t.Helper()
	s := NewSystem()
	for _, l := range layers {
		if err := s.Apply(l); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestFiles(t *testing.T) {
	t.Parallel()
	base := func() io.Reader {
		return layer(t, member{"etc/", "", tar.TypeDir}, member{name: "./etc/keep", content: "k"}, member{name: "etc/motd", content: "old"},
			member{"opt/", "", tar.TypeDir}, member{name: "opt/a", content: "a"}, member{name: "opt/b", content: "b"}, member{"link", "etc/motd", tar.TypeSymlink})
	}
	for name, c := range map[string]struct {
		top  io.Reader
		want []Change
	}{
		"same content":         {layer(t, member{name: "etc/motd", content: "old"}), nil},
		"content":              {layer(t, member{name: "etc/motd", content: "newer"}), []Change{{"changed", "/etc/motd", 3, 5}}},
		"added":                {layer(t, member{name: "new", content: "12"}), []Change{{"added", "/new", 0, 2}}},
		"whiteout":             {layer(t, member{name: "etc/.wh.motd"}), []Change{{"removed", "/etc/motd", 3, 0}}},
		"whiteout of a folder": {layer(t, member{name: ".wh.opt"}), []Change{{"removed", "/opt", 0, 0}, {"removed", "/opt/a", 1, 0}, {"removed", "/opt/b", 1, 0}}},
		"opaque keeps what the layer adds": {layer(t, member{name: "opt/c", content: "c"}, member{name: "opt/.wh..wh..opq"}),
			[]Change{{"removed", "/opt/a", 1, 0}, {"removed", "/opt/b", 1, 0}, {"added", "/opt/c", 0, 1}}},
		"file for a folder": {layer(t, member{name: "opt", content: "x"}), []Change{{"changed", "/opt", 0, 1}, {"removed", "/opt/a", 1, 0}, {"removed", "/opt/b", 1, 0}}},
		"link elsewhere":    {layer(t, member{"link", "etc/keep", tar.TypeSymlink}), []Change{{"changed", "/link", 0, 0}}},
		"hard link":         {layer(t, member{"hard", "etc/motd", tar.TypeLink}), []Change{{"added", "/hard", 0, 3}}},
	} {
		if diff := cmp.Diff(c.want, Files(system(t, base()), system(t, base(), c.top))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestPackages(t *testing.T) {
	t.Parallel()
	const before = "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n\nPackage: b\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"
	const after = "Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 2\nDescription: x\n Version: 9\n\nPackage: c\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n"
	a := system(t, layer(t, member{name: statusFile, content: before}))
	b := system(t, layer(t, member{name: statusFile, content: after}))
	want := []PackageChange{{"a:all", "1", "2"}, {"b:all", "1", ""}}
	if diff := cmp.Diff(want, Packages(a, b)); diff != "" {
		t.Error(diff)
	}
}

func FuzzApply(f *testing.F) {
	text, err := io.ReadAll(layer(f, member{name: "a/.wh.b"}, member{name: "../../c", content: "c"}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		s := NewSystem()
		if s.Apply(bytes.NewReader(text)) != nil {
			return
		}
		for name := range s.Files {
			if name == "" || name[0] == '/' {
				t.Errorf("path %q", name)
			}
		}
	})
}

func FuzzParseStatus(f *testing.F) {
	f.Add([]byte("Package: a\nStatus: install ok installed\nVersion: 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for name := range parseStatus(text) {
			if name[0] == ':' {
				t.Errorf("package %q", name)
			}
		}
	})
}

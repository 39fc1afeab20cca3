package base

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/program"
	"garboard.dev/garboard/host/program/programtest"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	for name, suite := range map[string]string{"debian:12": "bookworm", "debian:trixie": "trixie"} {
		r, err := ParseName(name)
		if err != nil || r.Suite != suite {
			t.Errorf("%s: %q, %v", name, r.Suite, err)
		}
	}
	for _, name := range []string{"debian", "debian:99", "fedora:40", ""} {
		if _, err := ParseName(name); fault.KindOf(err) != fault.Misuse {
			t.Errorf("%q: %v", name, err)
		}
	}
}

const targets = `http://user:secret@mirror.internal/debian/|bookworm|main|Debian
http://user:secret@mirror.internal/debian/|bookworm|contrib|Debian
http://mirror.internal/security/|bookworm-security|main|$(ORIGIN)
http://mirror.internal/security/|bookworm-security|main|Debian
file:/srv/local/|bookworm|main|Debian
http://other.internal/tools|bookworm|stable|Other
http://other.internal/main|bookworm|main|Other
`

func TestSourcesAreDebiansOwnWithoutSecrets(t *testing.T) {
	t.Parallel()
	got := withoutSecrets(sourcesFor(parseTargets(targets), "bookworm"))
	want := []source{
		{"http://mirror.internal/debian/", "bookworm", []string{"main", "contrib"}},
		{"http://mirror.internal/security/", "bookworm-security", []string{"main"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	other := sourcesFor(parseTargets(targets), "trixie")
	if len(other) != 3 || other[1].Suite != "trixie-security" {
		t.Errorf("for another release: %v", other)
	}
	if text := renderSources(got, DebianKeyring); strings.Contains(text, "secret") || !strings.Contains(text, "Suites: bookworm-security\n") {
		t.Error(text)
	}
}

// deb is a file that begins like a .deb made at the time seconds.
func deb(seconds int64) []byte {
	return fmt.Appendf(nil, "!<arch>\n%-16s%-12d%-6d%-6d%-8s%-10d`\n2.0\n", "debian-binary", seconds, 0, 0, "100644", 4)
}

// machine is a Debian with two packages, as far as this package asks.
func machine(t *testing.T, pool map[string][]byte) *programtest.Fake {
	t.Helper()
	arg := func(c program.Command, name string) string {
		for _, a := range c.Args {
			if value, ok := strings.CutPrefix(a, name); ok {
				return value
			}
		}
		return ""
	}
	return &programtest.Fake{Programs: map[string]func(program.Command) error{
		"apt-config": func(c program.Command) error {
			_, err := c.Stdout.Write([]byte("Acquire::Check-Valid-Until \"false\";\nAcquire::http::Proxy \"http://user:secret@proxy.internal\";\n"))
			return err
		},
		"apt-get": func(c program.Command) error {
			switch {
			case c.Args[0] == "indextargets":
				_, err := c.Stdout.Write([]byte(targets))
				return err
			case c.Args[len(c.Args)-1] == "update":
				return nil
			}
			into := filepath.Join(arg(c, "Dir::Cache="), "archives")
			if i := len(c.Args) - 2; c.Args[i] == "download" {
				into = c.Dir
			}
			for name, content := range pool {
				if into == c.Dir && !strings.HasPrefix(c.Args[len(c.Args)-1], name) {
					continue
				}
				if err := os.WriteFile(filepath.Join(into, name+".deb"), content, 0o600); err != nil {
					return err
				}
			}
			return nil
		},
		"dpkg-deb": func(c program.Command) error {
			content, err := os.ReadFile(c.Args[len(c.Args)-1])
			if err != nil {
				return err
			}
			for name, known := range pool {
				if bytes.Equal(known, content) {
					_, err = fmt.Fprintf(c.Stdout, "%s\n1.0\nall", name)
				}
			}
			return err
		},
		"mmdebstrap": func(c program.Command) error {
			_, err := fmt.Fprintf(c.Stdout, "tar of %s with %s", c.Args[len(c.Args)-3], c.Env[0])
			return err
		},
	}}
}

func builder(t *testing.T, dir string, runner program.Runner) Builder {
	t.Helper()
	return Builder{Runner: runner, Pool: Pool{filepath.Join(dir, "pool")}, Scratch: t.TempDir(), Keyring: "/k.gpg", Report: func(string) {}}
}

var request = Request{Distribution: "debian", Version: "12", Suite: "bookworm", Variant: "apt", Architecture: "amd64"}

func TestTheSamePackagesGiveTheSameImage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	packages := map[string][]byte{"aa": deb(1700000000), "bb": deb(1600000000)}
	b := builder(t, dir, machine(t, packages))
	lock, err := b.Resolve(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	text, err := lock.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseLock(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(lock, again); diff != "" {
		t.Error(diff)
	}
	first, err := b.Build(t.Context(), lock)
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Unix(1700000000, 0).UTC(); !first.Image.Created.Equal(want) {
		t.Errorf("the image is of %s, its newest package of %s", first.Image.Created, want)
	}
	second, err := builder(t, dir, machine(t, packages)).Build(t.Context(), again)
	if err != nil {
		t.Fatal(err)
	}
	_, one, _, err1 := first.Image.Manifest()
	_, two, _, err2 := second.Image.Manifest()
	if err1 != nil || err2 != nil || !bytes.Equal(one, two) {
		t.Errorf("two manifests differ: %s %s (%v, %v)", one, two, err1, err2)
	}
}

func TestTheOverlayHasNoSecret(t *testing.T) {
	t.Parallel()
	b := builder(t, t.TempDir(), machine(t, nil))
	dir := t.TempDir()
	if err := b.writeOverlay(t.Context(), dir, Lock{Suite: "bookworm"}); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte("secret")) {
			t.Errorf("%s holds a secret:\n%s", path, text)
		}
		return err
	})
	if err != nil || files != 4 {
		t.Errorf("%d files, %v", files, err)
	}
	apt, err := os.ReadFile(filepath.Join(dir, "etc/apt/apt.conf.d/90image"))
	if err != nil || !bytes.Contains(apt, []byte(`Acquire::Check-Valid-Until "false";`)) {
		t.Errorf("a frozen mirror would be refused in the image: %s %v", apt, err)
	}
}

func TestALockIsEnforced(t *testing.T) {
	t.Parallel()
	lock, err := builder(t, t.TempDir(), machine(t, map[string][]byte{"aa": deb(1)})).Resolve(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	replaced := builder(t, t.TempDir(), machine(t, map[string][]byte{"aa": append(deb(1), "evil"...)}))
	if err := replaced.Restore(t.Context(), lock); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a package with another hash: %v", err)
	}
	gone := builder(t, t.TempDir(), machine(t, nil))
	if err := gone.Restore(t.Context(), lock); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a package that the mirror has no more: %v", err)
	}
	if _, err := gone.Build(t.Context(), lock); err == nil {
		t.Error("an image was made without its packages")
	}
	other := request
	other.Include = []string{"curl"}
	if lock.Matches(request) != nil || lock.Matches(other) == nil {
		t.Error("the lock matches another request, or not its own")
	}
}

func TestADamagedPoolHeals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := builder(t, dir, machine(t, map[string][]byte{"aa": deb(1)}))
	lock, err := b.Resolve(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.Pool.path(lock.Packages[0].SHA256), []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Restore(t.Context(), lock); err != nil {
		t.Fatal(err)
	}
	if ok, err := b.Pool.Has(lock.Packages[0]); !ok || err != nil {
		t.Errorf("the pool still lacks the package (%v)", err)
	}
}

func TestAMissingProgramSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	b := builder(t, t.TempDir(), &programtest.Fake{})
	_, err := b.Resolve(t.Context(), request)
	var missing *program.MissingError
	if !errors.As(err, &missing) || fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Hint(err), "apt-get install") {
		t.Errorf("%v (%s)", err, fault.Hint(err))
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte("version: 1\nimage: debian:12\nsuite: bookworm\narchitecture: amd64\nvariant: apt\npackages:\n- {name: aa, version: \"1\", architecture: all, sha256: " + strings.Repeat("a", 64) + "}\n"))
	f.Add([]byte("version: 2"))
	f.Fuzz(func(t *testing.T, text []byte) {
		lock, err := ParseLock(text)
		if err != nil {
			return
		}
		for _, p := range lock.Packages {
			if !hexDigest.MatchString(p.SHA256) || strings.ContainsAny(p.Name+p.Version+p.Architecture, "/ \n") {
				t.Errorf("package %+v", p)
			}
		}
	})
}

func FuzzParseArTime(f *testing.F) {
	f.Add(deb(1700000000))
	f.Add([]byte("!<arch>\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if made, err := parseArTime(text); err == nil && made.Unix() < 0 {
			t.Errorf("made %s", made)
		}
	})
}

func FuzzParseTargets(f *testing.F) {
	f.Add(targets)
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range parseTargets(text) {
			if s.URI == "" || len(s.Components) == 0 {
				t.Errorf("source %+v", s)
			}
		}
	})
}

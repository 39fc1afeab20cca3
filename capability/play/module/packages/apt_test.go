package packages

import (
	"slices"
	"strings"
	"testing"
)

const status = `Package: bash
Status: install ok installed
Version: 5.2.15-2+b7
Architecture: amd64
Section: shells

Package: gone
Status: deinstall ok config-files
Version: 1

Package: exim4-daemon-light
Status: install ok installed
Version: 4.96-15
Architecture: amd64
Provides: mail-transport-agent, default-mta (= 1)
`

func read(t *testing.T) *database {
	t.Helper()
	all, err := readStatus(strings.NewReader(status))
	if err != nil {
		t.Fatal(err)
	}
	d := &database{packages: all, provided: map[string]bool{}}
	for _, versions := range all {
		for _, p := range versions {
			for _, name := range p.Provides {
				d.provided[name] = true
			}
		}
	}
	return d
}

func TestHas(t *testing.T) {
	t.Parallel()
	d := read(t)
	for text, want := range map[string]bool{
		"bash": true, "bash=5.2*": true, "bash=4*": false, "bash:amd64": true, "bash:i386": false, "gone": false, "mail-transport-agent": true,
		"default-mta": true, "default-mta=1": false, "nothing": false,
	} {
		if got := d.has(parseWish(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if got := d.matching("ba*"); !slices.Equal(got, []string{"bash"}) {
		t.Errorf("ba* matches %v", got)
	}
}

func TestReadingApt(t *testing.T) {
	t.Parallel()
	old := outdated("bash:\n  Installed: 5.1\n  Candidate: 5.2\n  Version table:\nzsh:\n  Installed: 5.9\n  Candidate: 5.9\nnew:\n  Installed: (none)\n  Candidate: 1\nvirtual:\n  Installed: (none)\n  Candidate: (none)\n")
	if !old["bash"] || old["zsh"] || !old["new"] || old["virtual"] {
		t.Errorf("outdated: %v", old)
	}
	if !offered("Package: a\nVersions: \n1 (/var/lib/dpkg/status)\n\nReverse Depends: \n") || offered("Package: a\nVersions: \n\nReverse Depends: \n  b,a\nReverse Provides: \n") {
		t.Error("what apt-cache showpkg says is read wrongly")
	}
	if !nothing.MatchString("0 upgraded, 0 newly installed, 0 to remove and 3 not upgraded.") || nothing.MatchString("0 upgraded, 1 newly installed, 0 to remove") {
		t.Error("what apt-get says is read wrongly")
	}
}

func FuzzStatus(f *testing.F) {
	f.Add(status)
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = readStatus(strings.NewReader(text)) // must end, and not panic
	})
}

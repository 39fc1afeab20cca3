package packages

import (
	"reflect"
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
	d, err := readStatus(strings.NewReader(status))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestHas(t *testing.T) {
	t.Parallel()
	d := read(t)
	for text, want := range map[string]bool{
		"bash": true, "bash=5.2*": true, "bash=4*": false, "bash:amd64": true, "bash>=5.1": true, "bash>=5.3": false, "bash:i386": false, "gone": false, "mail-transport-agent": true,
		"default-mta": true, "default-mta=1": false, "nothing": false,
	} {
		if got := d.has(parseWish(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if !d.leftovers["gone"] || d.leftovers["bash"] {
		t.Errorf("packages with configuration files only: %v", d.leftovers)
	}
}

func TestReadingApt(t *testing.T) {
	t.Parallel()
	got := parsePolicy("bash:\n  Installed: 5.1\n  Candidate: 5.2\n  Version table:\n     5.2 500\n        500 http://x y Packages\n *** 5.1 100\n        100 /var/lib/dpkg/status\nvirtual:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n")
	want := map[string]*offer{"bash": {candidate: "5.2", versions: []string{"5.2", "5.1"}}, "virtual": {}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("apt-cache policy: %v", got)
	}
	if !provided("Package: a\nReverse Provides: \nb 1 (= )\n") || provided("Package: a\nReverse Depends: \n  b,a\nReverse Provides: \n") {
		t.Error("what apt-cache showpkg says is read wrongly")
	}
	if !unchanged.MatchString("0 upgraded, 0 newly installed, 0 to remove and 3 not upgraded.") || unchanged.MatchString("0 upgraded, 1 newly installed, 0 to remove") {
		t.Error("what apt-get says is read wrongly")
	}
}

func TestCompareVersions(t *testing.T) {
	t.Parallel()
	rising := []string{"0:0~~", "0~1", "0", "1.0~rc1-1", "1.0-1~bpo1", "1.0-1", "1.0-1+b1", "1.0-2", "1.0-10", "1.0a-1", "1.0+x-1", "1.1-1", "1.10", "1:0.1"}
	for i, a := range rising {
		for j, b := range rising {
			if got, want := compareVersions(a, b), sign(i-j); got != want {
				t.Errorf("%s against %s: %d, want %d", a, b, got, want)
			}
		}
	}
}

func FuzzStatus(f *testing.F) {
	f.Add(status)
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = readStatus(strings.NewReader(text)) // must end, and not panic
	})
}

func FuzzSources(f *testing.F) {
	f.Add("deb [a=b] http://x y z # c\n# deb-src x y\n##\n\n#\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, l := range parseSources(text) {
			if again := parseSource(l.String()); l.valid && (again.source != l.source || again.enabled != l.enabled) {
				t.Errorf("%q is written as %q, which reads as %+v", l.raw, l, again)
			}
		}
	})
}

func TestSuggested(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"deb file:/repo ./": "file_repo", "deb [arch=amd64] http://user:pw@www.example.org/debian/x bookworm main": "www_example_org_debian_x",
		"deb https://www.example.org:8443/debian-x/ bookworm/": "www_example_org_8443_debian_x",
	} {
		if got := suggested(source); got != want {
			t.Errorf("%s: %s, want %s", source, got, want)
		}
	}
}

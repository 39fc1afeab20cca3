// Package packages holds the modules that manage Debian's packages and those of
// Python and Node.js, and where packages come from. What is installed is read from dpkg's own database, so that a
// task with nothing to do starts no program.
package packages

import (
	"bufio"
	"cmp"
	"io"
	"os"
	"path"
	"runtime"
	"strings"

	"garboard.dev/garboard/capability/play/module"
)

// Modules returns the modules of this family.
func Modules() []*module.Module {
	return []*module.Module{
		apt(), packageFacts(), dpkgSelections(), debconf(), aptRepository(),
	}
}

// statusFile is dpkg's database (deb822 paragraphs, dpkg(1)).
const statusFile = "/var/lib/dpkg/status"

// installed is one installed package.
type installed struct {
	Name, Version, Architecture, Section string
	Provides                             []string
}

// database is what is installed.
type database struct {
	packages  map[string][]installed
	provided  map[string]bool
	leftovers map[string]bool // removed, but for their configuration files
}

// readStatus reads dpkg's database.
func readStatus(r io.Reader) (*database, error) {
	d := &database{packages: map[string][]installed{}, provided: map[string]bool{}, leftovers: map[string]bool{}}
	var p installed
	ok, left := false, false
	flush := func() {
		if ok && p.Name != "" {
			d.packages[p.Name] = append(d.packages[p.Name], p)
			for _, name := range p.Provides {
				d.provided[name] = true
			}
		}
		if left {
			d.leftovers[p.Name] = true
		}
		p, ok, left = installed{}, false, false
	}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), 16<<20)
	for s.Scan() {
		line := s.Text()
		if line == "" {
			flush()
			continue
		}
		key, v, found := strings.Cut(line, ": ")
		if !found {
			continue
		}
		switch key {
		case "Package":
			p.Name = v
		case "Version":
			p.Version = v
		case "Architecture":
			p.Architecture = v
		case "Section":
			p.Section = v
		case "Status":
			ok, left = strings.HasSuffix(v, " installed"), strings.HasSuffix(v, " config-files")
		case "Provides":
			for one := range strings.SplitSeq(v, ",") {
				name, _, _ := strings.Cut(strings.TrimSpace(one), " ")
				p.Provides = append(p.Provides, name)
			}
		}
	}
	flush()
	return d, s.Err()
}

func readDatabase() (*database, error) {
	f, err := os.Open(statusFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readStatus(f)
}

// wish is one name that a task gives: a package, maybe with an architecture
// and a version, which may be a pattern or (with atLeast) the lowest that will do.
type wish struct {
	text, name, version, arch string
	atLeast                   bool
	pattern                   bool // the name came from a pattern
}

func parseWish(text string) wish {
	w := wish{text: text, name: text}
	if name, version, ok := strings.Cut(text, "="); ok {
		w.name, w.version = name, version
		if name, ok := strings.CutSuffix(name, ">"); ok {
			w.name, w.atLeast = name, true
		}
	}
	if name, arch, ok := strings.Cut(w.name, ":"); ok {
		w.name, w.arch = name, arch
	}
	return w
}

// qualified is the name with the architecture, where one is given.
func (w wish) qualified() string {
	if w.arch == "" {
		return w.name
	}
	return w.name + ":" + w.arch
}

// accepts says whether a version is what the wish asks for.
func (w wish) accepts(version string) bool {
	if w.atLeast {
		return compareVersions(version, w.version) >= 0
	}
	ok, err := path.Match(w.version, version)
	return err == nil && ok
}

func isGlob(name string) bool { return strings.ContainsAny(name, "*?[!]") }

// has says whether a wish is fulfilled.
func (d *database) has(w wish) bool {
	for _, p := range d.packages[w.name] {
		if w.fits(p) && (w.version == "" || w.accepts(p.Version)) {
			return true
		}
	}
	return w.version == "" && len(d.packages[w.name]) == 0 && d.provided[w.name] && !w.pattern
}

// fits says whether an installed package has the architecture of the wish.
func (w wish) fits(p installed) bool {
	return w.arch == "" || w.arch == p.Architecture || p.Architecture == "all" && w.arch == native
}

// native is this program's architecture in dpkg's words.
var native = cmp.Or(map[string]string{"386": "i386", "arm": "armhf", "ppc64le": "ppc64el", "mipsle": "mipsel", "mips64le": "mips64el"}[runtime.GOARCH], runtime.GOARCH)

// real says whether a package of that very name is installed.
func (d *database) real(w wish) bool { return d.version(w) != "" }

// version is the installed version, "" where there is none.
func (d *database) version(w wish) string {
	for _, p := range d.packages[w.name] {
		if w.fits(p) {
			return p.Version
		}
	}
	return ""
}

// Package packages holds the modules that manage Debian's packages: apt and
// package_facts. What is installed is read from dpkg's own database, so that a
// task with nothing to do starts no program.
package packages

import (
	"bufio"
	"io"
	"os"
	"path"
	"strings"

	"garboard.dev/garboard/capability/play/module"
)

// Modules returns the modules of this family.
func Modules() []*module.Module { return []*module.Module{apt(), packageFacts()} }

// statusFile is dpkg's database (deb822 paragraphs, dpkg(1)).
const statusFile = "/var/lib/dpkg/status"

// installed is one installed package.
type installed struct {
	Name, Version, Architecture, Section string
	Provides                             []string
}

// readStatus reads the packages that are installed, by name.
func readStatus(r io.Reader) (map[string][]installed, error) {
	out := map[string][]installed{}
	var p installed
	ok := false
	flush := func() {
		if ok && p.Name != "" {
			out[p.Name] = append(out[p.Name], p)
		}
		p, ok = installed{}, false
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
			ok = strings.HasSuffix(v, " installed")
		case "Provides":
			for one := range strings.SplitSeq(v, ",") {
				name, _, _ := strings.Cut(strings.TrimSpace(one), " ")
				p.Provides = append(p.Provides, name)
			}
		}
	}
	flush()
	return out, s.Err()
}

// database is what is installed.
type database struct {
	packages map[string][]installed
	provided map[string]bool
}

func readDatabase() (*database, error) {
	f, err := os.Open(statusFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := readStatus(f)
	if err != nil {
		return nil, err
	}
	d := &database{packages: all, provided: map[string]bool{}}
	for _, versions := range all {
		for _, p := range versions {
			for _, name := range p.Provides {
				d.provided[name] = true
			}
		}
	}
	return d, nil
}

// wish is one name that a task gives: a package, maybe with a version and an architecture.
type wish struct{ text, name, version, arch string }

func parseWish(text string) wish {
	w := wish{text: text, name: text}
	if name, version, ok := strings.Cut(text, "="); ok {
		w.name, w.version = name, version
	}
	if name, arch, ok := strings.Cut(w.name, ":"); ok {
		w.name, w.arch = name, arch
	}
	return w
}

func isGlob(name string) bool { return strings.ContainsAny(name, "*?[") }

// has says whether a wish is fulfilled.
func (d *database) has(w wish) bool {
	for _, p := range d.packages[w.name] {
		if w.arch != "" && w.arch != p.Architecture && p.Architecture != "all" {
			continue
		}
		if w.version == "" {
			return true
		}
		if ok, err := path.Match(w.version, p.Version); err == nil && ok {
			return true
		}
	}
	return w.version == "" && len(d.packages[w.name]) == 0 && d.provided[w.name]
}

// real says whether a package of that very name is installed.
func (d *database) real(w wish) bool {
	for _, p := range d.packages[w.name] {
		if w.arch == "" || w.arch == p.Architecture || p.Architecture == "all" {
			return true
		}
	}
	return false
}

// matching are the installed packages that a pattern names.
func (d *database) matching(pattern string) []string {
	var out []string
	for name := range d.packages {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			out = append(out, name)
		}
	}
	return out
}

package packages

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
)

// offer is what apt's lists have of one package.
type offer struct {
	candidate string   // "" where none is offered
	versions  []string // the highest first
}

// install brings packages to the states present, latest, fixed and build-dep.
func (a *aptRun) install(wishes []wish) (module.Result, error) {
	names, err := a.missing(wishes)
	if err != nil {
		return nil, err
	}
	out := module.Result{"changed": false}
	if len(names) > 0 {
		l := a.installing(names)
		o, result, err := a.get(l)
		if err != nil {
			return nil, err
		}
		if o.Code != 0 {
			f := refused(fmt.Sprintf("'%s' failed: %s", l, o.Stderr), o)
			a.cached(f.Result)
			return nil, f
		}
		out = result
	}
	if !a.c.Check && a.c.Args.String("state") != "build-dep" {
		if err := a.markManual(wishes); err != nil {
			return nil, err
		}
	}
	return a.cached(out), nil
}

// missing are the names, with versions where they matter, that apt-get has to install.
func (a *aptRun) missing(wishes []wish) ([]string, error) {
	state := a.c.Args.String("state")
	if state == "build-dep" {
		names := make([]string, len(wishes))
		for i, w := range wishes {
			names[i] = w.text
		}
		return names, nil
	}
	wishes, err := a.expand(wishes)
	if err != nil {
		return nil, err
	}
	var open []wish // those that dpkg's database alone does not decide
	for _, w := range wishes {
		if state == "latest" || !a.db.has(w) {
			open = append(open, w)
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	offers, err := a.offers(open)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, w := range open {
		name, err := a.resolve(w, offers[w.qualified()])
		if err != nil {
			return nil, err
		}
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// resolve says what to install for one wish, "" where nothing is to be done.
func (a *aptRun) resolve(w wish, o *offer) (string, error) {
	there := a.db.real(w)
	if o == nil {
		return "", &module.Failure{Message: fmt.Sprintf("No package matching '%s' is available", w.qualified())}
	}
	if a.c.Args.Bool("only_upgrade") && !there {
		return "", nil
	}
	if w.version == "" {
		if there && (o.candidate == "" || o.candidate == a.db.version(w)) || a.db.has(w) && !there {
			return "", nil
		}
		return w.qualified(), nil
	}
	best := ""
	for _, v := range o.versions {
		if w.accepts(v) {
			best = v
			break
		}
	}
	switch {
	case best == "" && a.db.has(w):
		return "", nil
	case best == "":
		return "", &module.Failure{Message: "no available installation candidate for " + w.text, Result: a.cached(module.Result{})}
	case best == a.db.version(w):
		return "", nil
	}
	return w.qualified() + "=" + best, nil
}

// expand puts the packages in the place of patterns.
func (a *aptRun) expand(wishes []wish) ([]wish, error) {
	var out []wish
	var known []string
	for _, w := range wishes {
		if !isGlob(w.name) {
			out = append(out, w)
			continue
		}
		if known == nil {
			o, err := a.program("apt-cache", "pkgnames")
			if err != nil {
				return nil, err
			}
			known = strings.Fields(o.Stdout)
			slices.Sort(known)
		}
		found := false
		for _, name := range known {
			if ok, err := path.Match(w.name, name); err == nil && ok {
				found = true
				out = append(out, wish{text: name, name: name, arch: w.arch, pattern: true}) // a version beside a pattern counts for nothing
			}
		}
		if !found {
			return nil, &module.Failure{Message: fmt.Sprintf("No package(s) matching '%s' available", w.name)}
		}
	}
	return out, nil
}

// offers asks apt for the versions of packages. What nobody offers has no
// entry; what others provide has one without versions.
func (a *aptRun) offers(wishes []wish) (map[string]*offer, error) {
	argv := []string{"apt-cache"}
	if r := a.c.Args.String("default_release"); r != "" {
		argv = append(argv, "-o", "APT::Default-Release="+r)
	}
	argv = append(argv, "policy")
	for _, w := range wishes {
		if w.name != "" {
			argv = append(argv, w.qualified())
		}
	}
	out := map[string]*offer{}
	if len(argv) == 2 {
		return out, nil
	}
	o, err := a.program(argv...)
	if err != nil {
		return nil, err
	}
	out = parsePolicy(o.Stdout)
	for _, w := range wishes {
		of := out[w.qualified()]
		if of == nil || of.candidate != "" || len(of.versions) > 0 {
			continue
		}
		o, err := a.program("apt-cache", "showpkg", w.qualified())
		if err != nil {
			return nil, err
		}
		if !provided(o.Stdout) {
			delete(out, w.qualified())
		}
	}
	return out, nil
}

// parsePolicy reads the output of apt-cache policy.
func parsePolicy(text string) map[string]*offer {
	out := map[string]*offer{}
	var now *offer
	table := false
	for text := range strings.Lines(text) {
		text = strings.TrimRight(text, "\n")
		f := strings.Fields(text)
		switch {
		case len(f) == 0:
		case text[0] != ' ' && strings.HasSuffix(text, ":"):
			now, table = &offer{}, false
			out[strings.TrimSuffix(text, ":")] = now
		case now == nil:
		case f[0] == "Candidate:" && len(f) == 2 && f[1] != "(none)":
			now.candidate = f[1]
		case f[0] == "Version" && len(f) == 2 && f[1] == "table:":
			table = true
		case table && f[0] == "***" && len(f) > 1:
			now.versions = append(now.versions, f[1])
		case table && strings.HasPrefix(text, "     ") && !strings.HasPrefix(text, "      "):
			now.versions = append(now.versions, f[0])
		}
	}
	return out
}

// provided says whether apt-cache showpkg tells of packages that provide this one.
func provided(text string) bool {
	_, after, ok := strings.Cut(text, "\nReverse Provides:")
	return ok && strings.TrimSpace(after) != ""
}

// autoFile says which packages were installed only because others need them.
const autoFile = "/var/lib/apt/extended_states"

// markManual notes that packages were asked for, so that autoremove keeps them.
func (a *aptRun) markManual(wishes []wish) error {
	f, err := os.Open(autoFile)
	if err != nil {
		return nil //nolint:nilerr // nothing was ever installed automatically
	}
	defer f.Close()
	auto := map[string]bool{}
	name := ""
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 64<<10), 16<<20)
	for s.Scan() {
		switch k, v, _ := strings.Cut(s.Text(), ": "); k {
		case "Package":
			name = v
		case "Auto-Installed":
			auto[name] = v == "1"
		}
	}
	if err := s.Err(); err != nil {
		return err
	}
	argv := []string{"apt-mark", "manual"}
	for _, w := range wishes {
		if auto[w.name] {
			argv = append(argv, w.qualified())
		}
	}
	if len(argv) == 2 {
		return nil
	}
	o, err := a.program(argv...)
	if err == nil && o.Code != 0 {
		err = refused(fmt.Sprintf("'/usr/bin/%s' failed: %s", strings.Join(argv, " "), o.Stderr), o)
	}
	return err
}

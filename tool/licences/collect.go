package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// own begins the module path of everything in this repository.
const own = "garboard.dev/garboard"

// Part is one thing that a program is made of.
type Part struct {
	Kind     string // "golang", "npm" or "deb": the type of its package URL
	Name     string
	Version  string
	Licences []string
	Texts    map[string][]byte // licence texts, by file name
}

// key orders parts and names their folders.
func (p Part) key() string { return p.Kind + "/" + p.Name + "@" + p.Version }

// Program is one built file and the keys of its parts.
type Program struct {
	Name  string
	Parts []string
}

// inspect reads from a Go program what modules it was built from.
func inspect(path string) (Program, []Part, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return Program{}, nil, err
	}
	modules := append([]*debug.Module{&info.Main}, info.Deps...)
	parts := []Part{{Kind: "golang", Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}
	for _, m := range modules {
		for m.Replace != nil {
			m = m.Replace
		}
		if m.Path != own && !strings.HasPrefix(m.Path, own+"/") {
			parts = append(parts, Part{Kind: "golang", Name: m.Path, Version: m.Version})
		}
	}
	p := Program{Name: filepath.Base(path)}
	for _, part := range parts {
		p.Parts = append(p.Parts, part.key())
	}
	return p, parts, nil
}

// folders returns the module cache's folder of each module; what is missing is fetched.
func folders(modules []Part) (map[string]string, error) {
	args := []string{"mod", "download", "-json"}
	for _, m := range modules {
		args = append(args, m.Name+"@"+m.Version)
	}
	dir, err := os.MkdirTemp("", "licences-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GO111MODULE=on", "GOFLAGS=-mod=mod", "GOWORK=off")
	var said bytes.Buffer
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go mod download: %w: %s%s", err, text, said.String())
	}
	out := map[string]string{}
	for decoder := json.NewDecoder(bytes.NewReader(text)); ; {
		var m struct{ Path, Version, Dir string }
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		out[m.Path+"@"+m.Version] = m.Dir
	}
}

var licenceFile = regexp.MustCompile(`(?i)^((un)?licen[sc]e|copying|copyright|notice|patents)([-._].*)?$`)
var notLicence = regexp.MustCompile(`(?i)^(notice|patents)|\.(go|yml|yaml|tpl|json|header|sh)$`)

// readTexts reads the licence texts in dir into p and names the licences.
func (p *Part) readTexts(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	p.Texts = map[string][]byte{}
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		p.Texts[e.Name()] = text
		if !notLicence.MatchString(e.Name()) {
			p.Licences = append(p.Licences, classify(string(text))...)
		}
	}
	slices.Sort(p.Licences)
	p.Licences = slices.Compact(p.Licences)
	if id := chosen[p.Name]; id != "" && slices.Contains(p.Licences, id) {
		p.Licences = []string{id}
	}
	return nil
}

// npmParts reads from a package-lock.json (version 3) what the console's pages
// contain: every package that is not for development only.
func npmParts(lock string) ([]Part, error) {
	text, err := os.ReadFile(lock)
	if err != nil {
		return nil, err
	}
	var file struct {
		Packages map[string]struct {
			Version string
			Dev     bool
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", lock, err)
	}
	var out []Part
	for path, pkg := range file.Packages {
		name, ok := strings.CutPrefix(path, "node_modules/")
		if !ok || pkg.Dev {
			continue
		}
		p := Part{Kind: "npm", Name: name, Version: pkg.Version}
		if err := p.readTexts(filepath.Join(filepath.Dir(lock), path)); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// debPart describes a Debian package whose static library is linked in. Its
// licence is the LGPL, which lets a program link it that can be linked anew: all
// of ours can, from this repository.
func debPart(name string) (Part, error) {
	version, err := exec.Command("dpkg-query", "-W", "-f", "${Version}", name).Output()
	if err != nil {
		return Part{}, fmt.Errorf("the Debian package %s is not installed: %w", name, err)
	}
	text, err := os.ReadFile(filepath.Join("/usr/share/doc", name, "copyright"))
	if err != nil {
		return Part{}, err
	}
	return Part{Kind: "deb", Name: name, Version: string(version), Licences: []string{"LGPL-2.1-only"}, Texts: map[string][]byte{"copyright": text}}, nil
}

// Command licences writes what built programs are made of: the licence texts of
// every part, one folder each, and a bill of materials (sbom.cdx.json). It asks
// the programs themselves, so nothing can be forgotten, and it refuses a part
// whose licence is unknown or is one of the GNU family.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	out := flag.String("out", "", "the folder to write to")
	version := flag.String("version", "development", "of the whole")
	npm := flag.String("npm", "", "package-lock.json of pages that the programs contain")
	deb := flag.String("deb", "", "Debian packages whose static libraries are linked, as PACKAGE=PROGRAM,PROGRAM;...")
	flag.Parse()
	if *out == "" || flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: licences -out DIR [flags] PROGRAM...")
		os.Exit(2)
	}
	if err := run(*out, *version, *npm, *deb, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
}

func run(out, version, npm, deb string, paths []string) error {
	programs, parts, err := goParts(paths)
	if err != nil {
		return err
	}
	if npm != "" {
		more, err := npmParts(npm)
		if err != nil {
			return err
		}
		parts = append(parts, more...)
		attach(programs, "garboard", more)
	}
	var refused []error
	for _, p := range parts {
		if err := refusal(p.Licences); err != nil {
			refused = append(refused, fmt.Errorf("%s %s: %w", p.Name, p.Version, err))
		}
	}
	if err := errors.Join(refused...); err != nil {
		return err
	}
	more, err := debParts(deb, &programs)
	if err != nil {
		return err
	}
	parts = append(parts, more...)
	slices.SortFunc(parts, func(a, b Part) int { return cmp.Compare(a.key(), b.key()) })
	return write(out, version, programs, parts)
}

// goParts inspects the programs and reads the texts of all their modules.
func goParts(paths []string) ([]Program, []Part, error) {
	var programs []Program
	all := map[string]Part{}
	for _, path := range paths {
		program, parts, err := inspect(path)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		programs = append(programs, program)
		for _, p := range parts {
			all[p.key()] = p
		}
	}
	var modules []Part
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if all[key].Name != "std" {
			modules = append(modules, all[key])
		}
	}
	dirs, err := folders(modules)
	if err != nil {
		return nil, nil, err
	}
	goroot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	var out []Part
	for _, p := range all {
		dir := dirs[p.Name+"@"+p.Version]
		if p.Name == "std" {
			dir = strings.TrimSpace(string(goroot))
		}
		if err := p.readTexts(dir); err != nil {
			return nil, nil, fmt.Errorf("%s %s: %w", p.Name, p.Version, err)
		}
		out = append(out, p)
	}
	return programs, out, nil
}

// attach notes that the program contains the parts.
func attach(programs []Program, name string, parts []Part) {
	for i := range programs {
		for _, p := range parts {
			if programs[i].Name == name {
				programs[i].Parts = append(programs[i].Parts, p.key())
			}
		}
	}
}

// debParts reads "PACKAGE=PROGRAM,PROGRAM;...". A program that is not a Go
// program, as pause, is added to programs.
func debParts(spec string, programs *[]Program) ([]Part, error) {
	var out []Part
	for entry := range strings.SplitSeq(spec, ";") {
		name, users, ok := strings.Cut(entry, "=")
		if !ok {
			continue
		}
		part, err := debPart(name)
		if err != nil {
			return nil, err
		}
		out = append(out, part)
		for user := range strings.SplitSeq(users, ",") {
			if !slices.ContainsFunc(*programs, func(p Program) bool { return p.Name == user }) {
				*programs = append(*programs, Program{Name: user})
			}
			attach(*programs, user, []Part{part})
		}
	}
	return out, nil
}

// write replaces out with the texts and the bill.
func write(out, version string, programs []Program, parts []Part) error {
	texts := filepath.Join(out, "licences")
	if err := os.RemoveAll(texts); err != nil {
		return err
	}
	for _, p := range parts {
		for name, text := range p.Texts {
			to := filepath.Join(texts, filepath.FromSlash(p.key()), name)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(to, text, 0o644); err != nil {
				return err
			}
		}
	}
	bill, err := materials(version, programs, parts)
	if err != nil {
		return err
	}
	fmt.Printf("licences: %d programs of %d parts, all of them allowed\n", len(programs), len(parts))
	return os.WriteFile(filepath.Join(out, "sbom.cdx.json"), bill, 0o644)
}

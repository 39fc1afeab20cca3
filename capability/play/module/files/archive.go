package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func archiveModule() *module.Module {
	paths := func(name, help string) module.Option {
		return module.Option{Name: name, Type: module.List, Elements: module.Path, Default: []any{}, Help: help}
	}
	return &module.Module{Spec: module.Spec{
		Name: "community.general.archive", Summary: "Packs files and folders", Files: true, CheckMode: true,
		Options: []module.Option{
			{Name: "path", Type: module.List, Elements: module.Path, Required: true, Help: "What to pack; shell patterns are understood."},
			{Name: "format", Default: "gz", Choices: choices("bz2", "gz", "tar", "xz", "zip"), Help: "How to pack."},
			{Name: "dest", Type: module.Path, Help: "The archive. Needed for several paths."},
			paths("exclude_path", "What to leave out; shell patterns are understood."),
			{Name: "exclusion_patterns", Type: module.List, Elements: module.Path, Help: "Names to leave out, as shell patterns."},
			{Name: "force_archive", Type: module.Bool, Default: false, Help: "Make an archive of a single file too, not only compress it."},
			{Name: "remove", Type: module.Bool, Default: false, Help: "Remove what was packed."},
		},
		Returns: []module.Return{{Name: "archived", Type: "list", Help: "What was packed."}, {Name: "missing", Type: "list", Help: "What does not exist."},
			{Name: "dest_state", Type: "str", Help: "absent, archive, compress or incomplete."}},
	}, Run: runArchive}
}

// packer is one run of archive.
type packer struct {
	c        *module.Call
	format   string
	dest     string
	root     string // what is taken away from the front of names
	paths    []string
	excluded []string
	found    []string
	missing  []string
	single   bool // one file that is only compressed
	archived []string
	state    string
	changed  bool
}

func runArchive(ctx context.Context, c *module.Call) (module.Result, error) {
	p := &packer{c: c, format: c.Args.String("format"), dest: c.Args.String("dest"), state: "absent", missing: []string{}, archived: []string{}}
	if err := p.find(); err != nil {
		return nil, err
	}
	if len(p.found) > 0 {
		if err := p.packAll(ctx); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(p.dest); err == nil {
		p.state = "archive"
	}
	if _, err := os.Stat(p.dest); err == nil {
		did, err := attribute.Of(c, p.dest).Apply(ctx, c, nil)
		if err != nil {
			return nil, err
		}
		p.changed = p.changed || did
	}
	return module.Result{"archived": anyOf(p.archived), "dest": p.dest, "dest_state": p.state, "changed": p.changed, "arcroot": p.root,
		"missing": anyOf(p.missing), "expanded_paths": anyOf(p.paths), "expanded_exclude_paths": anyOf(p.excluded)}, nil
}

// find expands the paths and finds out what to make of them.
func (p *packer) find() error {
	given := p.c.Args.Strings("path")
	globby := false
	for _, g := range given {
		globby = globby || strings.ContainsAny(g, "*?[")
	}
	p.paths, p.excluded = expandPaths(given), expandPaths(p.c.Args.Strings("exclude_path"))
	if len(p.paths) == 0 {
		return fail("Error, no source paths were found", "path", strings.Join(given, ", "), "expanded_paths", "", "expanded_exclude_paths", "")
	}
	several := globby || len(p.paths) > 1
	if p.dest == "" {
		if several {
			return fail(`Error, must specify "dest" when archiving multiple files or trees`, "dest", "None", "path", strings.Join(p.paths, ", "))
		}
		p.dest = p.paths[0] + "." + p.format
	}
	p.single = !several && !p.c.Args.Bool("force_archive")
	dirs := make([]string, 0, len(p.paths))
	for _, path := range p.paths {
		dirs = append(dirs, joinRaw(dirRaw(path), ""))
		info, err := os.Lstat(path)
		if err != nil {
			p.missing = append(p.missing, path)
			continue
		}
		p.found = append(p.found, path)
		p.single = p.single && !info.IsDir()
	}
	p.root = commonFolder(dirs)
	return nil
}

func expandPaths(paths []string) []string {
	out := []string{}
	for _, path := range paths {
		if !strings.ContainsAny(path, "*?[") {
			out = append(out, path)
			continue
		}
		if found, err := filepath.Glob(path); err == nil {
			out = append(out, found...)
		}
	}
	return out
}

// commonFolder is the folder, with / at its end, that all folders are below.
func commonFolder(dirs []string) string {
	common := dirs[0]
	for _, dir := range dirs[1:] {
		for !strings.HasPrefix(dir, common) {
			common = common[:strings.LastIndex(strings.TrimSuffix(common, "/"), "/")+1]
		}
	}
	return common
}

func (p *packer) packAll(ctx context.Context) error {
	if p.c.Check {
		_, err := os.Stat(p.dest)
		p.changed = !p.single || err != nil
		return nil
	}
	entries, err := p.entries()
	if err != nil {
		return err
	}
	fresh := filepath.Join(p.c.Machine.Temp, "archive")
	if err := p.write(ctx, fresh, entries); err != nil {
		return fail(fmt.Sprintf("Error when writing %s archive at %s: %s", p.format, p.dest, err))
	}
	for _, e := range entries {
		if !e.info.IsDir() || p.format != "zip" {
			p.archived = append(p.archived, e.path)
		}
	}
	p.state = "archive"
	switch {
	case p.single && p.format != "tar" && p.format != "zip":
		p.state = "compress"
	case len(p.missing) > 0:
		p.state = "incomplete"
	}
	if err := p.store(ctx, fresh); err != nil {
		return err
	}
	return p.remove()
}

// store puts the new archive in its place where its content differs from the old one's.
func (p *packer) store(ctx context.Context, fresh string) error {
	now, err := p.read(ctx, fresh)
	if err != nil {
		return err
	}
	if old, err := p.read(ctx, p.dest); err == nil && slices.Equal(old, now) {
		return nil
	}
	p.changed = true
	in, err := os.Open(fresh)
	if err != nil {
		return err
	}
	return errors.Join(attribute.Write(p.c, p.dest, in), in.Close())
}

// packed is one file or folder to pack.
type packed struct {
	path, name string
	info       fs.FileInfo
}

// entries lists what to pack: of a folder all that is below it.
func (p *packer) entries() ([]packed, error) {
	var out []packed
	add := func(path string) error {
		info, err := os.Lstat(path)
		if err == nil && !p.leavesOut(path) && path != p.dest {
			out = append(out, packed{path, strings.TrimPrefix(path, p.root), info})
		}
		return err
	}
	for _, path := range p.found {
		if p.leavesOut(path) {
			continue
		}
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			err = add(path)
		} else {
			err = filepath.WalkDir(path, func(below string, e fs.DirEntry, err error) error {
				if err != nil || below == path {
					return err
				}
				if e.IsDir() && p.leavesOut(below) {
					return fs.SkipDir
				}
				return add(below)
			})
		}
		if err != nil {
			return nil, fail(attribute.Reason(err, false))
		}
	}
	return out, nil
}

func (p *packer) leavesOut(name string) bool {
	if slices.Contains(p.excluded, name) {
		return true
	}
	for _, pattern := range p.c.Args.Strings("exclusion_patterns") {
		for _, text := range []string{name, path.Base(name)} {
			if ok, err := path.Match(pattern, text); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// remove takes away what was packed, where the task asks for it.
func (p *packer) remove() error {
	if !p.c.Args.Bool("remove") {
		return nil
	}
	p.changed = true
	var err error
	for _, path := range p.found {
		if !p.leavesOut(path) {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	if err != nil {
		return fail("Error deleting some source files: " + err.Error())
	}
	return nil
}

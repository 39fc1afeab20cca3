package inventory

import (
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// varsFolder is a folder with group_vars and host_vars: beside an inventory, or
// beside a playbook.
type varsFolder struct{ dir string }

// Folder adds a folder whose group_vars and host_vars count. Those added later
// count more.
func (i *Inventory) Folder(dir string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !slices.Contains(i.files, varsFolder{dir}) {
		i.files = append(i.files, varsFolder{dir})
	}
}

// Vars returns a host's variables in layers, the least specific first: those of
// its groups in inventories and files, then its own.
func (i *Inventory) Vars(host string) ([]*value.Dict, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	h, ok := i.hosts[host]
	if !ok {
		return nil, nil
	}
	groups := i.groupsOf(host)
	var out []*value.Dict
	add := func(layers ...*value.Dict) {
		for _, l := range layers {
			if l.Len() > 0 {
				out = append(out, l)
			}
		}
	}
	for _, part := range [][]string{{"all"}, groups} {
		for _, g := range part {
			if (g == "all") != (len(part) == 1 && part[0] == "all") || i.groups[g] == nil {
				continue
			}
			add(i.groups[g].Vars)
		}
		for _, f := range i.files {
			for _, g := range part {
				if g == "all" && len(part) > 1 {
					continue
				}
				layers, err := i.fileVars(filepath.Join(f.dir, "group_vars"), g)
				if err != nil {
					return nil, err
				}
				add(layers...)
			}
		}
	}
	add(h.Vars)
	for _, f := range i.files {
		layers, err := i.fileVars(filepath.Join(f.dir, "host_vars"), host)
		if err != nil {
			return nil, err
		}
		add(layers...)
	}
	return out, nil
}

// fileVars reads group_vars/NAME, as a file with an ending of YAML or as a folder.
func (i *Inventory) fileVars(dir, name string) ([]*value.Dict, error) {
	base := filepath.Join(dir, name)
	if strings.ContainsAny(name, "/\\") || name == ".." {
		return nil, nil
	}
	var paths []string
	if i.reader.IsDir(base) {
		inner, err := i.walk(base, 0)
		if err != nil {
			return nil, err
		}
		paths = inner
	}
	for _, ext := range []string{"", ".yml", ".yaml", ".json"} {
		if i.reader.IsFile(base + ext) {
			paths = append(paths, base+ext)
			break
		}
	}
	var out []*value.Dict
	for _, p := range paths {
		d, err := i.load(p)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func (i *Inventory) walk(dir string, depth int) ([]string, error) {
	names, _, err := i.reader.ReadDir(dir)
	if err != nil || depth > 20 {
		return nil, err
	}
	slices.Sort(names)
	var out []string
	for _, n := range names {
		full := filepath.Join(dir, n)
		ext := filepath.Ext(n)
		switch {
		case n[0] == '.' || strings.HasSuffix(n, "~"):
		case i.reader.IsDir(full):
			inner, err := i.walk(full, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
		case ext == "" || ext == ".yml" || ext == ".yaml" || ext == ".json":
			out = append(out, full)
		}
	}
	return out, nil
}

func (i *Inventory) load(path string) (*value.Dict, error) {
	if d, ok := i.fileCache[path]; ok {
		return d, nil
	}
	v, err := i.reader.Load(path)
	if err != nil {
		return nil, err
	}
	d, ok := v.(*value.Dict)
	if !ok {
		d = value.NewDict()
	}
	i.fileCache[path] = d
	return d, nil
}

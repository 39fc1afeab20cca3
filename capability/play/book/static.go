package book

import (
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// maxImports bounds how deep imports may nest.
const maxImports = 64

// static replaces an import by what it brings.
func (l *Loader) static(t *Task, at place) ([]Item, error) {
	if t.Loop.Set {
		what := "import_tasks"
		if t.FQCN == "ansible.builtin.import_role" {
			what = "import_role"
		}
		return nil, wrong(t.Position, "You cannot use loops on '%s' statements. You should use '%s' instead.", what, strings.Replace(what, "import", "include", 1))
	}
	if t.FQCN == "ansible.builtin.import_role" {
		return l.importRole(t, at)
	}
	file, err := l.importFile(t, at)
	if err != nil {
		return nil, err
	}
	if slices.Contains(at.imports, file) || len(at.imports) > maxImports {
		return nil, wrong(t.Position, "task import loop: %s imports itself", file)
	}
	b := &Block{Plain: true, Role: t.Role, Node: t.Node}
	inner := at
	inner.node, inner.dir, inner.file = &b.Node, filepath.Dir(file), file
	inner.imports = append(slices.Clip(at.imports), file)
	inner.known = append(slices.Clip(at.known), dicts(t.All("vars"))...)
	b.Body, err = l.file(file, inner)
	return []Item{b}, err
}

func dicts(vars []value.Value) []*value.Dict {
	var out []*value.Dict
	for _, v := range vars {
		if d, ok := v.(*value.Dict); ok {
			out = append(out, d)
		}
	}
	return out
}

// IncludeName returns the file or role that an include or import names, as written.
func (t *Task) IncludeName(keys ...string) (value.Value, bool) {
	for _, k := range keys {
		if v, ok := t.Args.Str(k); ok {
			return v, true
		}
	}
	return nil, false
}

func (l *Loader) importFile(t *Task, at place) (string, error) {
	raw, ok := t.IncludeName("_raw_params", "file")
	if !ok || raw == nil {
		return "", wrong(t.Position, "No file specified for %s", t.Action)
	}
	name, err := l.Template(raw, l.knownAt(t, at))
	if err != nil {
		return "", &Error{Message: "Error when evaluating variable in import path: " + value.Str(raw) + ".\n\nWhen using static imports, ensure that any variables used in their names are defined in vars/vars_files\nor extra-vars passed in from the command line. Static imports cannot use variables from facts or inventory\nsources like group or host vars.", Position: t.Position}
	}
	path := value.Str(name)
	found := l.FindTasks(path, t)
	if found == "" {
		return "", wrong(t.Position, "Could not find or access '%s' on the Ansible Controller.", filepath.Join(t.Dir, path))
	}
	return found, nil
}

// knownAt are the variables that a static import may use: what stands in the
// play, the roles and the imports around it.
func (l *Loader) knownAt(t *Task, at place) []*value.Dict {
	var out []*value.Dict
	if at.role != nil {
		out = append(out, at.role.Defaults)
	}
	if at.play != nil {
		out = append(out, dicts(at.play.Vars())...)
	}
	if at.role != nil {
		out = append(out, at.role.Vars, at.role.Params)
	}
	out = append(out, dicts(t.All("vars"))...)
	return append(out, at.known...)
}

// FindTasks looks for a file of tasks: beside the file that names it, in the
// role's folders, and beside the files that included that one.
func (l *Loader) FindTasks(path string, t *Task) string {
	if filepath.IsAbs(path) {
		return l.existing(path)
	}
	candidates := []string{filepath.Join(t.Dir, path)}
	if t.Role != nil {
		kind := "tasks"
		if t.Handler {
			kind = "handlers"
		}
		candidates = append([]string{filepath.Join(t.Role.Dir, kind, path)}, candidates...)
		if rel, err := filepath.Rel(filepath.Join(t.Role.Dir, kind), t.Dir); err == nil && !strings.HasPrefix(rel, "..") && rel != "." {
			candidates = append([]string{filepath.Join(t.Dir, path)}, candidates...)
		}
		candidates = append(candidates, filepath.Join(t.Role.Dir, path), filepath.Join(t.Role.Dir, "tasks", path))
	}
	if l.BaseDir != "" {
		candidates = append(candidates, filepath.Join(l.BaseDir, path))
	}
	for _, c := range candidates {
		if found := l.existing(c); found != "" {
			return found
		}
	}
	return ""
}

// existing returns path, or path with an extension of YAML, if there is such a file.
func (l *Loader) existing(path string) string {
	for _, ext := range []string{"", ".yml", ".yaml", ".json"} {
		if l.IsFile(path + ext) {
			return path + ext
		}
	}
	return ""
}

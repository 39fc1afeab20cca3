package run

import (
	"garboard.dev/garboard/capability/play/value"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/action"
	"garboard.dev/garboard/capability/play/book"
)

// searchPath are the folders where a task's files are looked for: its role, the
// roles that brought that one, the folder of its file, and the playbook's.
func (p *playRun) searchPath(t *book.Task) []string {
	var out []string
	add := func(dir string) {
		if dir != "" && !slices.Contains(out, dir) {
			out = append(out, dir)
		}
	}
	if t != nil {
		if t.Role != nil {
			add(t.Role.Dir)
			for _, parent := range slices.Backward(t.Role.Parents) {
				add(parent.Dir)
			}
		}
		add(t.Dir)
	}
	add(p.play.Dir)
	return out
}

// Find looks for a file along a task's search path, in folders of its kind first.
func (r *Runner) find(dirs []string, kind, name string, isDir bool) (string, error) {
	if path, ok := r.home(name); ok {
		name = path
	}
	exists := func(path string) bool { return r.Files.IsFile(path) || isDir && r.Files.IsDir(path) }
	if filepath.IsAbs(name) {
		if exists(name) {
			return name, nil
		}
		return "", notFound(name, []string{name})
	}
	var tried []string
	for _, dir := range append(slices.Clone(dirs), dirs[len(dirs)-1:]...) { // the playbook's folder stands at the end once more
		candidates := []string{filepath.Join(dir, kind, name), filepath.Join(dir, name)}
		if filepath.Base(dir) == "tasks" || filepath.Base(dir) == "handlers" {
			candidates = slices.Insert(candidates, 0, filepath.Join(filepath.Dir(dir), kind, name))
		}
		for _, path := range candidates {
			if kind == "" && slices.Contains(tried, path) {
				continue
			}
			if exists(path) {
				return path, nil
			}
			tried = append(tried, path)
		}
	}
	return "", notFound(name, tried)
}

func (r *Runner) home(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, "~/")
	return filepath.Join(r.Home, rest), ok && r.Home != ""
}

func notFound(name string, tried []string) error {
	return value.Errorf("Could not find or access '%s'\nSearched in:\n\t%s on the Ansible Controller.\nIf you are using a module and expect the file to exist on the remote, see the remote_src option", name, strings.Join(tried, "\n\t"))
}

// controller gives actions what they need of the controller.
func (t *taskRun) controller(p *plan) action.Controller {
	r := t.p.run
	return action.Controller{
		Find:   func(kind, name string) (string, error) { return r.find(t.scope.Dirs, kind, name, true) },
		Read:   r.Files.Read,
		Source: r.Source,
		Module: r.Modules.Find,
		Ask:    r.Ask, Tell: r.Tell, Now: r.Now,
		Reset:   func() { r.Reset(p.settings) },
		Managed: r.Options.Managed,
	}
}

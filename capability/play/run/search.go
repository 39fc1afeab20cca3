package run

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/action"
	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/module"
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
	for _, dir := range dirs {
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
	home, known := r.Settings["garboard_home"].(string)
	return filepath.Join(home, rest), ok && known
}

func notFound(name string, tried []string) error {
	return fmt.Errorf("Could not find or access '%s'\nSearched in:\n\t%s on the Ansible Controller.\nIf you are using a module and expect the file to exist on the remote, see the remote_src option", name, strings.Join(tried, "\n\t")) //nolint:staticcheck // Ansible's sentence
}

// controller gives actions what they need of the controller.
type controller struct {
	t *taskRun
	p *plan
}

// Find returns the path of a file that a task names.
func (c *controller) Find(_ *action.Task, kind, name string) (string, error) {
	return c.t.p.run.find(c.t.scope.Dirs, kind, name, true)
}

// Read returns a file's content.
func (c *controller) Read(path string) ([]byte, error) { return c.t.p.run.Files.Read(path) }

// Module returns what a native module accepts.
func (c *controller) Module(name string) (*module.Module, bool) { return c.t.p.run.Modules.Find(name) }

// Ask asks the person at the terminal.
func (c *controller) Ask(ctx context.Context, question string, secret bool) (string, bool, error) {
	return c.t.p.run.Ask(ctx, question, secret)
}

// Tell sends a message to the user.
func (c *controller) Tell(level event.Level, text string) { c.t.p.run.Tell(level, text) }

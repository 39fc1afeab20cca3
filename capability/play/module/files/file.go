package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func fileModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.file", Summary: "Makes files, folders and links, removes them, and sets their attributes",
		Files: true, CheckMode: true,
		Options: []module.Option{
			{Name: "path", Aliases: []string{"dest", "name"}, Type: module.Path, Required: true, Help: "The path to manage."},
			{Name: "state", Choices: choices("absent", "directory", "file", "hard", "link", "touch"), Help: "What shall be at the path. Without it, what is there; else a file."},
			{Name: "src", Type: module.Path, Help: "What a link points to."},
			{Name: "recurse", Type: module.Bool, Default: false, Help: "Set the attributes of all that a folder contains too."},
			{Name: "force", Type: module.Bool, Default: false, Help: "Make links to what does not exist, and in the place of files."},
			{Name: "follow", Type: module.Bool, Default: true, Help: "Work on what a symbolic link points to."},
			{Name: "modification_time", Help: "now, preserve, or a time in the format below."},
			{Name: "modification_time_format", Default: "%Y%m%d%H%M.%S", Help: "How modification_time is written, in strptime's directives."},
			{Name: "access_time", Help: "now, preserve, or a time in the format below."},
			{Name: "access_time_format", Default: "%Y%m%d%H%M.%S", Help: "How access_time is written."},
			{Name: "_original_basename", Help: "The name of the file that was copied, for a path that is a folder."},
			{Name: "_diff_peek", Help: "Only say whether the path exists and looks like text."},
		},
		Returns: []module.Return{{Name: "path", Type: "str", Help: "The path, for files and folders."}, {Name: "dest", Type: "str", Help: "The path, for links and touch."}},
	}, Run: runFile}
}

// fileTask is one run of the module file.
type fileTask struct {
	c            *module.Call
	path, src    string
	follow       bool
	force        bool
	modify, read stamp
}

func runFile(ctx context.Context, c *module.Call) (module.Result, error) {
	path := c.Args.String("path")
	if c.Args.Has("_diff_peek") {
		return peek(path), nil
	}
	state := c.Args.String("state")
	if info, err := os.Stat(path); err == nil && info.IsDir() && state != "link" && state != "absent" {
		name := c.Args.String("_original_basename")
		if name == "" && c.Args.String("src") != "" {
			name = filepath.Base(c.Args.String("src"))
		}
		if name != "" {
			path = filepath.Join(path, name)
		}
	}
	if state == "" {
		state = currentState(path)
		if state == "absent" && c.Args.Bool("recurse") {
			state = "directory"
		} else if state == "absent" {
			state = "file"
		}
	}
	if c.Args.Bool("recurse") && state != "directory" {
		return nil, fail("recurse option requires state to be 'directory'", "path", path)
	}
	if c.Args.Has("src") && state != "link" && state != "hard" {
		return nil, fail("src option requires state to be 'link' or 'hard'", "path", path)
	}
	t := &fileTask{c: c, path: path, src: c.Args.String("src"), follow: c.Args.Bool("follow"), force: c.Args.Bool("force")}
	return t.run(ctx, state)
}

func (t *fileTask) run(ctx context.Context, state string) (module.Result, error) {
	if state == "absent" {
		return t.absent()
	}
	var err error
	if t.modify, err = readStamp(t.c, "modification_time", state); err != nil {
		return nil, err
	}
	if t.read, err = readStamp(t.c, "access_time", state); err != nil {
		return nil, err
	}
	switch state {
	case "directory":
		return t.directory(ctx)
	case "link":
		return t.link(ctx)
	case "hard":
		return t.hard(ctx)
	case "touch":
		return t.touch(ctx)
	}
	return t.file(ctx)
}

// currentState says what is at path, in the words of the option state.
func currentState(path string) string {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return "absent"
	case info.Mode()&fs.ModeSymlink != 0:
		return "link"
	case info.IsDir():
		return "directory"
	case info.Sys().(*syscall.Stat_t).Nlink > 1:
		return "hard"
	}
	return "file"
}

// wanted are the attributes that the task asks of path, links followed where it says so.
func (t *fileTask) wanted(path string) attribute.Wanted { return attribute.Of(t.c, path) }

// startDiff is the difference that a path's state makes.
func startDiff(path, state, now string) *attribute.Diff {
	d := attribute.NewDiff()
	d.Set("path", path, path)
	if state == now {
		return d
	}
	d.Set("state", now, state)
	if state == "absent" && now == "directory" {
		folders, files := []any{}, []any{}
		_ = filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
			switch {
			case err != nil || p == path:
			case e.IsDir():
				folders = append(folders, p)
			default:
				files = append(files, p)
			}
			return nil // what cannot be read is not listed
		})
		d.Before["path_content"] = map[string]any{"directories": folders, "files": files}
	}
	return d
}

// settle sets attributes and times of a path that exists.
func (t *fileTask) settle(ctx context.Context, w attribute.Wanted, diff *attribute.Diff) (bool, error) {
	changed, err := w.Apply(ctx, t.c, diff)
	if err != nil {
		return changed, err
	}
	touched, err := t.setTimes(w.Path, diff)
	return changed || touched, err
}

// through follows the path where it is a link and the task says so.
func (t *fileTask) through() string {
	now := currentState(t.path)
	if t.follow && now == "link" {
		t.path = attribute.RealPath(t.path)
		now = currentState(t.path)
	}
	return now
}

func (t *fileTask) file(ctx context.Context) (module.Result, error) {
	now := t.through()
	if now != "file" && now != "hard" {
		return nil, fail(fmt.Sprintf("file (%s) is %s, cannot continue", t.path, now), "path", t.path, "state", now)
	}
	diff := startDiff(t.path, "file", now)
	changed, err := t.settle(ctx, t.wanted(t.path), diff)
	return module.Result{"path": t.path, "changed": changed, "diff": diff.Map()}, err
}

func (t *fileTask) touch(ctx context.Context) (module.Result, error) {
	now := currentState(t.path)
	result := module.Result{"dest": t.path, "changed": true}
	if now == "absent" {
		if t.c.Check {
			return result, nil
		}
		f, err := os.OpenFile(t.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			return nil, fail("Error, could not touch target: "+attribute.Reason(err, true), "path", t.path)
		}
	}
	diff := startDiff(t.path, "touch", now)
	changed, err := t.settle(ctx, t.wanted(t.path), diff)
	if err != nil && now == "absent" {
		err = errors.Join(err, os.Remove(t.path))
	}
	result["changed"], result["diff"] = changed || now == "absent", diff.Map()
	return result, err
}

func (t *fileTask) absent() (module.Result, error) {
	now := currentState(t.path)
	if now == "absent" {
		return module.Result{"path": t.path, "changed": false, "state": "absent"}, nil
	}
	diff := startDiff(t.path, "absent", now)
	if !t.c.Check {
		if err := remove(t.path, now); err != nil {
			return nil, err
		}
	}
	return module.Result{"path": t.path, "changed": true, "diff": diff.Map(), "state": "absent"}, nil
}

func remove(path, state string) error {
	if state == "directory" {
		if err := os.RemoveAll(path); err != nil {
			return fail("rmtree failed: " + attribute.Reason(err, true))
		}
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail("unlinking failed: "+attribute.Reason(err, true)+" ", "path", path)
	}
	return nil
}

// peek answers the question that a copy asks before it shows a difference.
func peek(path string) module.Result {
	r := module.Result{"path": path, "changed": false, "state": currentState(path)}
	f, err := os.Open(path)
	if err != nil {
		return r
	}
	head := make([]byte, 8192)
	n, _ := f.Read(head) // a folder cannot be read: it appears as text of no length
	r["appears_binary"] = strings.ContainsRune(string(head[:n]), 0)
	if err := f.Close(); err != nil {
		r["appears_binary"] = false
	}
	return r
}

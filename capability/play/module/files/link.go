package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func (t *fileTask) link(ctx context.Context) (module.Result, error) {
	now := currentState(t.path)
	if !t.c.Args.Has("src") && t.follow {
		if _, err := os.Stat(t.path); err == nil {
			if t.src, err = os.Readlink(t.path); err != nil {
				return nil, fail(attribute.Reason(err, true), "path", t.path)
			}
		}
	}
	if err := t.linkable(now); err != nil {
		return nil, err
	}
	diff := startDiff(t.path, "link", now)
	changed := now != "link"
	if now == "link" && t.src != "" {
		if old, err := os.Readlink(t.path); err != nil || old != t.src {
			diff.Set("src", old, t.src)
			changed = true
		}
	}
	if changed && !t.c.Check {
		if err := t.place(now, os.Symlink, t.src); err != nil {
			return nil, err
		}
	}
	return t.linked(ctx, changed, diff)
}

// linked settles the attributes of a link that stands, and reports.
func (t *fileTask) linked(ctx context.Context, changed bool, diff *attribute.Diff) (module.Result, error) {
	result := module.Result{"dest": t.path, "src": nil, "changed": changed, "diff": diff.Map()}
	if t.src != "" {
		result["src"] = t.src
	}
	if _, err := os.Stat(t.path); t.c.Check && err != nil {
		return result, nil
	}
	w := t.wanted(t.path)
	_, gone := os.Stat(w.Path)
	if info, err := os.Lstat(t.path); t.follow && gone != nil && err == nil && info.Mode()&os.ModeSymlink != 0 {
		t.c.Warn("Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this.")
		return result, nil
	}
	did, err := t.settle(ctx, w, diff)
	result["changed"] = changed || did
	return result, err
}

// linkable says why no link may be made, if so.
func (t *fileTask) linkable(now string) error {
	if t.src != "" && !t.force {
		source := t.src
		if info, err := os.Lstat(t.path); !filepath.IsAbs(source) {
			if err == nil && info.IsDir() {
				source = joinRaw(t.path, source)
			} else {
				source = joinRaw(dirRaw(t.path), source)
			}
		}
		if _, err := os.Stat(source); err != nil {
			return fail(`src file does not exist, use "force=yes" if you really want to create the link: `+source, "path", t.path, "src", t.src)
		}
	}
	switch {
	case now == "directory" && t.force:
		if entries, err := os.ReadDir(t.path); err != nil || len(entries) > 0 {
			return fail(fmt.Sprintf("the directory %s is not empty, refusing to convert it", t.path), "path", t.path)
		}
	case (now == "directory" || now == "file" || now == "hard") && !t.force:
		return fail(fmt.Sprintf("refusing to convert from %s to symlink for %s", now, t.path), "path", t.path)
	}
	if t.src == "" && now != "link" {
		return fail("src is required for creating new symlinks")
	}
	return nil
}

// joinRaw joins as Python's os.path.join does: nothing is cleaned.
func joinRaw(dir, name string) string {
	if dir == "" || filepath.IsAbs(name) {
		return name
	}
	if dir[len(dir)-1] == '/' {
		return dir + name
	}
	return dir + "/" + name
}

// dirRaw is the folder in a path as it is written: "" where there is none.
func dirRaw(path string) string {
	dir, _ := filepath.Split(path)
	if dir == "/" || dir == "" {
		return dir
	}
	return dir[:len(dir)-1]
}

func (t *fileTask) hard(ctx context.Context) (module.Result, error) {
	now := currentState(t.path)
	if now != "hard" && t.src == "" {
		return nil, fail("src is required for creating new hardlinks")
	}
	source, err := os.Stat(t.src)
	if t.src != "" && err != nil {
		return nil, fail("src does not exist", "dest", t.path, "src", t.src)
	}
	diff := startDiff(t.path, "hard", now)
	changed := true
	switch now {
	case "link":
		old, err := os.Readlink(t.path)
		if changed = err != nil || old != t.src; changed {
			diff.Set("src", old, t.src)
		}
	case "hard":
		dest, err := os.Stat(t.path)
		changed = t.src != "" && (err != nil || !os.SameFile(source, dest))
		if changed && !t.force {
			return nil, fail("Cannot link, different hard link exists at destination", "dest", t.path, "src", t.src)
		}
	case "file":
		if !t.force {
			return nil, fail("Cannot link, file exists at destination", "dest", t.path, "src", t.src)
		}
	case "directory":
		if !t.force {
			return nil, fail("Cannot link: different hard link exists at destination", "dest", t.path, "src", t.src)
		}
	}
	if changed && !t.c.Check {
		if err := t.place(now, os.Link, t.hardSource(now)); err != nil {
			return nil, err
		}
	}
	return t.hardLinked(ctx, changed, diff)
}

func (t *fileTask) hardLinked(ctx context.Context, changed bool, diff *attribute.Diff) (module.Result, error) {
	result := module.Result{"dest": t.path, "src": nil, "changed": changed, "diff": diff.Map()}
	if t.src != "" {
		result["src"] = t.src
	}
	if _, err := os.Stat(t.path); t.c.Check && err != nil {
		return result, nil
	}
	did, err := t.settle(ctx, t.wanted(t.path), diff)
	result["changed"] = changed || did
	return result, err
}

// hardSource is what a new hard link shall share: a source that is a symbolic
// link is followed one step where the task follows links.
func (t *fileTask) hardSource(now string) string {
	if t.follow && now == "absent" {
		if to, err := os.Readlink(t.src); err == nil {
			return to
		}
	}
	return t.src
}

// place makes a link at the path: beside it and then renamed where something is there.
func (t *fileTask) place(now string, make func(from, to string) error, from string) error {
	if now == "absent" {
		if err := make(from, t.path); err != nil {
			return fail("Error while linking: "+attribute.Reason(err, true), "path", t.path)
		}
		return nil
	}
	temporary := joinRaw(dirRaw(t.path), fmt.Sprintf(".%d.%d.tmp", os.Getpid(), t.c.Machine.Now().UnixNano()))
	var err error
	if now == "directory" {
		err = os.Remove(t.path)
	}
	if err == nil {
		err = make(from, temporary)
	}
	if err == nil {
		if err = os.Rename(temporary, t.path); err != nil {
			err = errors.Join(err, os.Remove(temporary))
		}
	}
	if err != nil {
		return fail("Error while replacing: "+attribute.Reason(err, true), "path", t.path)
	}
	return nil
}

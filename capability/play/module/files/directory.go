package files

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func (t *fileTask) directory(ctx context.Context) (module.Result, error) {
	now := t.through()
	diff := startDiff(t.path, "directory", now)
	result := module.Result{"path": t.path, "changed": true, "diff": diff.Map()}
	switch now {
	case "absent":
		if t.c.Check {
			return result, nil
		}
		return result, t.makeFolders(ctx, diff)
	case "directory":
	default:
		return nil, fail(fmt.Sprintf("%s already exists as a %s", t.path, now), "path", t.path)
	}
	w := t.wanted(t.path)
	changed, err := t.settle(ctx, w, diff)
	if err == nil && t.c.Args.Bool("recurse") {
		var below bool
		below, err = t.recurse(ctx, t.path, w, map[string]bool{})
		changed = changed || below
	}
	result["changed"] = changed
	return result, err
}

// makeFolders makes the path and what is missing above it, each with the task's attributes.
func (t *fileTask) makeFolders(ctx context.Context, diff *attribute.Diff) error {
	at := ""
	if filepath.IsAbs(t.path) {
		at = "/"
	}
	for name := range strings.SplitSeq(strings.Trim(t.path, "/"), "/") {
		at = filepath.Join(at, name)
		if _, err := os.Stat(at); err == nil {
			continue
		}
		if err := os.Mkdir(at, 0o777); err != nil {
			if info, serr := os.Stat(at); serr == nil && info.IsDir() {
				continue // another process was faster
			}
			return fail(fmt.Sprintf("There was an issue creating %s as requested: %s", at, attribute.Reason(err, true)), "path", t.path)
		}
		if _, err := t.settle(ctx, t.wanted(at), diff); err != nil {
			return err
		}
	}
	return nil
}

// recurse settles all that is below a folder. Links are settled as links and,
// where they are followed, what they point to as well; seen keeps it out of circles.
func (t *fileTask) recurse(ctx context.Context, root string, w attribute.Wanted, seen map[string]bool) (bool, error) {
	if real := attribute.RealPath(root); seen[real] {
		return false, nil
	} else {
		seen[real] = true
	}
	changed := false
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		did, err := t.recurseInto(ctx, path, e, w, seen)
		changed = changed || did
		return err
	})
	return changed, err
}

func (t *fileTask) recurseInto(ctx context.Context, path string, e fs.DirEntry, w attribute.Wanted, seen map[string]bool) (bool, error) {
	if e.Type()&fs.ModeSymlink == 0 {
		return t.settle(ctx, w.At(path), nil)
	}
	changed, err := w.At(path).Apply(ctx, t.c, nil)
	if err != nil || !t.follow {
		return changed, err
	}
	to, err := os.Readlink(path)
	if err != nil {
		return changed, err
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(path), to)
	}
	info, err := os.Stat(to)
	if err != nil {
		return changed, nil // the link leads to nothing
	}
	if info.IsDir() {
		below, err := t.recurse(ctx, to, w, seen)
		changed = changed || below
		if err != nil {
			return changed, err
		}
	}
	did, err := t.settle(ctx, w.At(to), nil)
	return changed || did, err
}

package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"garboard.dev/garboard/capability/play/module/attribute"
)

// copyFolder copies the source folder: its content where src ends in /, and
// else the folder itself. What is in dest and not in the source stays.
func (t *copyTask) copyFolder(ctx context.Context) error {
	to := strings.TrimSuffix(t.dest, "/")
	if t.fresh && !strings.HasSuffix(t.src, "/") {
		to = filepath.Join(to, filepath.Base(t.src))
		if err := t.makeFolder(filepath.Dir(to)); err != nil {
			return fail(attribute.Reason(err, false))
		}
	}
	changed, err := t.merge(ctx, strings.TrimSuffix(t.source, "/"), to)
	if err != nil {
		return fail(attribute.Reason(err, false))
	}
	t.changed = t.changed || changed
	if t.c.Check {
		return nil
	}
	owned, err := t.chownAll(ctx)
	t.changed = t.changed || owned
	return err
}

func (t *copyTask) makeFolder(path string) error {
	if t.c.Check {
		return nil
	}
	return os.MkdirAll(path, 0o777)
}

// merge makes to have all that from has.
func (t *copyTask) merge(ctx context.Context, from, to string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	info, err := os.Stat(to)
	if err != nil && !t.c.Check {
		if err := os.Mkdir(to, 0o700); err != nil {
			return false, err
		}
	}
	changed := err != nil
	if changed && t.c.Check {
		return true, nil
	} else if info != nil && !info.IsDir() {
		return false, &os.PathError{Op: "mkdir", Path: to, Err: syscall.EEXIST}
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return changed, err
	}
	for _, e := range entries {
		did, err := t.mergeEntry(ctx, filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	if info == nil {
		return true, copyStat(from, to)
	}
	return changed, nil
}

func (t *copyTask) mergeEntry(ctx context.Context, from, to string) (bool, error) {
	info, err := os.Lstat(from)
	if err != nil {
		return false, err
	}
	if info.Mode()&fs.ModeSymlink != 0 && !t.c.Args.Bool("local_follow") {
		return t.mergeLink(from, to)
	}
	if info, err = os.Stat(from); err != nil {
		return false, err
	}
	if info.IsDir() {
		return t.merge(ctx, from, to)
	}
	if !info.Mode().IsRegular() {
		return false, nil
	}
	return t.mergeFile(from, to)
}

func (t *copyTask) mergeLink(from, to string) (bool, error) {
	target, err := os.Readlink(from)
	if err != nil {
		return false, err
	}
	if _, err := os.Lstat(to); err == nil {
		return false, nil
	}
	if t.c.Check {
		return true, nil
	}
	return true, os.Symlink(target, to)
}

// mergeFile copies a file that is missing with its mode, and content and mode of one whose content differs.
func (t *copyTask) mergeFile(from, to string) (bool, error) {
	_, err := os.Stat(to)
	if err == nil {
		a, aerr := checksum(from, "sha1")
		b, berr := checksum(to, "sha1")
		if err := errors.Join(aerr, berr); err != nil || a == b {
			return false, err
		}
	}
	if t.c.Check {
		return true, nil
	}
	if err != nil {
		return true, attribute.CopyFile(from, to)
	}
	in, err := os.Open(from)
	if err != nil {
		return false, err
	}
	if err := errors.Join(attribute.Write(t.c, to, in), in.Close()); err != nil {
		return true, err
	}
	var st syscall.Stat_t
	if err := syscall.Stat(from, &st); err != nil {
		return true, err
	}
	return true, syscall.Chmod(to, st.Mode&attribute.Permissions)
}

// chownAll gives all of dest to the task's owner and group.
func (t *copyTask) chownAll(ctx context.Context) (bool, error) {
	w := attribute.Wanted{Owner: t.c.Args.String("owner"), Group: t.c.Args.String("group")}
	if w.Owner == "" && w.Group == "" {
		return false, nil
	}
	changed := false
	err := filepath.WalkDir(t.dest, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		did, err := w.At(path).Apply(ctx, t.c, nil)
		changed = changed || did
		return err
	})
	return changed, err
}

// copyStat gives a folder the mode and times of another.
func copyStat(from, to string) error {
	var st syscall.Stat_t
	if err := syscall.Stat(from, &st); err != nil {
		return err
	}
	if err := syscall.Chmod(to, st.Mode&attribute.Permissions); err != nil {
		return err
	}
	return syscall.UtimesNano(to, []syscall.Timespec{st.Atim, st.Mtim})
}

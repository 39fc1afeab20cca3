package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/host/mount"
)

// trash is put before a directory's name while it is removed, so that a removal
// that was cut short is not taken for a volume.
const trash = ".removing-"

// Make makes the directory folder below volumeDir. One that is there already is
// kept with its content: the claim's name ends with its uid, so it is the same claim's.
func Make(volumeDir, folder string) error {
	root, err := os.OpenRoot(volumeDir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Mkdir(folder, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := root.Lstat(folder)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is there already, and is no directory", filepath.Join(volumeDir, folder))
	}
	// The pod's user is not known here. The folder above lets only root in, so
	// the mode opens it to the pod alone. A mode that the kubelet has set since
	// (fsGroup) stays.
	if info.Mode()&fs.ModeSetgid != 0 {
		return nil
	}
	return root.Chmod(folder, 0o777)
}

// ErrInUse says that a directory is not removed because a pod has it mounted.
var ErrInUse = errors.New("still in use")

// Remove removes the directory folder below volumeDir with all that it holds,
// without following a link out of it and without crossing into another
// filesystem. One that is mounted somewhere gives an error that wraps ErrInUse.
// Remove may be repeated after it was cut short.
func Remove(volumeDir, folder string, mounts mount.Table) error {
	all, err := mounts.List()
	if err != nil {
		return err
	}
	for _, name := range []string{folder, trash + folder} {
		if where := usedAt(all, filepath.Join(volumeDir, name)); where != "" {
			return fmt.Errorf("%w: mounted at %s", ErrInUse, where)
		}
	}
	root, err := os.OpenRoot(volumeDir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.Rename(folder, trash+folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return root.RemoveAll(trash + folder)
}

// usedAt returns where dir has a mount upon or below it, or is itself shown by a
// bind mount, which is how the kubelet gives it to a pod; "" where it is free.
func usedAt(mounts []mount.Mount, dir string) string {
	if below := mount.Below(mounts, dir); len(below) > 0 {
		return below[0].Point
	}
	var holder *mount.Mount // the mount that dir is on
	for i, m := range mounts {
		if within(dir, m.Point) && (holder == nil || len(m.Point) >= len(holder.Point)) {
			holder = &mounts[i]
		}
	}
	if holder == nil {
		return ""
	}
	inside := filepath.Join(holder.Root, strings.TrimPrefix(dir, strings.TrimSuffix(holder.Point, "/")))
	for _, m := range mounts {
		if m.Source == holder.Source && m.Type == holder.Type && within(m.Root, inside) {
			return m.Point
		}
	}
	return ""
}

// within says whether path is dir or below it.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// Sweep finishes the removals that were cut short, and removes directories that
// are empty and belong to nobody: their claim went before it got its volume.
// known says whether a claim or a volume has the directory.
func Sweep(volumeDir string, mounts mount.Table, known func(folder string) bool) error {
	entries, err := os.ReadDir(volumeDir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		switch folder, begun := strings.CutPrefix(e.Name(), trash); {
		case begun:
			errs = append(errs, Remove(volumeDir, folder, mounts))
		case e.IsDir() && !known(folder):
			// It fails for one that holds anything: that is somebody's data.
			_ = os.Remove(filepath.Join(volumeDir, folder))
		}
	}
	return errors.Join(errs...)
}

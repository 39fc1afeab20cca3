package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	// The pod's user is not known here. The folder above lets only root in, so
	// the mode opens it to the pod alone.
	return root.Chmod(folder, 0o777)
}

// Remove removes the directory folder below volumeDir with all that it holds,
// without following a link out of it and without crossing into another
// filesystem. It may be repeated after it was cut short.
func Remove(volumeDir, folder string) error {
	if mounted, err := mountsBelow(filepath.Join(volumeDir, folder)); err != nil || len(mounted) > 0 {
		return errors.Join(err, stillMounted(mounted))
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

func stillMounted(mounts []string) error {
	if len(mounts) == 0 {
		return nil
	}
	return fmt.Errorf("%s is still mounted", mounts[0])
}

// mountsBelow lists the mount points at and below dir, proc_pid_mountinfo(5).
func mountsBelow(dir string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 4 && (fields[4] == dir || strings.HasPrefix(fields[4], dir+"/")) {
			out = append(out, fields[4])
		}
	}
	return out, nil
}

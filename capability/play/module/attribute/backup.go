package attribute

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"garboard.dev/garboard/capability/play/module"
)

// Backup copies a file beside itself, as path.PID.YYYY-MM-DD@HH:MM:SS~, with
// its owner, mode, times and extended attributes, and returns the copy's path:
// "" where there is no file.
func Backup(c *module.Call, path string) (string, error) {
	if _, err := os.Stat(path); err != nil {
		return "", nil
	}
	to := fmt.Sprintf("%s.%d.%s", path, os.Getpid(), c.Machine.Now().Local().Format("2006-01-02@15:04:05~"))
	if err := CopyFile(path, to); err != nil {
		return "", &module.Failure{Message: fmt.Sprintf("Could not make backup of %s to %s: %s", path, to, Reason(err, false))}
	}
	return to, nil
}

// CopyFile copies a file's content, owner, mode, times and extended attributes.
func CopyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close(), in.Close()); err != nil {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Stat(from, &st); err != nil {
		return err
	}
	if err := os.Chown(to, int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, syscall.EPERM) {
		return err
	}
	if err := CopyXattrs(from, to); err != nil {
		return err
	}
	if err := syscall.Chmod(to, st.Mode&Permissions); err != nil {
		return err
	}
	return syscall.UtimesNano(to, []syscall.Timespec{st.Atim, st.Mtim})
}

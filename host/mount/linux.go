package mount

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Linux is the mounts that this process sees.
type Linux struct{}

// List implements Table.
func (Linux) List() ([]Mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	return Parse(string(text))
}

var flags = map[string]uintptr{
	"ro": unix.MS_RDONLY, "rw": 0, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
	"noatime": unix.MS_NOATIME, "relatime": unix.MS_RELATIME, "sync": unix.MS_SYNCHRONOUS,
}

// Mount implements Table.
func (Linux) Mount(w Wish) error {
	var bits uintptr
	var data []string
	for _, o := range w.Options {
		if bit, ok := flags[o]; ok {
			bits |= bit
		} else {
			data = append(data, o)
		}
	}
	if w.Bind {
		bits |= unix.MS_BIND | unix.MS_REC
	}
	if err := unix.Mount(w.Source, w.Target, w.Type, bits, strings.Join(data, ",")); err != nil {
		return fmt.Errorf("mount %s at %s: %w", w.Source, w.Target, err)
	}
	if rest := bits &^ (unix.MS_BIND | unix.MS_REC); w.Bind && rest != 0 { // a bind mount takes its flags only when mounted again
		if err := unix.Mount("", w.Target, "", rest|unix.MS_BIND|unix.MS_REMOUNT, ""); err != nil {
			return errors.Join(fmt.Errorf("mount %s at %s with %v: %w", w.Source, w.Target, w.Options, err), unix.Unmount(w.Target, unix.MNT_DETACH))
		}
	}
	return nil
}

// Unmount implements Table.
func (Linux) Unmount(target string, lazy bool) error {
	how := unix.UMOUNT_NOFOLLOW
	if lazy {
		how |= unix.MNT_DETACH
	}
	err := unix.Unmount(target, how)
	if err == nil || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return fmt.Errorf("unmount %s: %w", target, err)
}

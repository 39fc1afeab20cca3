// Package mount reads the mount table and mounts and unmounts file systems.
package mount

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Mount is one line of proc_pid_mountinfo(5).
type Mount struct {
	ID, Parent int
	Root       string   // what of the file system is mounted
	Point      string   // where
	Options    []string // of this mount
	Type       string   // as "overlay"
	Source     string
	Super      []string // options of the file system
}

// Wish is a mount to make.
type Wish struct {
	Source, Target, Type string
	Bind                 bool     // Source is a file or folder to show again
	Options              []string // as "ro", "nosuid"; others go to the file system
}

// Table is the machine's mounts.
type Table interface {
	// List returns the mounts in the order in which they were made.
	List() ([]Mount, error)
	// Mount makes one; its target must exist.
	Mount(wish Wish) error
	// Unmount takes the topmost mount off target. A busy one gives an error
	// that wraps syscall.EBUSY unless lazy: then it goes when its last user
	// does. A target that is no mount point is no error.
	Unmount(target string, lazy bool) error
}

// Below returns the mounts at prefix or deeper, the last made first, which is
// the order to unmount them in.
func Below(mounts []Mount, prefix string) []Mount {
	var out []Mount
	for _, m := range slices.Backward(mounts) {
		if m.Point == prefix || strings.HasPrefix(m.Point, strings.TrimSuffix(prefix, "/")+"/") {
			out = append(out, m)
		}
	}
	return out
}

// UnmountBelow unmounts all at prefix and deeper. What is busy is unmounted
// lazily, and named in the list that it returns.
func UnmountBelow(t Table, prefix string) (busy []string, err error) {
	mounts, err := t.List()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, m := range Below(mounts, prefix) {
		if t.Unmount(m.Point, false) == nil {
			continue
		}
		busy = append(busy, m.Point)
		errs = append(errs, t.Unmount(m.Point, true))
	}
	return busy, errors.Join(errs...)
}

// Parse reads a mountinfo file.
func Parse(text string) ([]Mount, error) {
	var out []Mount
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		m, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("mountinfo line %d: %w", len(out)+1, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// parseLine reads "36 35 98:0 /root /point rw,noatime shared:1 - ext3 /dev/root rw":
// six fields, any number of tags, a dash, three fields.
func parseLine(line string) (Mount, error) {
	f := strings.Split(line, " ")
	dash := slices.Index(f, "-")
	if dash < 6 || len(f) != dash+4 {
		return Mount{}, fmt.Errorf("%q is not of the form of proc_pid_mountinfo(5)", line)
	}
	id, err := strconv.Atoi(f[0])
	if err != nil {
		return Mount{}, err
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return Mount{}, err
	}
	return Mount{
		ID: id, Parent: parent, Root: unescape(f[3]), Point: unescape(f[4]), Options: strings.Split(f[5], ","),
		Type: unescape(f[dash+1]), Source: unescape(f[dash+2]), Super: strings.Split(f[dash+3], ","),
	}, nil
}

// unescape undoes the kernel's octal escapes, as "\040" for a blank.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Package disk says how much room a file system has.
package disk

import (
	"fmt"
	"syscall"
)

// Space is the room of one file system, in bytes.
type Space struct {
	Free  uint64 // for those who are not root
	Total uint64
}

// Meter measures.
type Meter interface {
	// At measures the file system that holds path.
	At(path string) (Space, error)
}

// Linux asks the kernel.
type Linux struct{}

// At implements Meter.
func (Linux) At(path string) (Space, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return Space{}, fmt.Errorf("measure the room at %s: %w", path, err)
	}
	return Space{Free: s.Bavail * uint64(s.Bsize), Total: s.Blocks * uint64(s.Bsize)}, nil
}

// Fake is a Meter for tests: every path has its Space.
type Fake struct{ Space Space }

// At implements Meter.
func (f Fake) At(path string) (Space, error) {
	if path == "" {
		return Space{}, fmt.Errorf("measure the room at %q: no such file or directory", path)
	}
	return f.Space, nil
}

package attribute

import (
	"bytes"
	"errors"
	"syscall"
)

// CopyXattrs copies the extended attributes of a file, POSIX ACLs among them.
// Those that a file system or user may not set are left out.
func CopyXattrs(from, to string) error {
	names, err := xattr(func(buf []byte) (int, error) { return syscall.Listxattr(from, buf) })
	if err != nil {
		return nil // the file system has none
	}
	for name := range bytes.SplitSeq(names, []byte{0}) {
		if len(name) == 0 {
			continue
		}
		data, err := xattr(func(buf []byte) (int, error) { return syscall.Getxattr(from, string(name), buf) })
		if err != nil {
			continue // it went away, or is not ours to read
		}
		err = syscall.Setxattr(to, string(name), data, 0)
		if err != nil && !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.EACCES) {
			return err
		}
	}
	return nil
}

// xattr calls get with room for what there is, again where it has grown.
func xattr(get func([]byte) (int, error)) ([]byte, error) {
	for {
		size, err := get(nil)
		if err != nil || size == 0 {
			return nil, err
		}
		buf := make([]byte, size)
		n, err := get(buf)
		if errors.Is(err, syscall.ERANGE) {
			continue
		}
		return buf[:max(n, 0)], err
	}
}

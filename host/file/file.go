// Package file writes files that are whole or absent after a crash, and locks.
// A test needs no fake of it: a temporary folder is one.
package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Write puts data at path with exactly mode: a reader sees the old content or
// the new, also after a power cut. The folder must exist.
func Write(path string, data []byte, mode os.FileMode) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, errors.Join(err, f.Close(), os.Remove(f.Name())))
		}
	}()
	if _, err = f.Write(data); err != nil {
		return err
	}
	if err = f.Chmod(mode); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	if cerr := f.Close(); cerr != nil {
		return fmt.Errorf("write %s: %w", path, cerr)
	}
	return SyncDir(dir)
}

// SyncDir makes the folder's own entries durable: names that were made, renamed
// or removed in it.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// ErrLocked says that another process holds the lock.
var ErrLocked = errors.New("locked by another process")

// Locked is a held lock. The kernel frees it when the holder ends, however it ends.
type Locked struct{ f *os.File }

// Lock takes the lock file at path without waiting and writes this process's
// id into it. It gives an error that wraps ErrLocked and names the holder where
// another one has it.
func Lock(path string) (*Locked, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(path) // only for the message
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("%w %s", ErrLocked, strings.TrimSpace(string(holder)))
		}
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return &Locked{f}, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Unlock frees the lock. The file stays: removing it would let two processes
// hold locks of the same name on different files.
func (l *Locked) Unlock() error {
	return errors.Join(l.f.Truncate(0), l.f.Close())
}

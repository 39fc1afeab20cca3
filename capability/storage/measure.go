package storage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// Measuring takes a rest after this many files, so that it never keeps the disk
// or a core busy.
const (
	batch = 1000
	rest  = 20 * time.Millisecond
)

// Used measures what folder below volumeDir takes on the disk, in bytes: blocks,
// not lengths, a file with several names once. It follows no link and enters no
// other filesystem. What goes while it is measured is passed over.
func Used(ctx context.Context, volumeDir, folder string) (int64, error) {
	root, err := os.OpenRoot(volumeDir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	top, err := root.Lstat(folder)
	if err != nil {
		return 0, err
	}
	device, seen, files := statOf(top).Dev, map[uint64]bool{}, 0
	var total int64
	err = fs.WalkDir(root.FS(), folder, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return passOver(err)
		}
		if files++; files%batch == 0 {
			if err := pause(ctx, rest); err != nil {
				return err
			}
		}
		info, err := d.Info()
		if err != nil {
			return passOver(err)
		}
		st := statOf(info)
		if st.Dev != device && d.IsDir() {
			return fs.SkipDir
		}
		if d.IsDir() || st.Nlink == 1 || !seen[st.Ino] {
			total += st.Blocks * 512 // stat(2): blocks are of 512 bytes, whatever the filesystem's are
		}
		if st.Nlink > 1 && !d.IsDir() {
			seen[st.Ino] = true
		}
		return nil
	})
	return total, err
}

func passOver(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func statOf(info fs.FileInfo) syscall.Stat_t {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return *st
	}
	return syscall.Stat_t{}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Package transfer carries files and folders as tar archives. Unpack trusts
// nothing of an archive, which may come from a container that someone broke
// into: no entry and no link of it reaches out of the folder that it is
// unpacked into.
package transfer

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Count is what was carried.
type Count struct {
	Files int
	Bytes int64
}

// Pack writes the file or folder source as a tar archive in which it is called
// name. Sockets, devices and pipes are left out and told to skipped.
func Pack(w io.Writer, source, name string, skipped func(path, why string)) (Count, error) {
	var count Count
	archive := tar.NewWriter(w)
	err := filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		below, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		return packOne(archive, file, path.Join(name, filepath.ToSlash(below)), entry, &count, skipped)
	})
	return count, errors.Join(err, archive.Close())
}

func packOne(archive *tar.Writer, file, name string, entry fs.DirEntry, count *Count, skipped func(path, why string)) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	target := ""
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		if target, err = os.Readlink(file); err != nil {
			return err
		}
	case !mode.IsRegular() && !mode.IsDir():
		skipped(file, "neither file, folder nor link")
		return nil
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name = name
	if info.IsDir() {
		header.Name += "/"
	}
	header.Uid, header.Gid, header.Uname, header.Gname = 0, 0, "", "" // this machine's users mean nothing there
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := io.CopyN(archive, f, info.Size())
	if err == io.EOF {
		err = fmt.Errorf("%s became shorter while it was read", file)
	}
	count.Files++
	count.Bytes += n
	return err
}

// Unpack reads a tar archive in which everything is called top or lies below
// it, and writes that as target: top/a becomes target/a. Files that exist are
// replaced. An entry that is called otherwise, or that leads out of target, is
// an error; links that do, devices and the like are left out and told to
// skipped.
func Unpack(r io.Reader, top, target string, skipped func(path, why string)) (Count, error) {
	var count Count
	parent, err := os.OpenRoot(filepath.Dir(target))
	if err != nil {
		return count, err
	}
	defer parent.Close()
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return count, nil
		}
		if err != nil {
			return count, fmt.Errorf("the archive is broken: %w", err)
		}
		name, err := inside(header.Name, top)
		if err != nil {
			return count, err
		}
		if err := unpackOne(archive, parent, header, filepath.Join(filepath.Base(target), name), filepath.Base(target), &count, skipped); err != nil {
			return count, err
		}
	}
}

// inside is the entry's name below top.
func inside(name, top string) (string, error) {
	clean := path.Clean(strings.TrimLeft(name, "/"))
	below, found := strings.CutPrefix(clean, path.Clean(top))
	if !found || below != "" && below[0] != '/' {
		return "", fmt.Errorf("the archive has %q, which is not %q or below it", name, top)
	}
	local := filepath.FromSlash(strings.TrimPrefix(below, "/"))
	if local != "" && !filepath.IsLocal(local) {
		return "", fmt.Errorf("the archive has %q, which leads out of its folder", name)
	}
	return local, nil
}

const (
	folderMode = 0o755
	fileMode   = 0o777 // what an archive may say at most: no set-user-id bits
)

// unpackOne writes one entry. parent keeps every name, also through links that
// an earlier entry made, below itself; base is the first part of name.
func unpackOne(content io.Reader, parent *os.Root, header *tar.Header, name, base string, count *Count, skipped func(path, why string)) error {
	mode := fs.FileMode(header.Mode) & fileMode
	if err := parent.MkdirAll(filepath.Dir(name), folderMode); err != nil {
		return err
	}
	switch header.Typeflag {
	case tar.TypeDir:
		return parent.MkdirAll(name, mode|0o700)
	case tar.TypeReg:
		return unpackFile(content, parent, name, mode, count)
	case tar.TypeSymlink:
		if !staysInside(name, header.Linkname, base) {
			skipped(name, "a link to "+header.Linkname+", out of the folder")
			return nil
		}
		if err := remove(parent, name); err != nil {
			return err
		}
		return parent.Symlink(header.Linkname, name)
	}
	skipped(name, "neither file, folder nor link")
	return nil
}

func unpackFile(content io.Reader, parent *os.Root, name string, mode fs.FileMode, count *Count) error {
	if err := remove(parent, name); err != nil {
		return err
	}
	f, err := parent.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, content)
	count.Files++
	count.Bytes += n
	return errors.Join(err, f.Close())
}

// remove makes room for an entry: nothing is written through a link.
func remove(parent *os.Root, name string) error {
	info, err := parent.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s is a folder here and none in the archive", name)
	}
	return parent.Remove(name)
}

// staysInside says whether a link called name leads to base or below it.
func staysInside(name, link, base string) bool {
	if filepath.IsAbs(link) {
		return false
	}
	to := filepath.Join(filepath.Dir(name), filepath.FromSlash(link))
	return to == base || strings.HasPrefix(to, base+string(filepath.Separator))
}

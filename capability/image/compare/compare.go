// Package compare says how the file systems of two images differ: files and,
// where the images have dpkg's database, packages.
package compare

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// mostFiles bounds what one image may make the comparison hold in memory.
const mostFiles = 2 << 20

// File is one entry of an image's file system.
type File struct {
	Type byte // tar's type flag; a hard link counts as a regular file
	Mode int64
	UID  int
	GID  int
	Size int64
	Sum  [sha256.Size]byte // of a file's content, or of a link's target
}

// System is an image's file system, by path without a leading slash.
type System struct {
	Files  map[string]File
	status []byte // of dpkg
}

// statusFile is dpkg's list of packages.
const (
	statusFile    = "var/lib/dpkg/status"
	largestStatus = 32 << 20
)

// NewSystem returns an empty file system.
func NewSystem() *System { return &System{Files: map[string]File{}} }

// Clone returns a copy that can be changed alone.
func (s *System) Clone() *System { return &System{Files: maps.Clone(s.Files), status: s.status} }

// whiteout and opaque mark what a layer removes (OCI image specification 1.1,
// layer.md, "Whiteouts").
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// Apply puts the layer whose tar r gives on top.
func (s *System) Apply(r io.Reader) error {
	in := tar.NewReader(bufio.NewReaderSize(r, 1<<20))
	added := map[string]bool{} // a layer's whiteouts spare what it adds itself
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a layer: %w", err)
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if name == "" {
			continue
		}
		if err := s.entry(name, h, in, added); err != nil {
			return fmt.Errorf("read a layer: %s: %w", name, err)
		}
	}
}

func (s *System) entry(name string, h *tar.Header, in io.Reader, added map[string]bool) error {
	dir, base := path.Split(name)
	switch {
	case base == opaque:
		s.removeBelow(dir, added)
		return nil
	case strings.HasPrefix(base, whiteout):
		gone := dir + strings.TrimPrefix(base, whiteout)
		delete(s.Files, gone)
		s.removeBelow(gone+"/", added)
		return nil
	}
	if len(s.Files) >= mostFiles {
		return fmt.Errorf("the image has more than %d files", mostFiles)
	}
	f := File{Type: h.Typeflag, Mode: h.Mode & 0o7777, UID: h.Uid, GID: h.Gid}
	switch h.Typeflag {
	case tar.TypeReg:
		if err := s.read(name, &f, in); err != nil {
			return err
		}
	case tar.TypeLink:
		target := s.Files[strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")]
		f.Type, f.Size, f.Sum = tar.TypeReg, target.Size, target.Sum
	case tar.TypeSymlink:
		f.Sum = sha256.Sum256([]byte(h.Linkname))
	}
	if old, ok := s.Files[name]; ok && old.Type == tar.TypeDir && f.Type != tar.TypeDir {
		s.removeBelow(name+"/", added)
	}
	s.Files[name] = f
	added[name] = true
	return nil
}

func (s *System) read(name string, f *File, in io.Reader) (err error) {
	sum := sha256.New()
	var out io.Writer = sum
	var kept *bytes.Buffer
	if name == statusFile {
		kept = &bytes.Buffer{}
		out = io.MultiWriter(sum, kept)
		in = io.LimitReader(in, largestStatus)
	}
	if f.Size, err = io.Copy(out, in); err != nil {
		return err
	}
	sum.Sum(f.Sum[:0])
	if kept != nil {
		s.status = kept.Bytes()
	}
	return nil
}

func (s *System) removeBelow(dir string, added map[string]bool) {
	for name := range s.Files {
		if strings.HasPrefix(name, dir) && !added[name] {
			delete(s.Files, name)
		}
	}
}

// Change is one difference.
type Change struct {
	Kind   string `json:"kind"` // added, changed or removed
	Path   string `json:"path"`
	Before int64  `json:"before"` // bytes
	After  int64  `json:"after"`
}

// Files returns how b differs from a, by path. A folder that only holds what
// differs is no difference itself.
func Files(a, b *System) []Change {
	var out []Change
	for name, f := range b.Files {
		old, ok := a.Files[name]
		switch {
		case !ok:
			out = append(out, Change{"added", "/" + name, 0, f.Size})
		case old != f:
			out = append(out, Change{"changed", "/" + name, old.Size, f.Size})
		}
	}
	for name, f := range a.Files {
		if _, ok := b.Files[name]; !ok {
			out = append(out, Change{"removed", "/" + name, f.Size, 0})
		}
	}
	slices.SortFunc(out, func(x, y Change) int { return cmp.Compare(x.Path, y.Path) })
	return out
}

// PackageChange is one package that differs; a version is empty where the
// image has not the package.
type PackageChange struct {
	Name   string `json:"name"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Packages returns how the installed packages of b differ from those of a.
func Packages(a, b *System) []PackageChange {
	before, after := parseStatus(a.status), parseStatus(b.status)
	var out []PackageChange
	for name, version := range after {
		if before[name] != version {
			out = append(out, PackageChange{name, before[name], version})
		}
	}
	for name, version := range before {
		if _, ok := after[name]; !ok {
			out = append(out, PackageChange{name, version, ""})
		}
	}
	slices.SortFunc(out, func(x, y PackageChange) int { return cmp.Compare(x.Name, y.Name) })
	return out
}

// parseStatus reads dpkg's status file (deb-control(5)): the versions of the
// installed packages, by name and architecture.
func parseStatus(text []byte) map[string]string {
	out := map[string]string{}
	for stanza := range strings.SplitSeq(string(text), "\n\n") {
		fields := map[string]string{}
		for line := range strings.SplitSeq(stanza, "\n") {
			name, value, ok := strings.Cut(line, ":")
			if ok && name != "" && name[0] != ' ' && name[0] != '\t' {
				fields[name] = strings.TrimSpace(value)
			}
		}
		if fields["Package"] != "" && strings.HasSuffix(fields["Status"], " installed") {
			out[fields["Package"]+":"+fields["Architecture"]] = fields["Version"]
		}
	}
	return out
}

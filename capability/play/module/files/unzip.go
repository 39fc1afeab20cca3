package files

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/capability/play/module/execute"
)

// zipball reads zip archives: it looks into them itself, and unpacks them with
// the program unzip.
type zipball struct {
	u       *unarchiver
	entries []*zip.File
	newer   []string // files of the folder that keep_newer protects
}

func (z *zipball) name() string { return "ZipArchive" }

func (z *zipball) list(context.Context) ([]string, error) {
	r, err := zip.OpenReader(z.u.source)
	if err != nil {
		//lint:ignore ST1005 Ansible's sentence
		return nil, fmt.Errorf("Command \"unzip\" could not handle archive: %w", err)
	}
	z.entries = nil
	var names []string
	include := z.u.c.Args.Strings("include")
	for _, f := range r.File {
		if excluded(z.u.c.Args.Strings("exclude"), f.Name) || len(include) > 0 && !excluded(include, f.Name) {
			continue
		}
		z.entries = append(z.entries, f)
		names = append(names, f.Name)
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	if len(names) == 0 {
		//lint:ignore ST1005 Ansible's sentence
		return nil, errors.New(`Command "unzip" found no files in archive. Empty archive files are not supported.`)
	}
	return names, nil
}

func (z *zipball) unpacked(ctx context.Context) (bool, string, error) {
	var diff strings.Builder
	z.newer = nil
	for _, f := range z.entries {
		line, err := z.compare(ctx, f)
		if err != nil {
			return false, "", err
		}
		if line != "" {
			diff.WriteString(line + " " + f.Name + "\n")
		}
	}
	return diff.Len() == 0, diff.String(), nil
}

// compare says in rsync's itemized form how a file differs from the archive's, "" where it does not.
func (z *zipball) compare(ctx context.Context, f *zip.File) (string, error) {
	kind := byte('f')
	switch {
	case f.Mode().IsDir():
		kind = 'd'
	case f.Mode()&fs.ModeSymlink != 0:
		kind = 'l'
	}
	path := filepath.Join(z.u.dest, f.Name)
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf(">%c++++++.??", kind), nil
	} else if err != nil {
		return "", err
	}
	item := []byte(fmt.Sprintf(".%c.......??", kind))
	if kind == 'f' && st.Mode&syscall.S_IFMT == syscall.S_IFREG {
		skip, err := z.compareContent(path, f, st, item)
		if err != nil || skip {
			return "", err
		}
	}
	z.compareMode(ctx, f, st, item)
	if strings.Trim(string(item[2:9]), ".") == "" {
		return "", nil
	}
	return string(item), nil
}

func (z *zipball) compareContent(path string, f *zip.File, st syscall.Stat_t, item []byte) (skip bool, err error) {
	// A zip archive has the local time, without a zone, in steps of two seconds.
	m := f.Modified
	stamp := time.Date(m.Year(), m.Month(), m.Day(), m.Hour(), m.Minute(), m.Second(), 0, time.Local)
	if f.Modified.Location() != time.UTC {
		stamp = f.Modified // the archive has an extended time stamp
	}
	have := time.Unix(st.Mtim.Sec, 0)
	if z.u.c.Args.Bool("keep_newer") && have.After(stamp) {
		z.newer = append(z.newer, f.Name)
		return true, nil
	}
	if uint64(st.Size) != f.UncompressedSize64 {
		item[3] = 's'
	}
	if !have.Equal(stamp) {
		item[4] = 't'
	}
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	sum := crc32.NewIEEE()
	_, err = io.Copy(sum, file)
	if sum.Sum32() != f.CRC32 {
		item[2] = 'c'
	} else if item[3] == '.' {
		item[4] = '.' // the same content: its time is of no interest
	}
	return false, errors.Join(err, file.Close())
}

// compareMode compares permissions and, where the task names them, owners.
func (z *zipball) compareMode(ctx context.Context, f *zip.File, st syscall.Stat_t, item []byte) {
	wanted := uint32(f.Mode().Perm())
	if f.ExternalAttrs>>16 == 0 { // not from Unix: no permissions
		wanted = 0o666 &^ attribute.Umask()
		if f.Mode().IsDir() {
			wanted = 0o777 &^ attribute.Umask()
		}
	}
	if z.u.wanted.Mode != nil {
		if mode, err := attribute.Mode(z.u.wanted.Mode, st.Mode, attribute.Umask()); err == nil {
			wanted = mode
		}
	}
	if st.Mode&syscall.S_IFMT != syscall.S_IFLNK && st.Mode&attribute.Permissions != wanted {
		item[5] = 'p'
	}
	if uid, known := attribute.UserID(ctx, z.u.c, z.u.wanted.Owner); z.u.wanted.Owner != "" && known && int64(st.Uid) != uid {
		item[6] = 'o'
	}
	if gid, known := attribute.GroupID(ctx, z.u.c, z.u.wanted.Group); z.u.wanted.Group != "" && known && int64(st.Gid) != gid {
		item[7] = 'g'
	}
}

func (z *zipball) unpack(ctx context.Context) ([]string, execute.Output, error) {
	args := z.u.c.Args
	argv := append([]string{execute.Find(z.u.c, "unzip"), "-o"}, args.Strings("extra_opts")...)
	argv = append(append(argv, z.u.source), args.Strings("include")...)
	if left := append(args.Strings("exclude"), z.newer...); len(left) > 0 {
		argv = append(append(argv, "-x"), left...)
	}
	argv = append(argv, "-d", z.u.dest)
	out, err := execute.Run(ctx, z.u.c, execute.Program{Argv: argv}.Parsed())
	return argv, out, err
}

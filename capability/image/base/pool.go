package base

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/program"
)

// Pool keeps .debs by the SHA-256 of their content, so that a lock can be
// honoured after the mirror has moved on. It may be shared by several builds.
type Pool struct{ Dir string }

func (p Pool) path(sum string) string { return filepath.Join(p.Dir, sum[:2], sum+".deb") }

// Has says whether the pool has d with the content that d's hash names. A file
// that was damaged is removed.
func (p Pool) Has(d Package) (bool, error) {
	sum, err := hashFile(p.path(d.SHA256))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read the pool: %w", err)
	case sum == d.SHA256:
		return true, nil
	}
	return false, os.Remove(p.path(d.SHA256))
}

// Add copies the .deb at path into the pool and says what package it is.
func (p Pool) Add(ctx context.Context, r program.Runner, path string) (Package, error) {
	sum, err := hashFile(path)
	if err != nil {
		return Package{}, fmt.Errorf("read a fetched package: %w", err)
	}
	fields, err := program.Output(ctx, r, program.Command{Name: "dpkg-deb", Args: []string{"--show", "--showformat=${Package}\\n${Version}\\n${Architecture}", path}}, 1<<12)
	if err != nil {
		return Package{}, explain(err, "read "+filepath.Base(path))
	}
	lines := strings.Split(string(fields), "\n")
	if len(lines) != 3 {
		return Package{}, fmt.Errorf("dpkg-deb said %q of %s", fields, filepath.Base(path))
	}
	out := Package{Name: lines[0], Version: lines[1], Architecture: lines[2], SHA256: sum}
	return out, p.store(path, sum)
}

func (p Pool) store(path, sum string) error {
	target := p.path(sum)
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fault.Wrap(err, fault.Failed, "keep a package in the pool", "")
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(target), ".new-")
	if err != nil {
		return fmt.Errorf("keep a package in the pool: %w", err)
	}
	defer os.Remove(out.Name())
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Chmod(0o644), out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("keep a package in the pool: %w", err)
	}
	return os.Rename(out.Name(), target)
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// newest is the time at which the youngest of the packages was made.
func (p Pool) newest(packages []Package) (time.Time, error) {
	var newest time.Time
	for _, d := range packages {
		made, err := madeAt(p.path(d.SHA256))
		if err != nil {
			return time.Time{}, fmt.Errorf("read %s from the pool: %w", d, err)
		}
		if made.After(newest) {
			newest = made
		}
	}
	return newest, nil
}

// madeAt is the time in the header of a .deb's first member: a .deb is an ar
// archive (deb(5), ar(5)), and dpkg-deb puts SOURCE_DATE_EPOCH there.
func madeAt(path string) (time.Time, error) {
	f, err := os.Open(path)
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	header := make([]byte, arMagicSize+arHeaderSize)
	if _, err := io.ReadFull(f, header); err != nil {
		return time.Time{}, err
	}
	return parseArTime(header)
}

const (
	arMagicSize  = 8
	arHeaderSize = 60
)

func parseArTime(header []byte) (time.Time, error) {
	if len(header) < arMagicSize+arHeaderSize || !bytes.HasPrefix(header, []byte("!<arch>\n")) {
		return time.Time{}, errors.New("not an ar archive")
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(header[arMagicSize+16:arMagicSize+28])), 10, 64)
	if err != nil || seconds < 0 {
		return time.Time{}, errors.New("its first member has no date")
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// writeRepository makes dir an apt repository of exactly these packages.
func (p Pool) writeRepository(ctx context.Context, r program.Runner, dir string, packages []Package) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make a package repository: %w", err)
	}
	var index bytes.Buffer
	for _, d := range packages {
		ok, err := p.Has(d)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "use "+d.String(), "", "the pool has no package with SHA-256 %s", d.SHA256)
		}
		control, err := program.Output(ctx, r, program.Command{Name: "dpkg-deb", Args: []string{"--field", p.path(d.SHA256)}}, 1<<20)
		if err != nil {
			return explain(err, "read "+d.String())
		}
		name := d.SHA256 + ".deb"
		if err := os.Symlink(p.path(d.SHA256), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("make a package repository: %w", err)
		}
		info, err := os.Stat(p.path(d.SHA256))
		if err != nil {
			return fmt.Errorf("make a package repository: %w", err)
		}
		fmt.Fprintf(&index, "%s\nFilename: ./%s\nSize: %d\nSHA256: %s\n\n", bytes.TrimSpace(control), name, info.Size(), d.SHA256)
	}
	return os.WriteFile(filepath.Join(dir, "Packages"), index.Bytes(), 0o644)
}

package files

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"garboard.dev/garboard/host/program"
)

// write packs the entries into a new file.
func (p *packer) write(ctx context.Context, to string, entries []packed) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	switch {
	case p.format == "zip":
		err = writeZip(out, entries)
	default:
		err = p.compress(ctx, out, func(w io.Writer) error {
			if p.single && p.format != "tar" {
				return copyInto(w, entries[0].path)
			}
			return writeTar(w, entries)
		})
	}
	return errors.Join(err, out.Close())
}

// compress sends what fill writes through the format's compression: gzip our
// own, bzip2 and xz the machine's programs.
func (p *packer) compress(ctx context.Context, out io.Writer, fill func(io.Writer) error) error {
	switch p.format {
	case "tar":
		return fill(out)
	case "gz":
		z := gzip.NewWriter(out)
		return errors.Join(fill(z), z.Close())
	}
	name := map[string]string{"bz2": "bzip2", "xz": "xz"}[p.format]
	reading, writing := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := p.c.Machine.Programs.Run(ctx, program.Command{Name: name, Args: []string{"-c"}, Stdin: reading, Stdout: out})
		reading.CloseWithError(errors.New(name + " has ended"))
		done <- err
	}()
	err := fill(writing)
	writing.CloseWithError(err) // nil is the end
	return errors.Join(<-done, err)
}

func copyInto(w io.Writer, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, in)
	return errors.Join(err, in.Close())
}

func writeTar(w io.Writer, entries []packed) error {
	t := tar.NewWriter(w)
	for _, e := range entries {
		link := ""
		if e.info.Mode()&fs.ModeSymlink != 0 {
			var err error
			if link, err = os.Readlink(e.path); err != nil {
				return err
			}
		}
		header, err := tar.FileInfoHeader(e.info, link)
		if err != nil {
			return err
		}
		header.Name = e.name
		header.ModTime = header.ModTime.Truncate(time.Second) // the writer would round up, into the future
		if e.info.IsDir() {
			header.Name += "/"
		}
		if err := t.WriteHeader(header); err != nil {
			return err
		}
		if e.info.Mode().IsRegular() {
			if err := copyInto(t, e.path); err != nil {
				return err
			}
		}
	}
	return t.Close()
}

func writeZip(w io.Writer, entries []packed) error {
	z := zip.NewWriter(w)
	for _, e := range entries {
		info, err := os.Stat(e.path) // zip archives have what links point to
		if err != nil {
			return err
		}
		e.info = info
		header, err := zip.FileInfoHeader(info)
		if err != nil {
			return err
		}
		header.Name, header.Method = e.name, zip.Deflate
		if e.info.IsDir() {
			header.Name, header.Method = e.name+"/", zip.Store
		}
		part, err := z.CreateHeader(header)
		if err != nil {
			return err
		}
		if !e.info.IsDir() {
			if err := copyInto(part, e.path); err != nil {
				return err
			}
		}
	}
	return z.Close()
}

// read gives the names and checksums in an archive, sorted, so that two can be
// compared. Times are left out: packing again changes none of it.
func (p *packer) read(ctx context.Context, path string) ([]string, error) {
	if p.format == "zip" {
		return readZip(path)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	plain, err := p.decompress(ctx, in)
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	var out []string
	if p.single && p.format != "tar" {
		var sum string
		sum, err = contentSum(plain)
		out = []string{sum}
	} else {
		out, err = readTar(plain)
	}
	return out, errors.Join(err, in.Close())
}

func (p *packer) decompress(ctx context.Context, in io.Reader) (io.Reader, error) {
	switch p.format {
	case "gz":
		return gzip.NewReader(in)
	case "bz2":
		return bzip2.NewReader(in), nil
	case "xz":
		var plain bytes.Buffer
		err := p.c.Machine.Programs.Run(ctx, program.Command{Name: "xz", Args: []string{"-dc"}, Stdin: in, Stdout: &plain})
		return &plain, err
	}
	return in, nil
}

func contentSum(r io.Reader) (string, error) {
	sum := sha256.New()
	_, err := io.Copy(sum, r)
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}

func readTar(r io.Reader) ([]string, error) {
	var out []string
	for t := tar.NewReader(r); ; {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(out)
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		sum, err := contentSum(t)
		if err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%s %s %s", header.Name, header.Linkname, sum))
	}
}

func readZip(path string) ([]string, error) {
	r, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, f := range r.File {
		out = append(out, fmt.Sprintf("%s %d %08x", f.Name, f.UncompressedSize64, f.CRC32))
	}
	slices.Sort(out)
	return out, r.Close()
}

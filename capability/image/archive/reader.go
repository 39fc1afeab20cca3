package archive

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// The limits of what an archive may make its reader do. Blobs are streamed and
// have none; what is held in memory has.
const (
	largestJSON   = 8 << 20  // index.json, manifest.json and the like
	mostMembers   = 1 << 16  // files in one archive
	largestWindow = 64 << 20 // of zstd
)

// Reader returns the plain tar of an archive that may be compressed with gzip
// or zstd, checked while it is read: a member that leads out of the archive, is
// no plain file, folder or link, or is too large for where it stands ends it
// with an error. So what reads it next need not trust it.
func Reader(r *bufio.Reader) (io.ReadCloser, error) {
	plain, err := decompress(r)
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	go func() {
		defer plain.Close()
		in.CloseWithError(check(in, plain))
	}()
	return out, nil
}

func decompress(r *bufio.Reader) (io.ReadCloser, error) {
	magic, err := r.Peek(4)
	if err != nil && len(magic) < 4 {
		return nil, fmt.Errorf("it is empty or too short")
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(r)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		d, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(largestWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return io.NopCloser(r), nil
}

// check copies the tar from in to out, member by member, and refuses what an
// image archive never has.
func check(out io.Writer, in io.Reader) error {
	r, w := tar.NewReader(in), tar.NewWriter(out)
	for members := 0; ; members++ {
		h, err := r.Next()
		if err == io.EOF {
			if members == 0 {
				return fmt.Errorf("it has no file")
			}
			return w.Close()
		}
		if err != nil {
			return fmt.Errorf("it is no whole tar archive: %w", err)
		}
		if members >= mostMembers {
			return fmt.Errorf("it has more than %d files", mostMembers)
		}
		if err := checkMember(h); err != nil {
			return err
		}
		if err := w.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(w, r); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

func checkMember(h *tar.Header) error {
	if !inside(h.Name) {
		return fmt.Errorf("%q leads out of the archive", h.Name)
	}
	switch h.Typeflag {
	case tar.TypeDir:
	case tar.TypeSymlink, tar.TypeLink:
		// docker save once linked equal layers: "../<id>/layer.tar".
		if !inside(path.Join(path.Dir(h.Name), h.Linkname)) || path.IsAbs(h.Linkname) {
			return fmt.Errorf("the link %q leads out of the archive", h.Name)
		}
	case tar.TypeReg:
		if path.Ext(h.Name) == ".json" && h.Size > largestJSON {
			return fmt.Errorf("%s has %d bytes, at most %d are read", h.Name, h.Size, largestJSON)
		}
	default:
		return fmt.Errorf("%q is no plain file", h.Name)
	}
	return nil
}

func inside(name string) bool {
	clean := path.Clean(name)
	return !path.IsAbs(name) && clean != ".." && !strings.HasPrefix(clean, "../") && !strings.ContainsRune(name, 0)
}

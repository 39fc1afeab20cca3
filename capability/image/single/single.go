// Package single makes an image from a few files and nothing else: the pause
// image from its one binary, a test's image from a static program. The same
// files give the same image, bit for bit.
package single

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"garboard.dev/garboard/capability/image/archive"
)

// File is one file of the image. It belongs to root.
type File struct {
	Path    string // in the image, as "/pause"
	Mode    int64  // permission bits, as 0o755
	Content []byte
}

// Archive writes to w an OCI archive, which `docker load` reads too, of an
// image for this machine's architecture. The image is called reference, which
// is a full name as "registry.garboard.internal/pause:1", holds files in one
// layer and runs entrypoint as the user 65535, which owns nothing.
func Archive(w io.Writer, reference string, files []File, entrypoint []string) error {
	layer, err := layerOf(files)
	if err != nil {
		return fmt.Errorf("make the layer of %s: %w", reference, err)
	}
	sum := digest.FromBytes(layer)
	_, err = archive.Write(w, archive.Image{
		References: []string{reference},
		Platform:   ocispec.Platform{OS: "linux", Architecture: runtime.GOARCH},
		Created:    time.Unix(0, 0),
		Config:     ocispec.ImageConfig{User: "65535:65535", Entrypoint: entrypoint, WorkingDir: "/"},
		CreatedBy:  "garboard",
		Layers: []archive.Layer{{
			MediaType: ocispec.MediaTypeImageLayer, Digest: sum, DiffID: sum, Size: int64(len(layer)),
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer)), nil },
		}},
	})
	return err
}

// layerOf is the tar of files with the folders above them, in the order of
// their names, all dated 1970-01-01.
func layerOf(files []File) ([]byte, error) {
	files = slices.SortedFunc(slices.Values(files), func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	made := map[string]bool{".": true}
	for _, f := range files {
		name := strings.TrimPrefix(path.Clean("/"+f.Path), "/")
		if name == "" || made[name] {
			return nil, fmt.Errorf("%q is no file name of its own", f.Path)
		}
		if err := makeParents(w, path.Dir(name), made); err != nil {
			return nil, err
		}
		made[name] = true
		header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: f.Mode, Size: int64(len(f.Content)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
		if _, err := w.Write(f.Content); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

func makeParents(w *tar.Writer, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := makeParents(w, path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
}

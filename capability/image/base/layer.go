package base

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"garboard.dev/garboard/capability/image/archive"
)

// writeLayer compresses the tar that produce writes into the file at path and
// returns it as a layer.
func writeLayer(path string, produce func(io.Writer) error) (layer archive.Layer, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return archive.Layer{}, fmt.Errorf("write the layer: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	compressed, plain := digest.Canonical.Digester(), digest.Canonical.Digester()
	size := &counter{}
	buffered := bufio.NewWriterSize(io.MultiWriter(f, compressed.Hash(), size), 1<<20)
	// One encoder: the split of the work over several must not show in the bytes.
	packer, err := zstd.NewWriter(buffered, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return archive.Layer{}, fmt.Errorf("write the layer: %w", err)
	}
	if err := produce(io.MultiWriter(packer, plain.Hash())); err != nil {
		return archive.Layer{}, errors.Join(err, packer.Close())
	}
	if err := errors.Join(packer.Close(), buffered.Flush()); err != nil {
		return archive.Layer{}, fmt.Errorf("write the layer: %w", err)
	}
	return archive.Layer{
		MediaType: ocispec.MediaTypeImageLayerZstd, Digest: compressed.Digest(), DiffID: plain.Digest(), Size: size.n,
		Open: func() (io.ReadCloser, error) { return os.Open(path) },
	}, nil
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

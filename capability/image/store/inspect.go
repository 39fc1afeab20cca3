package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/pkg/archive/compression"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"garboard.dev/garboard/fault"
)

// Detail is all that is known of one image.
type Detail struct {
	Entry
	MediaType   string            `json:"mediaType"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Config      ocispec.Image     `json:"config"`
	Layers      []Layer           `json:"layers"`
}

// Layer is one layer of an image for one platform.
type Layer struct {
	Digest    string `json:"digest"`
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"` // as it is stored
	DiffID    string `json:"diffID"`
}

// Inspect returns what is known of the image called name, for this machine's
// platform where it has several.
func (s *Store) Inspect(ctx context.Context, name string) (Detail, error) {
	image, err := s.Find(ctx, name)
	if err != nil {
		return Detail{}, err
	}
	manifest, err := s.manifest(ctx, image)
	if err != nil {
		return Detail{}, err
	}
	entries, err := s.List(ctx, []string{image.Name})
	if err != nil {
		return Detail{}, err
	}
	d := Detail{MediaType: image.Target.MediaType, Annotations: manifest.Annotations}
	if len(entries) > 0 {
		d.Entry = entries[0]
	}
	if d.Config, err = s.config(s.in(ctx), image.Target); err != nil {
		return Detail{}, fmt.Errorf("read the configuration of %s: %w", name, err)
	}
	for i, l := range manifest.Layers {
		layer := Layer{Digest: l.Digest.String(), MediaType: l.MediaType, Size: l.Size}
		if i < len(d.Config.RootFS.DiffIDs) {
			layer.DiffID = d.Config.RootFS.DiffIDs[i].String()
		}
		d.Layers = append(d.Layers, layer)
	}
	return d, nil
}

func (s *Store) manifest(ctx context.Context, image images.Image) (ocispec.Manifest, error) {
	provider := s.client.ContentStore()
	m, err := images.Manifest(s.in(ctx), provider, image.Target, platforms.Default())
	if errdefs.IsNotFound(err) {
		m, err = images.Manifest(s.in(ctx), provider, image.Target, platforms.All)
	}
	if errdefs.IsNotFound(err) {
		return m, fault.New(fault.NotFound, "read the image "+Familiar(image.Name), "pull it again", "its content is not here")
	}
	return m, err
}

// Opener opens one layer's tar, decompressed.
type Opener func() (io.ReadCloser, error)

// OpenLayers returns the layers of the image called name, the lowest first.
func (s *Store) OpenLayers(ctx context.Context, name string) (diffIDs []string, layers []Opener, err error) {
	image, err := s.Find(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	detail, err := s.Inspect(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	manifest, err := s.manifest(ctx, image)
	if err != nil {
		return nil, nil, err
	}
	for i, l := range manifest.Layers {
		diffIDs = append(diffIDs, detail.Layers[i].DiffID)
		layers = append(layers, func() (io.ReadCloser, error) { return s.openLayer(ctx, l) })
	}
	return diffIDs, layers, nil
}

func (s *Store) openLayer(ctx context.Context, desc ocispec.Descriptor) (io.ReadCloser, error) {
	blob, err := s.client.ContentStore().ReaderAt(s.in(ctx), desc)
	if err != nil {
		return nil, fmt.Errorf("open the layer %s: %w", desc.Digest, err)
	}
	plain, err := compression.DecompressStream(content.NewReader(blob))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("decompress the layer %s: %w", desc.Digest, err), blob.Close())
	}
	return both{plain, plain, blob}, nil
}

// both closes a stream and what it reads from.
type both struct {
	io.Reader
	plain io.Closer
	blob  io.Closer
}

func (b both) Close() error { return errors.Join(b.plain.Close(), b.blob.Close()) }

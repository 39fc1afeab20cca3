package store

import (
	"context"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/platforms"

	"garboard.dev/garboard/fault"
)

// Import takes the images of an OCI or docker archive, which may be compressed
// by the caller's decoder only, and returns their full names. Names that the
// archive gives are normalized; as is a name of the caller's that it gets
// instead, where that is not empty.
func (s *Store) Import(ctx context.Context, r io.Reader, labels map[string]string) ([]string, error) {
	ctx = s.in(ctx)
	opts := []client.ImportOpt{client.WithAllPlatforms(true), client.WithSkipMissing(), client.WithImageRefTranslator(func(name string) string {
		full, err := Normalize(name)
		if err != nil {
			return name
		}
		return full
	})}
	if labels != nil {
		opts = append(opts, client.WithImageLabels(labels))
	}
	taken, err := s.client.Import(ctx, r, opts...)
	if err != nil {
		return nil, fault.Wrap(err, fault.Misuse, "read the archive", "it must be an OCI or a docker archive")
	}
	var names []string
	for _, image := range taken {
		names = append(names, image.Name)
		if err := s.Unpack(ctx, image.Name); err != nil {
			return names, err
		}
	}
	if len(names) == 0 {
		return nil, fault.New(fault.Misuse, "read the archive", "save it with a name", "it names no image")
	}
	return names, nil
}

// Export writes the images with these names as one archive that is an OCI
// layout and that docker reads too. Only content that is here is written.
func (s *Store) Export(ctx context.Context, w io.Writer, names []string) error {
	opts := []archive.ExportOpt{archive.WithPlatform(platforms.Default()), archive.WithSkipMissing(s.client.ContentStore())}
	for _, name := range names {
		image, err := s.Find(ctx, name)
		if err != nil {
			return err
		}
		full := image.Name
		if asked, err := Normalize(name); err == nil && asked == image.Name {
			full = asked
		}
		opts = append(opts, archive.WithManifest(image.Target, full))
	}
	if err := s.client.Export(s.in(ctx), w, opts...); err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	return nil
}

package store

import (
	"context"
	"fmt"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// mirrored marks an image of the builds' namespace that stands for one of the
// cluster's; it goes when that one goes.
const mirrored = "garboard.dev/mirrored"

// OfferToBuilds makes the cluster's images known to BuildKit, so that FROM
// finds them, and withdraws those that are gone. No content is copied.
func (s *Store) OfferToBuilds(ctx context.Context) error {
	builds := s.other(Builds)
	have, err := s.client.ImageService().List(s.in(ctx))
	if err != nil {
		return fmt.Errorf("list the images: %w", err)
	}
	offered, err := s.client.ImageService().List(builds.in(ctx))
	if err != nil {
		return fmt.Errorf("list the builds' images: %w", err)
	}
	known := map[string]images.Image{}
	for _, i := range offered {
		known[i.Name] = i
	}
	for _, i := range have {
		old, ok := known[i.Name]
		delete(known, i.Name)
		if internal(i.Name) || (ok && old.Target.Digest == i.Target.Digest) {
			continue
		}
		if err := builds.takeFrom(ctx, s, i, map[string]string{mirrored: "true"}); err != nil {
			return err
		}
	}
	return builds.withdraw(ctx, known)
}

// withdraw removes those of gone that were mirrored.
func (s *Store) withdraw(ctx context.Context, gone map[string]images.Image) error {
	for name, i := range gone {
		if i.Labels[mirrored] == "" {
			continue
		}
		if err := s.client.ImageService().Delete(s.in(ctx), name); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("withdraw %s from the builds: %w", name, err)
		}
	}
	return nil
}

// TakeFromBuilds names the image that a build has made under each of names in
// the cluster's namespace, where pods can use it at once, and hands the builds'
// own record over to the mirror.
func (s *Store) TakeFromBuilds(ctx context.Context, names []string) error {
	builds := s.other(Builds)
	for _, name := range names {
		image, err := s.client.ImageService().Get(builds.in(ctx), name)
		if err != nil {
			return fmt.Errorf("read the image that was built: %w", err)
		}
		if err := s.takeFrom(ctx, builds, image, nil); err != nil {
			return err
		}
		if err := s.Unpack(ctx, name); err != nil {
			return err
		}
		image.Labels = map[string]string{mirrored: "true"}
		if err := builds.put(builds.in(ctx), image); err != nil {
			return err
		}
	}
	return nil
}

// takeFrom makes image of the namespace of from an image of s too. A blob
// changes namespace without a copy: asking to write one whose digest another
// namespace has is answered with "exists already", and then it is ours too.
func (s *Store) takeFrom(ctx context.Context, from *Store, image images.Image, labels map[string]string) error {
	there, here := from.in(ctx), s.in(ctx)
	here, release, err := s.lease(here)
	if err != nil {
		return err
	}
	defer release()
	blobs := s.client.ContentStore()
	take := images.HandlerFunc(func(_ context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		if _, err := blobs.Info(there, desc.Digest); errdefs.IsNotFound(err) {
			return nil, images.ErrSkipDesc // another platform's, which was never fetched
		}
		if err := s.claim(here, there, desc); err != nil {
			return nil, err
		}
		return images.Children(there, blobs, desc)
	})
	if err := images.Walk(here, images.SetChildrenLabels(blobs, take), image.Target); err != nil {
		return fmt.Errorf("share %s between namespaces: %w", image.Name, err)
	}
	return s.put(here, images.Image{Name: image.Name, Target: image.Target, Labels: labels})
}

// claim makes a blob that the namespace of there has one of here's.
func (s *Store) claim(here, there context.Context, desc ocispec.Descriptor) error {
	blobs := s.client.ContentStore()
	w, err := content.OpenWriter(here, blobs, content.WithRef("share-"+desc.Digest.String()), content.WithDescriptor(desc))
	if errdefs.IsAlreadyExists(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer w.Close()
	// Only where containerd isolates its namespaces: then it is a copy.
	in, err := blobs.ReaderAt(there, desc)
	if err != nil {
		return err
	}
	defer in.Close()
	return content.Copy(here, w, content.NewReader(in), desc.Size, desc.Digest)
}

// Unpack prepares the file system of the image called name, a full name, for
// this machine's platform, so that a container of it starts without delay.
func (s *Store) Unpack(ctx context.Context, name string) error {
	ctx = s.in(ctx)
	image, err := s.client.ImageService().Get(ctx, name)
	if err != nil {
		return fmt.Errorf("read the image %s: %w", name, err)
	}
	unpacked := client.NewImageWithPlatform(s.client, image, platforms.Default())
	err = unpacked.Unpack(ctx, Snapshotter)
	if errdefs.IsNotFound(err) {
		return nil // for other platforms only
	}
	if err != nil {
		return fmt.Errorf("unpack %s: %w", name, err)
	}
	return nil
}

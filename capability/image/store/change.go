package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/errdefs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"garboard.dev/garboard/fault"
)

// largestJSON bounds what is read of a manifest or a configuration into memory.
const largestJSON = 8 << 20

func readJSON[T any](ctx context.Context, provider content.Provider, desc ocispec.Descriptor) (out T, err error) {
	if desc.Size > largestJSON {
		return out, fmt.Errorf("%s has %d bytes, more than a %s may have", desc.Digest, desc.Size, desc.MediaType)
	}
	text, err := content.ReadBlob(ctx, provider, desc)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(text, &out); err != nil {
		return out, fmt.Errorf("decode %s: %w", desc.Digest, err)
	}
	return out, nil
}

// Tag gives the image called name another name too, and returns the full form
// of that. A name that another image had is moved.
func (s *Store) Tag(ctx context.Context, name, another string) (string, error) {
	full, err := Normalize(another)
	if err != nil {
		return "", err
	}
	image, err := s.Find(ctx, name)
	if err != nil {
		return "", err
	}
	ctx, release, err := s.lease(s.in(ctx))
	if err != nil {
		return "", err
	}
	defer release()
	return full, s.put(ctx, images.Image{Name: full, Target: image.Target, Labels: image.Labels})
}

// Remove takes the name from an image; with the last name its content goes
// too, as far as no other image and no build cache shares it. The names that
// the kubelet keeps for the same content go with the last one.
func (s *Store) Remove(ctx context.Context, name string) (removed string, err error) {
	image, err := s.Find(ctx, name)
	if err != nil {
		return "", err
	}
	if image.Labels[pinned] == "pinned" {
		return "", fault.New(fault.Conflict, "remove the image "+Familiar(image.Name), "", "the platform itself needs it")
	}
	inNamespace := s.in(ctx)
	all, err := s.client.ImageService().List(inNamespace)
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "list the images", noPlatform)
	}
	gone := []string{image.Name}
	if len(names(all, image)) == 1 {
		gone = append(gone, shadows(all, image)...)
	}
	for i, n := range gone {
		var opts []images.DeleteOpt
		if i == len(gone)-1 {
			opts = append(opts, images.SynchronousDelete())
		}
		if err := s.client.ImageService().Delete(inNamespace, n, opts...); err != nil && !errdefs.IsNotFound(err) {
			return "", fmt.Errorf("remove the image %s: %w", Familiar(n), err)
		}
	}
	return Familiar(image.Name), s.OfferToBuilds(ctx)
}

// pinned is the kubelet's label of images that must stay.
const pinned = "io.cri-containerd.pinned"

// names are those of image that people gave.
func names(all []images.Image, image images.Image) []string {
	var out []string
	for _, i := range all {
		if i.Target.Digest == image.Target.Digest && !internal(i.Name) {
			out = append(out, i.Name)
		}
	}
	return out
}

// shadows are the kubelet's own names of image: those by digest.
func shadows(all []images.Image, image images.Image) []string {
	var out []string
	for _, i := range all {
		if i.Target.Digest == image.Target.Digest && internal(i.Name) {
			out = append(out, i.Name)
		}
	}
	return out
}

// Collect makes containerd remove what no image, container or lease needs.
func (s *Store) Collect(ctx context.Context) error {
	if err := s.OfferToBuilds(ctx); err != nil {
		return err
	}
	l, err := s.client.LeasesService().Create(s.in(ctx), leases.WithRandomID())
	if err != nil {
		return fmt.Errorf("start a collection: %w", err)
	}
	return s.client.LeasesService().Delete(s.in(ctx), l, leases.SynchronousDelete)
}

package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"garboard.dev/garboard/fault"
)

// Entry is one name of an image as `image ls` shows it.
type Entry struct {
	Name       string    `json:"name"` // as people write it, with the tag
	Repository string    `json:"repository"`
	Tag        string    `json:"tag"`
	Digest     string    `json:"digest"`
	Created    time.Time `json:"created"` // what the image says of itself
	Added      time.Time `json:"added"`   // when it was put here
	Platforms  []string  `json:"platforms"`
	Size       int64     `json:"size"`   // bytes of all its blobs
	Unique     int64     `json:"unique"` // bytes that no image with another digest uses
}

// List returns the images by name; the kubelet's own names are left out. Names
// may restrict it to repositories or full names; none means all.
func (s *Store) List(ctx context.Context, names []string) ([]Entry, error) {
	ctx = s.in(ctx)
	all, err := s.client.ImageService().List(ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "list the images", noPlatform)
	}
	blobs := map[digest.Digest]map[digest.Digest]int64{} // by image
	for _, i := range all {
		if blobs[i.Target.Digest] != nil {
			continue
		}
		if blobs[i.Target.Digest], err = s.blobsOf(ctx, i.Target); err != nil {
			return nil, err
		}
	}
	users := map[digest.Digest]int{}
	for _, of := range blobs {
		for d := range of {
			users[d]++
		}
	}
	var out []Entry
	tagged := map[digest.Digest]bool{}
	for _, i := range all {
		tagged[i.Target.Digest] = tagged[i.Target.Digest] || (!internal(i.Name) && !strings.Contains(i.Name, "@"))
	}
	for _, i := range all {
		byDigest := strings.Contains(i.Name, "@") && tagged[i.Target.Digest] // the kubelet's second name for it
		if internal(i.Name) || byDigest || !selected(i.Name, names) {
			continue
		}
		out = append(out, s.entry(ctx, i, blobs[i.Target.Digest], users))
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

func (s *Store) entry(ctx context.Context, i images.Image, blobs map[digest.Digest]int64, users map[digest.Digest]int) Entry {
	e := Entry{Name: Familiar(i.Name), Digest: i.Target.Digest.String(), Added: i.UpdatedAt.UTC()}
	for d, size := range blobs {
		e.Size += size
		if users[d] == 1 {
			e.Unique += size
		}
	}
	if name, tag, ok := split(i.Name); name != "" {
		e.Repository, e.Tag = Familiar(name), tag
		if ok {
			e.Repository = repository(e.Name)
		}
	}
	for _, p := range s.platformsOf(ctx, i.Target) {
		e.Platforms = append(e.Platforms, platforms.Format(p))
	}
	if config, err := s.config(ctx, i.Target); err == nil && config.Created != nil {
		e.Created = config.Created.UTC()
	}
	return e
}

// selected says whether name is one of those asked for: the full name, or its
// repository.
func selected(name string, asked []string) bool {
	if len(asked) == 0 {
		return true
	}
	for _, a := range asked {
		full, err := reference.ParseNormalizedNamed(a)
		if err != nil {
			continue
		}
		if full.String() == name || (reference.IsNameOnly(full) && full.Name() == repository(name)) {
			return true
		}
	}
	return false
}

// blobsOf returns the sizes of the blobs of target that are here.
func (s *Store) blobsOf(ctx context.Context, target ocispec.Descriptor) (map[digest.Digest]int64, error) {
	out := map[digest.Digest]int64{}
	provider := s.client.ContentStore()
	visit := images.HandlerFunc(func(ctx context.Context, desc ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		info, err := provider.Info(ctx, desc.Digest)
		if errdefs.IsNotFound(err) {
			return nil, images.ErrSkipDesc
		}
		if err != nil {
			return nil, err
		}
		out[desc.Digest] = info.Size
		return images.Children(ctx, provider, desc)
	})
	if err := images.Walk(ctx, visit, target); err != nil {
		return nil, fmt.Errorf("measure %s: %w", target.Digest, err)
	}
	return out, nil
}

func (s *Store) platformsOf(ctx context.Context, target ocispec.Descriptor) []ocispec.Platform {
	found, err := images.Platforms(ctx, s.client.ContentStore(), target)
	if err != nil {
		return nil // content of other platforms may be absent
	}
	return slices.DeleteFunc(found, func(p ocispec.Platform) bool { return p.OS == "unknown" })
}

// config is the configuration of target for this machine's platform, or of any
// where it has none for this one.
func (s *Store) config(ctx context.Context, target ocispec.Descriptor) (ocispec.Image, error) {
	provider := s.client.ContentStore()
	desc, err := images.Config(ctx, provider, target, platforms.Default())
	if errdefs.IsNotFound(err) {
		desc, err = images.Config(ctx, provider, target, platforms.All)
	}
	if err != nil {
		return ocispec.Image{}, err
	}
	return readJSON[ocispec.Image](ctx, provider, desc)
}

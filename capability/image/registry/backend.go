// Package registry serves the OCI distribution protocol over containerd's
// content store: a blob that the node has for a pod, a build or the registry
// is stored once. Names are image records in a namespace of the registry's own,
// because the kubelet removes images that no pod uses from the one that it sees.
//
// The protocol is that of the OCI distribution specification 1.1; what of it is
// HTTP is done by cuelabs.dev/go/oci/ociregistry/ociserver.
package registry

import (
	"bufio"
	"context"
	"io"
	"iter"
	"slices"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
)

// Namespace is containerd's namespace that the registry's records stand in.
const Namespace = "garboard-registry"

// Containerd are the parts of containerd that the registry stands on.
type Containerd struct {
	Blobs  content.Store
	Images images.Store
	Leases leases.Manager
}

// Backend is the registry without HTTP and without accounts.
type Backend struct {
	*ociregistry.Funcs // refuses what is not here

	parts Containerd
	room  func() error // says whether there is room for one more upload
}

// New returns a registry over parts. room is asked before anything is written
// and refuses with an error that the client gets to see.
func New(parts Containerd, room func() error) *Backend {
	return &Backend{parts: parts, room: room}
}

func in(ctx context.Context) context.Context { return namespaces.WithNamespace(ctx, Namespace) }

// A record's name is "<repository>:<tag>" or "<repository>@<digest>": each
// manifest has one of the second kind, which keeps it alive without a tag.
func tagName(repo, tag string) string                     { return repo + ":" + tag }
func digestName(repo string, d ociregistry.Digest) string { return repo + "@" + string(d) }

// repoOf is the repository of a record.
func repoOf(name string) (repo, tag string, isTag bool) {
	if repo, _, ok := strings.Cut(name, "@"); ok {
		return repo, "", false
	}
	repo, tag, _ = strings.Cut(name, ":")
	return repo, tag, true
}

// record returns the descriptor that the record called name has.
func (b *Backend) record(ctx context.Context, name string) (ociregistry.Descriptor, error) {
	image, err := b.parts.Images.Get(in(ctx), name)
	if errdefs.IsNotFound(err) {
		return ociregistry.Descriptor{}, ociregistry.ErrManifestUnknown
	}
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	return ociregistry.Descriptor{MediaType: image.Target.MediaType, Digest: image.Target.Digest, Size: image.Target.Size}, nil
}

// ResolveTag implements [ociregistry.Reader].
func (b *Backend) ResolveTag(ctx context.Context, repo, tag string) (ociregistry.Descriptor, error) {
	return b.record(ctx, tagName(repo, tag))
}

// ResolveManifest implements [ociregistry.Reader].
func (b *Backend) ResolveManifest(ctx context.Context, repo string, d ociregistry.Digest) (ociregistry.Descriptor, error) {
	return b.record(ctx, digestName(repo, d))
}

// ResolveBlob implements [ociregistry.Reader].
func (b *Backend) ResolveBlob(ctx context.Context, _ string, d ociregistry.Digest) (ociregistry.Descriptor, error) {
	if err := digest.Digest(d).Validate(); err != nil {
		return ociregistry.Descriptor{}, ociregistry.ErrDigestInvalid
	}
	info, err := b.parts.Blobs.Info(in(ctx), digest.Digest(d))
	if errdefs.IsNotFound(err) {
		return ociregistry.Descriptor{}, ociregistry.ErrBlobUnknown
	}
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	return ociregistry.Descriptor{MediaType: "application/octet-stream", Digest: info.Digest, Size: info.Size}, nil
}

// GetTag implements [ociregistry.Reader].
func (b *Backend) GetTag(ctx context.Context, repo, tag string) (ociregistry.BlobReader, error) {
	desc, err := b.ResolveTag(ctx, repo, tag)
	if err != nil {
		return nil, err
	}
	return b.open(ctx, desc, 0, -1)
}

// GetManifest implements [ociregistry.Reader].
func (b *Backend) GetManifest(ctx context.Context, repo string, d ociregistry.Digest) (ociregistry.BlobReader, error) {
	desc, err := b.ResolveManifest(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	return b.open(ctx, desc, 0, -1)
}

// GetBlob implements [ociregistry.Reader].
func (b *Backend) GetBlob(ctx context.Context, repo string, d ociregistry.Digest) (ociregistry.BlobReader, error) {
	return b.GetBlobRange(ctx, repo, d, 0, -1)
}

// GetBlobRange implements [ociregistry.Reader].
func (b *Backend) GetBlobRange(ctx context.Context, repo string, d ociregistry.Digest, from, to int64) (ociregistry.BlobReader, error) {
	desc, err := b.ResolveBlob(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	return b.open(ctx, desc, from, to)
}

// reader is a blob, or a range of one, that is being read.
type reader struct {
	io.Reader
	io.Closer
	desc ociregistry.Descriptor
}

func (r reader) Descriptor() ociregistry.Descriptor { return r.desc }

// readAhead is how much one request to containerd asks for.
const readAhead = 1 << 20

func (b *Backend) open(ctx context.Context, desc ociregistry.Descriptor, from, to int64) (ociregistry.BlobReader, error) {
	if to < 0 || to > desc.Size {
		to = desc.Size
	}
	if from < 0 || from > to {
		return nil, ociregistry.ErrRangeInvalid
	}
	blob, err := b.parts.Blobs.ReaderAt(in(ctx), desc)
	if errdefs.IsNotFound(err) {
		return nil, ociregistry.ErrBlobUnknown
	}
	if err != nil {
		return nil, err
	}
	section := bufio.NewReaderSize(io.NewSectionReader(blob, from, to-from), readAhead)
	return reader{Reader: section, Closer: blob, desc: desc}, nil
}

// records lists the records in the order of their names.
func (b *Backend) records(ctx context.Context) ([]images.Image, error) {
	all, err := b.parts.Images.List(in(ctx))
	slices.SortFunc(all, func(a, b images.Image) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// Repositories implements [ociregistry.Lister].
func (b *Backend) Repositories(ctx context.Context, after string) iter.Seq2[string, error] {
	all, err := b.records(ctx)
	var names []string
	for _, image := range all {
		repo, _, _ := repoOf(image.Name)
		names = append(names, repo)
	}
	slices.Sort(names)
	return sequence(slices.Compact(names), after, err)
}

// Tags implements [ociregistry.Lister].
func (b *Backend) Tags(ctx context.Context, repo, after string) iter.Seq2[string, error] {
	all, err := b.records(ctx)
	var tags []string
	known := false
	for _, image := range all {
		name, tag, isTag := repoOf(image.Name)
		if name != repo {
			continue
		}
		known = true
		if isTag {
			tags = append(tags, tag)
		}
	}
	if err == nil && !known {
		err = ociregistry.ErrNameUnknown
	}
	slices.Sort(tags)
	return sequence(tags, after, err)
}

// sequence yields what of names comes after after, or err.
func sequence(names []string, after string, err error) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err != nil {
			yield("", err)
			return
		}
		for _, n := range names {
			if n > after && !yield(n, nil) {
				return
			}
		}
	}
}

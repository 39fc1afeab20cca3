package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// LargestManifest bounds a manifest; the specification asks for at least this.
const LargestManifest = 4 << 20

// subject is the label of a record whose manifest refers to another.
const subject = "garboard.dev/subject"

// document is what manifests and indexes of every kind have of interest.
type document struct {
	MediaType    string               `json:"mediaType"`
	ArtifactType string               `json:"artifactType"`
	Config       *ocispec.Descriptor  `json:"config"`
	Layers       []ocispec.Descriptor `json:"layers"`
	Blobs        []ocispec.Descriptor `json:"blobs"`
	Manifests    []ocispec.Descriptor `json:"manifests"`
	Subject      *ocispec.Descriptor  `json:"subject"`
	Annotations  map[string]string    `json:"annotations"`
}

func parseManifest(text []byte, mediaType string) (document, error) {
	var d document
	if len(text) > LargestManifest {
		return d, fmt.Errorf("it has %d bytes, at most %d are taken", len(text), LargestManifest)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, err
	}
	if d.MediaType != "" && d.MediaType != mediaType {
		return d, fmt.Errorf("it says that it is %q, the request says %q", d.MediaType, mediaType)
	}
	for _, child := range d.children() {
		if err := child.Digest.Validate(); err != nil || child.Size < 0 {
			return d, fmt.Errorf("it names a blob by %q and %d bytes", child.Digest, child.Size)
		}
	}
	if d.Subject != nil {
		if err := d.Subject.Digest.Validate(); err != nil {
			return d, fmt.Errorf("its subject has the digest %q", d.Subject.Digest)
		}
	}
	return d, nil
}

func (d document) children() []ocispec.Descriptor {
	var out []ocispec.Descriptor
	if d.Config != nil {
		out = append(out, *d.Config)
	}
	return append(append(append(out, d.Layers...), d.Blobs...), d.Manifests...)
}

// PushManifest implements [ociregistry.Writer].
func (b *Backend) PushManifest(ctx context.Context, repo, tag string, text []byte, mediaType string) (ociregistry.Descriptor, error) {
	if err := b.room(); err != nil {
		return ociregistry.Descriptor{}, err
	}
	doc, err := parseManifest(text, mediaType)
	if err != nil {
		return ociregistry.Descriptor{}, errors.Join(ociregistry.ErrManifestInvalid, err)
	}
	desc := ociregistry.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(text), Size: int64(len(text))}
	labels, err := b.references(ctx, doc)
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	id := newID()
	ctx, err = b.lease(ctx, id)
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	err = content.WriteBlob(ctx, b.parts.Blobs, ingestOf(id), bytes.NewReader(text), desc, content.WithLabels(labels))
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	// Where another namespace had the manifest its labels are not ours yet.
	if _, err := b.parts.Blobs.Update(ctx, content.Info{Digest: desc.Digest, Labels: labels}, labelFields(labels)...); err != nil {
		return ociregistry.Descriptor{}, err
	}
	record := images.Image{Name: digestName(repo, ociregistry.Digest(desc.Digest)), Target: desc}
	if doc.Subject != nil {
		record.Labels = map[string]string{subject: doc.Subject.Digest.String()}
	}
	if err := b.put(ctx, record); err != nil {
		return ociregistry.Descriptor{}, err
	}
	if tag != "" {
		if err := b.put(ctx, images.Image{Name: tagName(repo, tag), Target: desc}); err != nil {
			return ociregistry.Descriptor{}, err
		}
	}
	return desc, b.release(ctx, leaseOf(id))
}

// references are the labels by which containerd's garbage collector sees what
// a manifest names. What a manifest names must be here, except the manifests
// of an index: a client may push but one platform of it.
func (b *Backend) references(ctx context.Context, doc document) (map[string]string, error) {
	labels := map[string]string{}
	required := len(doc.children()) - len(doc.Manifests)
	for i, child := range doc.children() {
		_, err := b.parts.Blobs.Info(in(ctx), child.Digest)
		switch {
		case errdefs.IsNotFound(err) && i < required && len(child.URLs) == 0:
			return nil, ociregistry.ErrManifestBlobUnknown
		case err != nil && !errdefs.IsNotFound(err):
			return nil, err
		}
		labels[fmt.Sprintf("containerd.io/gc.ref.content.%d", i)] = child.Digest.String()
	}
	return labels, nil
}

func labelFields(labels map[string]string) []string {
	var out []string
	for name := range labels {
		out = append(out, "labels."+name)
	}
	return out
}

func (b *Backend) put(ctx context.Context, image images.Image) error {
	_, err := b.parts.Images.Update(ctx, image, "target", "labels")
	if errdefs.IsNotFound(err) {
		_, err = b.parts.Images.Create(ctx, image)
	}
	return err
}

// Referrers implements [ociregistry.Lister].
func (b *Backend) Referrers(ctx context.Context, repo string, d ociregistry.Digest, artifactType string) iter.Seq2[ociregistry.Descriptor, error] {
	return func(yield func(ociregistry.Descriptor, error) bool) {
		found, err := b.parts.Images.List(in(ctx), fmt.Sprintf("labels.%q==%s", subject, d))
		if err != nil {
			yield(ociregistry.Descriptor{}, err)
			return
		}
		for _, image := range found {
			if name, _, isTag := repoOf(image.Name); isTag || name != repo {
				continue
			}
			desc, err := b.referrer(ctx, image.Target)
			if err == nil && artifactType != "" && desc.ArtifactType != artifactType {
				continue
			}
			if !yield(desc, err) {
				return
			}
		}
	}
}

// referrer describes a manifest as the list of referrers shows it.
func (b *Backend) referrer(ctx context.Context, desc ocispec.Descriptor) (ociregistry.Descriptor, error) {
	text, err := content.ReadBlob(in(ctx), b.parts.Blobs, desc)
	if err != nil {
		return desc, err
	}
	doc, err := parseManifest(text, desc.MediaType)
	if err != nil {
		return desc, err
	}
	desc.ArtifactType, desc.Annotations = doc.ArtifactType, doc.Annotations
	if desc.ArtifactType == "" && doc.Config != nil {
		desc.ArtifactType = doc.Config.MediaType
	}
	return desc, nil
}

// DeleteTag implements [ociregistry.Deleter]: the manifest stays.
func (b *Backend) DeleteTag(ctx context.Context, repo, tag string) error {
	err := b.parts.Images.Delete(in(ctx), tagName(repo, tag))
	if errdefs.IsNotFound(err) {
		return ociregistry.ErrManifestUnknown
	}
	return err
}

// DeleteManifest implements [ociregistry.Deleter]: the tags that point to the
// manifest go with it, and in time what only it named.
func (b *Backend) DeleteManifest(ctx context.Context, repo string, d ociregistry.Digest) error {
	if _, err := b.ResolveManifest(ctx, repo, d); err != nil {
		return err
	}
	all, err := b.records(ctx)
	if err != nil {
		return err
	}
	for _, image := range all {
		name, _, isTag := repoOf(image.Name)
		if !isTag || name != repo || string(image.Target.Digest) != string(d) {
			continue
		}
		if err := b.parts.Images.Delete(in(ctx), image.Name); err != nil && !errdefs.IsNotFound(err) {
			return err
		}
	}
	return b.parts.Images.Delete(in(ctx), digestName(repo, d))
}

// DeleteBlob implements [ociregistry.Deleter]. A blob that a manifest names is
// refused: it is the manifest that has to go.
func (b *Backend) DeleteBlob(ctx context.Context, repo string, d ociregistry.Digest) error {
	if _, err := b.ResolveBlob(ctx, repo, d); err != nil {
		return err
	}
	used, err := b.used(ctx, digest.Digest(d))
	if err != nil {
		return err
	}
	if used {
		return ociregistry.NewHTTPError(fmt.Errorf("%w: a manifest names the blob", ociregistry.ErrDenied), 405, nil, nil)
	}
	return b.parts.Blobs.Delete(in(ctx), digest.Digest(d))
}

// used says whether a manifest names the blob d, or is it.
func (b *Backend) used(ctx context.Context, d digest.Digest) (bool, error) {
	all, err := b.records(ctx)
	if err != nil {
		return false, err
	}
	for _, image := range all {
		if image.Target.Digest == d {
			return true, nil
		}
		info, err := b.parts.Blobs.Info(in(ctx), image.Target.Digest)
		if err != nil {
			return false, err
		}
		for _, named := range info.Labels {
			if named == d.String() {
				return true, nil
			}
		}
	}
	return false, nil
}

// Package archive writes container images as archives: an OCI image layout in
// a tar file, which also carries the manifest.json that `docker load` reads.
// The same input gives the same bytes.
//
// The format is that of the OCI image specification 1.1, image-layout.md.
package archive

import (
	"archive/tar"
	"bytes"
	_ "crypto/sha256" // what digest.Canonical stands on
	"encoding/json"
	"fmt"
	"io"
	"path"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Layer is one layer of an image whose digests are known before it is read.
type Layer struct {
	MediaType string        // as ocispec.MediaTypeImageLayerZstd
	Digest    digest.Digest // of the bytes that Open gives
	DiffID    digest.Digest // of the uncompressed tar
	Size      int64         // of the bytes that Open gives
	Open      func() (io.ReadCloser, error)
}

// Image is what Write writes.
type Image struct {
	References  []string // full names, as "docker.io/library/debian:12"; may be empty
	Platform    ocispec.Platform
	Created     time.Time
	Config      ocispec.ImageConfig
	CreatedBy   string            // what the image's history says of its layers
	Annotations map[string]string // of the manifest
	Layers      []Layer
}

// file is one regular file of the archive.
type file struct {
	name string
	size int64
	open func() (io.ReadCloser, error)
}

// Manifest returns the image's configuration and manifest as they are stored,
// and the manifest's descriptor.
func (i Image) Manifest() (config, manifest []byte, descriptor ocispec.Descriptor, err error) {
	created := i.Created.UTC()
	image := ocispec.Image{
		Created:  &created,
		Platform: i.Platform,
		Config:   i.Config,
		RootFS:   ocispec.RootFS{Type: "layers"},
	}
	m := ocispec.Manifest{
		Versioned:   specs.Versioned{SchemaVersion: 2},
		MediaType:   ocispec.MediaTypeImageManifest,
		Annotations: i.Annotations,
	}
	for _, l := range i.Layers {
		image.RootFS.DiffIDs = append(image.RootFS.DiffIDs, l.DiffID)
		image.History = append(image.History, ocispec.History{Created: &created, CreatedBy: i.CreatedBy})
		m.Layers = append(m.Layers, ocispec.Descriptor{MediaType: l.MediaType, Digest: l.Digest, Size: l.Size})
	}
	if config, err = json.Marshal(image); err != nil {
		return nil, nil, ocispec.Descriptor{}, fmt.Errorf("encode the image configuration: %w", err)
	}
	m.Config = describe(ocispec.MediaTypeImageConfig, config)
	if manifest, err = json.Marshal(m); err != nil {
		return nil, nil, ocispec.Descriptor{}, fmt.Errorf("encode the image manifest: %w", err)
	}
	return config, manifest, describe(ocispec.MediaTypeImageManifest, manifest), nil
}

func describe(mediaType string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

// Write writes image to w as an archive and returns its manifest's digest.
func Write(w io.Writer, image Image) (digest.Digest, error) {
	config, manifest, descriptor, err := image.Manifest()
	if err != nil {
		return "", err
	}
	platform := image.Platform
	descriptor.Platform = &platform
	index, err := json.Marshal(indexOf(descriptor, image.References))
	if err != nil {
		return "", fmt.Errorf("encode the image index: %w", err)
	}
	docker, err := json.Marshal(dockerManifest(digest.FromBytes(config), image))
	if err != nil {
		return "", fmt.Errorf("encode manifest.json: %w", err)
	}
	files := []file{inMemory(ocispec.ImageLayoutFile, []byte(`{"imageLayoutVersion":"1.0.0"}`))}
	for _, l := range image.Layers {
		files = append(files, file{blobPath(l.Digest), l.Size, l.Open})
	}
	files = append(files,
		inMemory(blobPath(digest.FromBytes(config)), config),
		inMemory(blobPath(descriptor.Digest), manifest),
		inMemory(ocispec.ImageIndexFile, index),
		inMemory("manifest.json", docker))
	if err := writeTar(w, files, image.Created.UTC()); err != nil {
		return "", err
	}
	return descriptor.Digest, nil
}

// imageName is the annotation by which containerd's import names an image.
const imageName = "io.containerd.image.name"

func indexOf(descriptor ocispec.Descriptor, references []string) ocispec.Index {
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	if len(references) == 0 {
		index.Manifests = []ocispec.Descriptor{descriptor}
	}
	for _, reference := range references {
		named := descriptor
		named.Annotations = map[string]string{imageName: reference, ocispec.AnnotationRefName: reference}
		index.Manifests = append(index.Manifests, named)
	}
	return index
}

// dockerImage is one entry of manifest.json, as `docker save` writes it.
type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

func dockerManifest(config digest.Digest, image Image) []dockerImage {
	entry := dockerImage{Config: blobPath(config), RepoTags: image.References}
	for _, l := range image.Layers {
		entry.Layers = append(entry.Layers, blobPath(l.Digest))
	}
	return []dockerImage{entry}
}

func blobPath(d digest.Digest) string {
	return path.Join(ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

func inMemory(name string, content []byte) file {
	return file{name, int64(len(content)), func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
}

// writeTar writes each file once, though two layers may be the same blob.
func writeTar(w io.Writer, files []file, modified time.Time) error {
	out := tar.NewWriter(w)
	written := map[string]bool{}
	for _, f := range files {
		if written[f.name] {
			continue
		}
		written[f.name] = true
		if err := writeFile(out, f, modified); err != nil {
			return fmt.Errorf("write %s to the archive: %w", f.name, err)
		}
	}
	return out.Close()
}

func writeFile(out *tar.Writer, f file, modified time.Time) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Mode: 0o644, Size: f.size, ModTime: modified, Format: tar.FormatUSTAR}
	if f.size > 8<<30-1 { // USTAR's field has 11 octal digits
		header.Format = tar.FormatPAX
	}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	in, err := f.open()
	if err != nil {
		return err
	}
	defer in.Close()
	copied, err := io.Copy(out, in)
	if err == nil && copied != f.size {
		err = fmt.Errorf("has %d bytes instead of %d", copied, f.size)
	}
	return err
}

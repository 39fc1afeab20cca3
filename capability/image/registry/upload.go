package registry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/errdefs"
	"github.com/opencontainers/go-digest"
)

// orphanLife is how long a blob, or a part of one, is kept that no manifest
// names: pushes send the blobs first.
const orphanLife = 24 * time.Hour

// LargestBlob bounds one blob.
const LargestBlob = 64 << 30

// chunk is how much is handed to containerd at once.
const chunk = 1 << 20

// An upload's id is random. It names both the ingest in the content store and
// the lease that keeps the blob alive until a manifest does.
var uploadID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func leaseOf(id string) string  { return "upload-" + id }
func ingestOf(id string) string { return "registry-" + id }

// lease makes the lease for an upload; ctx carries it.
func (b *Backend) lease(ctx context.Context, id string) (context.Context, error) {
	ctx = in(ctx)
	_, err := b.parts.Leases.Create(ctx, leases.WithID(leaseOf(id)), leases.WithExpiration(orphanLife))
	if err != nil && !errdefs.IsAlreadyExists(err) {
		return nil, err
	}
	return leases.WithLease(ctx, leaseOf(id)), nil
}

func newID() string {
	var raw [16]byte
	rand.Read(raw[:]) // never fails (crypto/rand)
	return hex.EncodeToString(raw[:])
}

// PushBlob implements [ociregistry.Writer].
func (b *Backend) PushBlob(ctx context.Context, repo string, desc ociregistry.Descriptor, r io.Reader) (ociregistry.Descriptor, error) {
	w, err := b.PushBlobChunked(ctx, repo, 0)
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	defer w.Close()
	if _, err := io.Copy(w, r); err != nil {
		return ociregistry.Descriptor{}, errors.Join(err, w.Cancel())
	}
	if desc.Size >= 0 && w.Size() != desc.Size {
		return ociregistry.Descriptor{}, errors.Join(ociregistry.ErrSizeInvalid, w.Cancel())
	}
	return w.Commit(ociregistry.Digest(desc.Digest))
}

// PushBlobChunked implements [ociregistry.Writer].
func (b *Backend) PushBlobChunked(ctx context.Context, _ string, _ int) (ociregistry.BlobWriter, error) {
	if err := b.room(); err != nil {
		return nil, err
	}
	return b.upload(ctx, newID())
}

// PushBlobChunkedResume implements [ociregistry.Writer]. An offset of 0 also
// stands for a client that gave none.
func (b *Backend) PushBlobChunkedResume(ctx context.Context, _, id string, offset int64, _ int) (ociregistry.BlobWriter, error) {
	if !uploadID.MatchString(id) {
		return nil, ociregistry.ErrBlobUploadUnknown
	}
	if _, err := b.parts.Blobs.Status(in(ctx), ingestOf(id)); errdefs.IsNotFound(err) {
		return nil, ociregistry.ErrBlobUploadUnknown
	}
	if err := b.room(); err != nil {
		return nil, err
	}
	w, err := b.upload(ctx, id)
	if err != nil {
		return nil, err
	}
	if offset > 0 && offset != w.size {
		return nil, errors.Join(ociregistry.ErrRangeInvalid, w.Close())
	}
	w.mustBegin = offset == 0
	return w, nil
}

func (b *Backend) upload(ctx context.Context, id string) (*upload, error) {
	ctx, err := b.lease(ctx, id)
	if err != nil {
		return nil, err
	}
	w, err := b.writer(ctx, ingestOf(id))
	if err != nil {
		return nil, err
	}
	status, err := w.Status()
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return &upload{Writer: w, backend: b, ctx: ctx, id: id, size: status.Offset}, nil
}

// patience is how long a request waits for the one before it to let go of the
// upload: containerd hears of its end a little after the client does.
const patience = 5 * time.Second

func (b *Backend) writer(ctx context.Context, ref string) (content.Writer, error) {
	for waited := time.Millisecond; ; waited *= 2 {
		w, err := b.parts.Blobs.Writer(ctx, content.WithRef(ref))
		switch {
		case !errdefs.IsUnavailable(err):
			return w, err
		case waited > patience: // another client writes to it
			return nil, ociregistry.ErrBlobUploadInvalid
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(waited):
		}
	}
}

// upload is a blob that is being written. It lives as long as one request; the
// ingest behind it lives on.
type upload struct {
	content.Writer
	backend   *Backend
	ctx       context.Context // of the request, with namespace and lease
	id        string
	size      int64
	mustBegin bool // the next bytes must be the blob's first
}

// Write implements io.Writer.
func (u *upload) Write(p []byte) (int, error) {
	if u.mustBegin && u.size > 0 && len(p) > 0 {
		return 0, ociregistry.ErrRangeInvalid
	}
	if u.size+int64(len(p)) > LargestBlob {
		return 0, ociregistry.ErrSizeInvalid
	}
	n, err := u.Writer.Write(p)
	u.size += int64(n)
	if n > 0 {
		u.mustBegin = false
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom: each write is a request to containerd, so
// it makes few, and looks in between whether the disk still has room.
func (u *upload) ReadFrom(r io.Reader) (total int64, err error) {
	buffer := make([]byte, chunk)
	for {
		n, readErr := io.ReadFull(r, buffer)
		if n > 0 {
			if err := u.backend.room(); err != nil {
				return total, err
			}
			written, err := u.Write(buffer[:n])
			total += int64(written)
			if err != nil {
				return total, err
			}
		}
		switch {
		case errors.Is(readErr, io.EOF), errors.Is(readErr, io.ErrUnexpectedEOF):
			return total, nil
		case readErr != nil:
			return total, readErr
		}
	}
}

func (u *upload) Size() int64    { return u.size }
func (u *upload) ChunkSize() int { return 0 }
func (u *upload) ID() string     { return u.id }

// Commit implements [ociregistry.BlobWriter].
func (u *upload) Commit(d ociregistry.Digest) (ociregistry.Descriptor, error) {
	if err := digest.Digest(d).Validate(); err != nil {
		return ociregistry.Descriptor{}, ociregistry.ErrDigestInvalid
	}
	err := u.Writer.Commit(u.ctx, u.size, digest.Digest(d))
	switch {
	case errdefs.IsAlreadyExists(err): // the same blob, whole: the lease is to hold it too
		if err := u.backend.hold(u.ctx, u.id, d); err != nil {
			return ociregistry.Descriptor{}, err
		}
	case errdefs.IsFailedPrecondition(err): // its digest is another
		return ociregistry.Descriptor{}, errors.Join(ociregistry.ErrDigestInvalid, u.Cancel())
	case err != nil:
		return ociregistry.Descriptor{}, err
	}
	return ociregistry.Descriptor{MediaType: "application/octet-stream", Digest: digest.Digest(d), Size: u.size}, nil
}

// Cancel implements [ociregistry.BlobWriter].
func (u *upload) Cancel() error {
	ctx := context.WithoutCancel(u.ctx)
	err := errors.Join(u.Close(), u.backend.parts.Blobs.Abort(ctx, ingestOf(u.id)))
	if errdefs.IsNotFound(err) {
		err = nil
	}
	return errors.Join(err, u.backend.release(ctx, leaseOf(u.id)))
}

// hold makes the lease of an upload keep the blob d.
func (b *Backend) hold(ctx context.Context, id string, d ociregistry.Digest) error {
	return b.parts.Leases.AddResource(ctx, leases.Lease{ID: leaseOf(id)}, leases.Resource{ID: string(d), Type: "content"})
}

func (b *Backend) release(ctx context.Context, lease string) error {
	err := b.parts.Leases.Delete(ctx, leases.Lease{ID: lease})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// MountBlob implements [ociregistry.Writer]. A blob is the whole registry's, so
// it is only kept from the garbage collector for the manifest to come.
func (b *Backend) MountBlob(ctx context.Context, from, _ string, d ociregistry.Digest) (ociregistry.Descriptor, error) {
	desc, err := b.ResolveBlob(ctx, from, d)
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	id := newID()
	ctx, err = b.lease(ctx, id)
	if err != nil {
		return ociregistry.Descriptor{}, err
	}
	return desc, b.hold(ctx, id, d)
}

// Package store is the platform's image store: containerd's, in the namespace
// that the kubelet uses. What is put there can run at once; what builds make
// comes there by reference, because containerd's namespaces share content.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"

	"garboard.dev/garboard/capability/image/registry"
	"garboard.dev/garboard/fault"
)

// The namespaces of containerd that are used.
const (
	Cluster = "k8s.io"   // what the kubelet sees
	Builds  = "buildkit" // what BuildKit works in: the kubelet kills containers that it finds in its own
)

// Snapshotter unpacks images.
const Snapshotter = "overlayfs"

// Store is containerd's image store in one namespace.
type Store struct {
	client    *client.Client
	namespace string
}

// noPlatform is the hint where containerd does not answer.
const noPlatform = "start the platform with: garboard up"

// Open connects to the containerd whose socket is at path. The error is
// Unavailable where nothing listens there, Denied where this user may not.
func Open(path string) (*Store, error) {
	conn, err := net.DialTimeout("unix", path, 5*time.Second)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.New(fault.Denied, "open the image store", "run it as root", "%w", err)
	case err != nil:
		return nil, fault.New(fault.Unavailable, "open the image store", noPlatform, "the platform does not run here (%w)", err)
	}
	conn.Close()
	params := grpc.ConnectParams{Backoff: backoff.DefaultConfig}
	params.Backoff.MaxDelay = 3 * time.Second
	c, err := client.New(path, client.WithDialOpts([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithConnectParams(params),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}),
	}))
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "open the image store", noPlatform)
	}
	return &Store{client: c, namespace: Cluster}, nil
}

// Close ends the connection.
func (s *Store) Close() error { return s.client.Close() }

// Containerd returns the parts that the registry stands on.
func (s *Store) Containerd() registry.Containerd {
	return registry.Containerd{Blobs: s.client.ContentStore(), Images: s.client.ImageService(), Leases: s.client.LeasesService()}
}

// in is ctx for the store's namespace.
func (s *Store) in(ctx context.Context) context.Context {
	return namespaces.WithNamespace(ctx, s.namespace)
}

// other is the same containerd in another namespace.
func (s *Store) other(namespace string) *Store { return &Store{client: s.client, namespace: namespace} }

// Normalize returns the full form of an image's name: "debian" becomes
// "docker.io/library/debian:latest", as every container tool reads it.
func Normalize(name string) (string, error) {
	ref, err := reference.ParseDockerRef(name)
	if err != nil {
		return "", fault.Usage("write it as [HOST[:PORT]/]NAME[:TAG], in lower case", "%q is no image name: %v", name, err)
	}
	return ref.String(), nil
}

// Familiar is the short form of a full name, as people write it.
func Familiar(name string) string {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return reference.FamiliarString(ref)
}

// Find returns the image called name, which may also be the beginning of its
// digest. The error is NotFound where there is none, with the tags that exist.
func (s *Store) Find(ctx context.Context, name string) (images.Image, error) {
	ctx = s.in(ctx)
	if full, err := Normalize(name); err == nil {
		image, err := s.client.ImageService().Get(ctx, full)
		if err == nil {
			return image, nil
		}
		if !errdefs.IsNotFound(err) {
			return images.Image{}, fault.Wrap(err, fault.Unavailable, "read the image "+name, noPlatform)
		}
	}
	all, err := s.client.ImageService().List(ctx)
	if err != nil {
		return images.Image{}, fault.Wrap(err, fault.Unavailable, "list the images", noPlatform)
	}
	return findByDigest(all, name)
}

// shortest is how many digits of a digest name an image.
const shortest = 6

func findByDigest(all []images.Image, name string) (images.Image, error) {
	prefix := strings.TrimPrefix(name, "sha256:")
	matches := map[string]images.Image{}
	for _, i := range all {
		if len(prefix) >= shortest && strings.HasPrefix(i.Target.Digest.Encoded(), prefix) && !internal(i.Name) {
			matches[i.Target.Digest.String()] = i
		}
	}
	switch len(matches) {
	case 1:
		for _, i := range matches {
			return i, nil
		}
	case 0:
		return images.Image{}, unknown(all, name)
	}
	return images.Image{}, fault.New(fault.Conflict, "find the image "+name, "give more digits of its digest", "%d images begin with it", len(matches))
}

// unknown is the error for a name that no image has; it tells a wrong tag from
// a wrong name.
func unknown(all []images.Image, name string) error {
	if full, err := Normalize(name); err == nil {
		if tags := tagsOf(all, full); len(tags) > 0 {
			return fault.New(fault.NotFound, "find the image "+name, "its tags are: "+strings.Join(tags, ", "), "%s has no such tag", repository(Familiar(full)))
		}
	}
	return fault.New(fault.NotFound, "find the image "+name, "garboard image ls lists what there is; garboard image pull fetches one", "no image has this name")
}

func tagsOf(all []images.Image, full string) []string {
	var tags []string
	for _, i := range all {
		if name, tag, ok := split(i.Name); ok && name == repository(full) {
			tags = append(tags, tag)
		}
	}
	return tags
}

// split parts a full name in repository and tag; ok is false where it has no tag.
func split(full string) (name, tag string, ok bool) {
	ref, err := reference.ParseNormalizedNamed(full)
	if err != nil {
		return "", "", false
	}
	tagged, ok := ref.(reference.Tagged)
	if !ok {
		return ref.Name(), "", false
	}
	return ref.Name(), tagged.Tag(), true
}

func repository(full string) string {
	if at := strings.IndexByte(full, '@'); at >= 0 {
		full = full[:at]
	}
	if colon := strings.LastIndexByte(full, ':'); colon > strings.LastIndexByte(full, '/') {
		full = full[:colon]
	}
	return full
}

// internal says whether name is one of the kubelet's own: it calls every image
// also by its configuration's digest.
func internal(name string) bool { return strings.HasPrefix(name, "sha256:") }

// lease keeps new content from the garbage collector until it is named; call
// what is returned when it is.
func (s *Store) lease(ctx context.Context) (context.Context, func(), error) {
	l, err := s.client.LeasesService().Create(ctx, leases.WithRandomID(), leases.WithExpiration(24*time.Hour))
	if err != nil {
		return nil, nil, fmt.Errorf("take a lease: %w", err)
	}
	release := func() {
		// Also where ctx has ended. A lease that stays, because containerd does not
		// answer, ends by itself after a day.
		_ = s.client.LeasesService().Delete(context.WithoutCancel(ctx), l)
	}
	return leases.WithLease(ctx, l.ID), release, nil
}

// put writes the record i, whether one of its name exists or not.
func (s *Store) put(ctx context.Context, i images.Image) error {
	_, err := s.client.ImageService().Update(ctx, i, "target", "labels")
	if errdefs.IsNotFound(err) {
		_, err = s.client.ImageService().Create(ctx, i)
	}
	if err != nil {
		return fmt.Errorf("name the image %s: %w", i.Name, err)
	}
	return nil
}

package store

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"garboard.dev/garboard/capability/image/enginetest"
	"garboard.dev/garboard/capability/image/single"
	"garboard.dev/garboard/fault"
)

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"debian": "docker.io/library/debian:latest", "debian:12": "docker.io/library/debian:12",
		"a.example:5000/b/c": "a.example:5000/b/c:latest",
	} {
		full, err := Normalize(name)
		if err != nil || full != want {
			t.Errorf("%s: %q, %v", name, full, err)
		}
	}
	for _, name := range []string{"", "Upper", "a b", "-x", "a:b:c"} {
		if _, err := Normalize(name); fault.KindOf(err) != fault.Misuse {
			t.Errorf("%q: %v", name, err)
		}
	}
	for full, want := range map[string]string{"a.example:5000/b:1": "a.example:5000/b", "a.example:5000/b": "a.example:5000/b", "b:1": "b", "b@sha256:00": "b"} {
		if got := repository(full); got != want {
			t.Errorf("the repository of %s is %q", full, got)
		}
	}
}

func TestFindingByDigest(t *testing.T) {
	t.Parallel()
	image := func(name, content string) images.Image {
		return images.Image{Name: name, Target: ocispec.Descriptor{Digest: digest.FromString(content)}}
	}
	all := []images.Image{image("docker.io/library/a:1", "a"), image("docker.io/library/a:2", "a"), image("docker.io/library/b:1", "b"), image("sha256:0", "c")}
	hex := digest.FromString("a").Encoded()
	if found, err := findByDigest(all, hex[:12]); err != nil || found.Target.Digest.Encoded() != hex {
		t.Errorf("%v, %v", found, err)
	}
	_, err := findByDigest(all, "a:3")
	if fault.KindOf(err) != fault.NotFound || fault.Hint(err) != "its tags are: 1, 2" {
		t.Errorf("%v (%s)", err, fault.Hint(err))
	}
	if _, err := findByDigest(all, hex[:shortest-1]); fault.KindOf(err) != fault.NotFound {
		t.Errorf("too few digits: %v", err)
	}
}

func TestWithoutAPlatform(t *testing.T) {
	t.Parallel()
	if _, err := Open(filepath.Join(t.TempDir(), "none.sock")); fault.KindOf(err) != fault.Unavailable || fault.Hint(err) != noPlatform {
		t.Errorf("%v", err)
	}
}

func containerd(t *testing.T) *Store {
	t.Helper()
	s, err := Open(enginetest.Containerd(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func load(t *testing.T, s *Store, name, content string) {
	t.Helper()
	var archive bytes.Buffer
	if err := single.Archive(&archive, name, []single.File{{Path: "/file", Mode: 0o644, Content: []byte(content)}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), &archive, nil); err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, s *Store) map[string]Entry {
	t.Helper()
	entries, err := s.List(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]Entry{}
	for _, e := range entries {
		out[e.Name] = e
	}
	return out
}

func TestStoreOverContainerd(t *testing.T) {
	t.Parallel()
	s := containerd(t)
	load(t, s, "docker.io/library/one:1", "content one")
	load(t, s, "docker.io/library/two:1", "content two")
	if _, err := s.Tag(t.Context(), "one:1", "one:again"); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, s); len(got) != 3 || got["one:again"].Digest != got["one:1"].Digest || got["one:1"].Unique == 0 || got["one:1"].Unique > got["one:1"].Size {
		t.Errorf("%+v", got)
	}
	var saved bytes.Buffer
	if err := s.Export(t.Context(), &saved, []string{"one:1", "two:1"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one:1", "one:again", "two:1"} {
		if _, err := s.Remove(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if got := listed(t, s); len(got) != 0 {
		t.Errorf("after the removal there are %+v", got)
	}
	names, err := s.Import(t.Context(), &saved, nil)
	if err != nil || len(names) != 2 {
		t.Errorf("loaded %v, %v", names, err)
	}
	if _, err := s.Import(t.Context(), bytes.NewReader([]byte("no archive")), nil); fault.KindOf(err) != fault.Misuse {
		t.Errorf("no archive: %v", err)
	}
}

// TestContentChangesNamespaceByReference is the claim of decision 10: what a
// build makes is there for pods without a copy, and stays when the build's
// namespace forgets it.
func TestContentChangesNamespaceByReference(t *testing.T) {
	t.Parallel()
	s := containerd(t)
	load(t, s, "docker.io/library/base:1", "the base")
	if err := s.OfferToBuilds(t.Context()); err != nil {
		t.Fatal(err)
	}
	builds := s.other(Builds)
	offered, err := builds.Find(t.Context(), "base:1")
	if err != nil {
		t.Fatal(err)
	}
	load(t, builds, "docker.io/library/made:1", "what a build made")
	if err := s.TakeFromBuilds(t.Context(), []string{"docker.io/library/made:1"}); err != nil {
		t.Fatal(err)
	}
	made, err := s.Find(t.Context(), "made:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.client.ImageService().Delete(builds.in(t.Context()), "docker.io/library/made:1", images.SynchronousDelete()); err != nil {
		t.Fatal(err)
	}
	if blobs, err := s.blobsOf(s.in(t.Context()), made.Target); err != nil || len(blobs) != 3 {
		t.Errorf("the image has %d blobs left of 3: %v", len(blobs), err)
	}
	if _, err := s.Remove(t.Context(), "base:1"); err != nil {
		t.Fatal(err)
	}
	if _, err := builds.Find(t.Context(), "base:1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%s is still offered to builds: %v", offered.Name, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.OfferToBuilds(ended); err == nil {
		t.Error("a cancelled call went through")
	}
}

package single

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"path"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func members(t *testing.T, in io.Reader) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if out[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

func decode[T any](t *testing.T, text []byte) (out T) {
	t.Helper()
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return out
}

func TestArchiveIsACompleteLayout(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	files := []File{{"/usr/bin/pause", 0o755, []byte("binary")}, {"/etc/motd", 0o644, []byte("hello")}}
	if err := Archive(&out, "example.internal/pause:1", files, []string{"/usr/bin/pause"}); err != nil {
		t.Fatal(err)
	}
	got := members(t, &out)
	blob := func(d digest.Digest) []byte {
		content, ok := got[path.Join("blobs/sha256", d.Encoded())]
		if !ok || digest.FromBytes(content) != d {
			t.Fatalf("blob %s is missing or has another content", d)
		}
		return content
	}
	index := decode[ocispec.Index](t, got["index.json"])
	if name := index.Manifests[0].Annotations["io.containerd.image.name"]; name != "example.internal/pause:1" {
		t.Errorf("image name %q", name)
	}
	manifest := decode[ocispec.Manifest](t, blob(index.Manifests[0].Digest))
	config := decode[ocispec.Image](t, blob(manifest.Config.Digest))
	if diff := cmp.Diff([]string{"/usr/bin/pause"}, config.Config.Entrypoint); diff != "" {
		t.Error(diff)
	}
	if config.RootFS.DiffIDs[0] != manifest.Layers[0].Digest {
		t.Errorf("diff id %s of layer %s", config.RootFS.DiffIDs[0], manifest.Layers[0].Digest)
	}
	layer := members(t, bytes.NewReader(blob(manifest.Layers[0].Digest)))
	want := map[string][]byte{"etc/": {}, "etc/motd": []byte("hello"), "usr/": {}, "usr/bin/": {}, "usr/bin/pause": []byte("binary")}
	if diff := cmp.Diff(want, layer); diff != "" {
		t.Error(diff)
	}
	docker := decode[[]struct{ RepoTags []string }](t, got["manifest.json"])
	if !slices.Equal(docker[0].RepoTags, []string{"example.internal/pause:1"}) {
		t.Errorf("manifest.json names %v", docker[0].RepoTags)
	}
}

func TestArchiveDoesNotDependOnTheOrderOfFiles(t *testing.T) {
	t.Parallel()
	a, b := File{"/a", 0o644, []byte("1")}, File{"/b/c", 0o755, []byte("2")}
	var first, second bytes.Buffer
	if err := Archive(&first, "x/y:1", []File{a, b}, nil); err != nil {
		t.Fatal(err)
	}
	if err := Archive(&second, "x/y:1", []File{b, a}, nil); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two archives of the same files differ")
	}
}

func TestArchiveRefusesFilesThatCollide(t *testing.T) {
	t.Parallel()
	for _, files := range [][]File{
		{{"/a", 0o644, nil}, {"a", 0o644, nil}},
		{{"/", 0o644, nil}},
		{{"/a", 0o644, nil}, {"/a/..", 0o644, nil}},
	} {
		if err := Archive(io.Discard, "x/y:1", files, nil); err == nil {
			t.Errorf("%v was accepted", files)
		}
	}
}

package registry

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"go.etcd.io/bbolt"

	"garboard.dev/garboard/host/disk"
)

// newBackend is a registry over containerd's own metadata and content stores,
// in this process. collect runs containerd's garbage collector.
func newBackend(t *testing.T, room func() error) (b *Backend, collect func()) {
	t.Helper()
	dir := t.TempDir()
	blobs, err := local.NewStore(filepath.Join(dir, "content"))
	if err != nil {
		t.Fatal(err)
	}
	bolt, err := bbolt.Open(filepath.Join(dir, "meta.db"), 0o600, &bbolt.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bolt.Close() })
	db := metadata.NewDB(bolt, blobs, nil)
	if err := db.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	parts := Containerd{Blobs: db.ContentStore(), Images: metadata.NewImageStore(db), Leases: metadata.NewLeaseManager(db)}
	return New(parts, room), func() {
		if _, err := db.GarbageCollect(in(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}

func plenty() error { return nil }

func push(t *testing.T, b *Backend, repo string, content []byte) ociregistry.Descriptor {
	t.Helper()
	desc := ociregistry.Descriptor{Digest: digest.FromBytes(content), Size: int64(len(content))}
	got, err := b.PushBlob(t.Context(), repo, desc, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	got.MediaType = ocispec.MediaTypeImageLayer
	return got
}

func manifestOf(t *testing.T, config, layer ociregistry.Descriptor, subject *ociregistry.Descriptor) []byte {
	t.Helper()
	config.MediaType = ocispec.MediaTypeImageConfig
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: []ocispec.Descriptor{layer}, Subject: subject}
	m.SchemaVersion = 2
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// pushImage pushes an image of one random layer.
func pushImage(t *testing.T, b *Backend, repo, tag string) (manifest, layer ociregistry.Descriptor) {
	t.Helper()
	content := make([]byte, 3<<20)
	rand.Read(content)
	layer = push(t, b, repo, content)
	text := manifestOf(t, push(t, b, repo, []byte("{}")), layer, nil)
	manifest, err := b.PushManifest(t.Context(), repo, tag, text, ocispec.MediaTypeImageManifest)
	if err != nil {
		t.Fatal(err)
	}
	return manifest, layer
}

func collectNames(t *testing.T, seq func(func(string, error) bool)) (out []string) {
	t.Helper()
	for n, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

func TestWhatAManifestNamesSurvivesCollectionAndGoesWithIt(t *testing.T) {
	t.Parallel()
	b, collect := newBackend(t, plenty)
	manifest, layer := pushImage(t, b, "team/app", "1")
	orphan := push(t, b, "team/app", []byte("not yet named by a manifest"))
	collect()
	for _, d := range []ociregistry.Descriptor{layer, orphan} {
		if _, err := b.ResolveBlob(t.Context(), "team/app", ociregistry.Digest(d.Digest)); err != nil {
			t.Errorf("blob %s after a collection: %v", d.Digest, err)
		}
	}
	if err := b.DeleteBlob(t.Context(), "team/app", ociregistry.Digest(layer.Digest)); !errors.Is(err, ociregistry.ErrDenied) {
		t.Errorf("a blob in use was deleted: %v", err)
	}
	if err := b.DeleteManifest(t.Context(), "team/app", ociregistry.Digest(manifest.Digest)); err != nil {
		t.Fatal(err)
	}
	if _, err := b.ResolveTag(t.Context(), "team/app", "1"); !errors.Is(err, ociregistry.ErrManifestUnknown) {
		t.Errorf("the tag outlived its manifest: %v", err)
	}
	if err := b.DeleteBlob(t.Context(), "team/app", ociregistry.Digest(layer.Digest)); err != nil {
		t.Errorf("a blob that nothing names: %v", err)
	}
	if _, err := b.ResolveBlob(t.Context(), "team/app", ociregistry.Digest(layer.Digest)); !errors.Is(err, ociregistry.ErrBlobUnknown) {
		t.Errorf("the blob is still there: %v", err)
	}
}

func TestListings(t *testing.T) {
	t.Parallel()
	b, _ := newBackend(t, plenty)
	for _, name := range []string{"b/two:2", "a:z", "b/two:1", "a:b"} {
		repo, tag, _ := strings.Cut(name, ":")
		pushImage(t, b, repo, tag)
	}
	if diff := cmp.Diff([]string{"a", "b/two"}, collectNames(t, b.Repositories(t.Context(), ""))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b/two"}, collectNames(t, b.Repositories(t.Context(), "a"))); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1", "2"}, collectNames(t, b.Tags(t.Context(), "b/two", ""))); diff != "" {
		t.Error(diff)
	}
	for _, err := range b.Tags(t.Context(), "none", "") {
		if !errors.Is(err, ociregistry.ErrNameUnknown) {
			t.Errorf("tags of an unknown repository: %v", err)
		}
	}
}

func TestUploadInChunks(t *testing.T) {
	t.Parallel()
	b, _ := newBackend(t, plenty)
	content := make([]byte, 5<<20)
	rand.Read(content)
	w, err := b.PushBlobChunked(t.Context(), "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	id := w.ID()
	w.Close()
	for from := 0; from < len(content); from += 2 << 20 {
		part := content[from:min(from+2<<20, len(content))]
		w, err := b.PushBlobChunkedResume(t.Context(), "a", id, int64(from), len(part))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(w, bytes.NewReader(part)); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	if _, err := b.PushBlobChunkedResume(t.Context(), "a", id, 17, 1); !errors.Is(err, ociregistry.ErrRangeInvalid) {
		t.Errorf("a gap was accepted: %v", err)
	}
	w, err = b.PushBlobChunkedResume(t.Context(), "a", id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("again from the start")); !errors.Is(err, ociregistry.ErrRangeInvalid) {
		t.Errorf("a second first chunk was accepted: %v", err)
	}
	want := digest.FromBytes(content)
	if _, err := w.Commit(ociregistry.Digest(want)); err != nil {
		t.Fatal(err)
	}
	r, err := b.GetBlobRange(t.Context(), "a", ociregistry.Digest(want), 1<<20, 3<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, content[1<<20:3<<20]) {
		t.Errorf("the range has %d bytes, %v", len(got), err)
	}
	if _, err := b.PushBlobChunkedResume(t.Context(), "a", "../../etc", 0, 0); !errors.Is(err, ociregistry.ErrBlobUploadUnknown) {
		t.Errorf("an id of another's making: %v", err)
	}
}

func TestWrongContentIsRefused(t *testing.T) {
	t.Parallel()
	b, _ := newBackend(t, plenty)
	wrong := ociregistry.Descriptor{Digest: digest.FromString("another"), Size: 5}
	if _, err := b.PushBlob(t.Context(), "a", wrong, strings.NewReader("hello")); !errors.Is(err, ociregistry.ErrDigestInvalid) {
		t.Errorf("digest: %v", err)
	}
	wrong = ociregistry.Descriptor{Digest: digest.FromString("hello"), Size: 9}
	if _, err := b.PushBlob(t.Context(), "a", wrong, strings.NewReader("hello")); !errors.Is(err, ociregistry.ErrSizeInvalid) {
		t.Errorf("size: %v", err)
	}
	missing := ociregistry.Descriptor{MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromString("missing"), Size: 7}
	_, err := b.PushManifest(t.Context(), "a", "1", manifestOf(t, missing, missing, nil), ocispec.MediaTypeImageManifest)
	if !errors.Is(err, ociregistry.ErrManifestBlobUnknown) {
		t.Errorf("a manifest of blobs that are not here: %v", err)
	}
	_, err = b.PushManifest(t.Context(), "a", "1", []byte("{"), ocispec.MediaTypeImageManifest)
	if !errors.Is(err, ociregistry.ErrManifestInvalid) {
		t.Errorf("half a manifest: %v", err)
	}
}

func TestReferrers(t *testing.T) {
	t.Parallel()
	b, collect := newBackend(t, plenty)
	manifest, layer := pushImage(t, b, "a", "1")
	text := manifestOf(t, push(t, b, "a", []byte("{}")), layer, &manifest)
	signature, err := b.PushManifest(t.Context(), "a", "", text, ocispec.MediaTypeImageManifest)
	if err != nil {
		t.Fatal(err)
	}
	collect()
	for kind, want := range map[string]int{"": 1, ocispec.MediaTypeImageConfig: 1, "other/type": 0} {
		n := 0
		for desc, err := range b.Referrers(t.Context(), "a", ociregistry.Digest(manifest.Digest), kind) {
			if n++; err != nil || desc.Digest != signature.Digest {
				t.Errorf("referrer %s, %v", desc.Digest, err)
			}
		}
		if n != want {
			t.Errorf("%d referrers of type %q, want %d", n, kind, want)
		}
	}
}

func TestNothingIsWrittenToAFullDisk(t *testing.T) {
	t.Parallel()
	b, _ := newBackend(t, Room(disk.Fake{Space: disk.Space{Free: 5 << 20, Total: 100 << 20}}, "/"))
	_, err := b.PushBlobChunked(t.Context(), "a", 0)
	var status ociregistry.HTTPError
	if !errors.As(err, &status) || status.StatusCode() != http.StatusInsufficientStorage {
		t.Errorf("upload: %v", err)
	}
	if _, err := b.PushManifest(t.Context(), "a", "1", []byte("{}"), ocispec.MediaTypeImageManifest); !errors.As(err, &status) {
		t.Errorf("manifest: %v", err)
	}
}

func TestAccountsOverHTTP(t *testing.T) {
	t.Parallel()
	b, _ := newBackend(t, plenty)
	f := File{Path: filepath.Join(t.TempDir(), "new", "accounts")}
	for name, role := range map[string]Role{"writer": Push, "reader": Pull} {
		if err := f.Set(name, []byte("a password of "+name), role); err != nil {
			t.Fatal(err)
		}
	}
	h, err := Handler(b, f, "the node's password", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	defer server.Close()
	for _, c := range []struct {
		name, password, method, path string
		want                         int
	}{
		{"", "", "GET", "/v2/", 401},
		{"writer", "wrong password", "GET", "/v2/", 401},
		{"nobody", "a password of writer", "GET", "/v2/", 401},
		{NodeAccount, "", "GET", "/v2/", 401},
		{NodeAccount, "the node's password", "GET", "/v2/", 200},
		{NodeAccount, "the node's password", "POST", "/v2/a/blobs/uploads/", 403},
		{"reader", "a password of reader", "GET", "/v2/_catalog", 200},
		{"reader", "a password of reader", "DELETE", "/v2/a/manifests/1", 403},
		{"writer", "a password of writer", "POST", "/v2/a/blobs/uploads/", 202},
		{"writer", "a password of writer", "POST", "/v2/a/blobs/uploads/?from=b&mount=" + digest.FromString("absent").String(), 202},
	} {
		request, err := http.NewRequest(c.method, server.URL+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.name != "" {
			request.SetBasicAuth(c.name, c.password)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s %s as %q: %d, want %d", c.method, c.path, c.name, response.StatusCode, c.want)
		}
	}
	if err := f.Remove("writer"); err != nil {
		t.Fatal(err)
	}
	request, _ := http.NewRequest("GET", server.URL+"/v2/", nil)
	request.SetBasicAuth("writer", "a password of writer")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 401 {
		t.Errorf("a removed account got %d", response.StatusCode)
	}
}

func TestAccountsFile(t *testing.T) {
	t.Parallel()
	f := File{Path: filepath.Join(t.TempDir(), "accounts")}
	for _, c := range []struct{ name, password string }{{"Upper", "long enough"}, {"a:b", "long enough"}, {"ok", "short"}, {"ok", strings.Repeat("x", 73)}} {
		if err := f.Set(c.name, []byte(c.password), Push); err == nil {
			t.Errorf("%q with a password of %d characters was accepted", c.name, len(c.password))
		}
	}
	if err := f.Remove("absent"); err == nil {
		t.Error("an account that does not exist was removed")
	}
}

func FuzzParseAccounts(f *testing.F) {
	f.Add([]byte("a:$2a$10$x:pull\nb:h:push\n"))
	f.Add([]byte("a:b"))
	f.Fuzz(func(t *testing.T, text []byte) {
		accounts, err := parseAccounts(text)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, a := range accounts {
			if seen[a.Name] || !accountName.MatchString(a.Name) {
				t.Errorf("account %q", a.Name)
			}
			seen[a.Name] = true
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(`{"mediaType":"m","config":{"digest":"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size":0}}`))
	f.Add([]byte(`{"layers":[{"digest":"x"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := parseManifest(text, "m")
		if err != nil {
			return
		}
		for _, c := range doc.children() {
			if c.Digest.Validate() != nil {
				t.Error(fmt.Sprint("a child without a digest in ", string(text)))
			}
		}
	})
}

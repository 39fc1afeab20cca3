package build_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/capability/image/build"
	"garboard.dev/garboard/capability/image/enginetest"
	"garboard.dev/garboard/capability/image/single"
	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/fault"
)

type running struct{}

func (running) Ensure(context.Context, string) error { return nil }

const dockerfile = `# syntax=docker/dockerfile:1
FROM base:1 AS one
ARG WORD
LABEL word=$WORD
COPY --chmod=600 file /copied
FROM base:1
COPY --from=one /copied /etc/copied
COPY <<END /heredoc
said
END
`

// TestBuildsAreEqualBitForBit builds twice without a cache from files of
// another time, and finds one image, from a base that only the cluster has.
func TestBuildsAreEqualBitForBit(t *testing.T) {
	t.Parallel()
	socket := enginetest.Containerd(t)
	s, err := store.Open(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var base bytes.Buffer
	if err := single.Archive(&base, "docker.io/library/base:1", []single.File{{Path: "/base", Mode: 0o644, Content: []byte("base")}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Import(t.Context(), &base, nil); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("Dockerfile", dockerfile)
	write("file", "content")
	b := build.Builder{Socket: enginetest.Buildkitd(t, socket), Daemon: running{}, Store: s, Talk: &bytes.Buffer{}, Getenv: os.Getenv}
	digests := map[string]bool{}
	for i, name := range []string{"docker.io/library/result:1", "docker.io/library/result:2"} {
		dated := time.Unix(int64(1600000000+i*1000), 0)
		if err := os.Chtimes(filepath.Join(dir, "file"), dated, dated); err != nil {
			t.Fatal(err)
		}
		o := build.Options{Context: dir, Names: []string{name}, NoCache: true, Epoch: "0", Progress: "plain", Args: []string{"WORD=x"}}
		if _, err := b.Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		detail, err := s.Inspect(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		digests[detail.Digest] = true
	}
	if len(digests) != 1 {
		t.Errorf("two builds of the same have the digests %v", digests)
	}
	write("Dockerfile", "FROM base:1\nCOPY absent /\n")
	_, err = b.Run(t.Context(), build.Options{Context: dir, Names: []string{"docker.io/library/x:1"}, Epoch: "0", Progress: "quiet"})
	if err == nil || !strings.Contains(err.Error(), "Dockerfile:2:") {
		t.Errorf("a file that is not there: %v", err)
	}
	freed, err := b.Prune(t.Context(), true)
	if err != nil || len(freed) == 0 {
		t.Errorf("nothing to free after builds: %v", err)
	}
	if _, err := b.Prune(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if err := s.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Unpack(t.Context(), "docker.io/library/result:2"); err != nil {
		t.Errorf("the image is not whole after a collection: %v", err)
	}
	if _, err := s.Find(t.Context(), "x:1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a build that failed left an image: %v", err)
	}
}

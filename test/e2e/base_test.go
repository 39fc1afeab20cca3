//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"

	"garboard.dev/garboard/capability/image/archive"
	"garboard.dev/garboard/capability/image/base"
	"garboard.dev/garboard/host/program"
)

// TestBaseImageIsReproducible makes debian:12 twice with the real apt and
// mmdebstrap, the second time from the lock alone, and finds one digest.
func TestBaseImageIsReproducible(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: needs root for mmdebstrap")
	}
	pool := base.Pool{Dir: filepath.Join(t.TempDir(), "pool")}
	request, err := base.ParseName("debian:12")
	if err != nil {
		t.Fatal(err)
	}
	if request.Architecture, err = base.NativeArchitecture(t.Context(), program.Linux{}); err != nil {
		t.Fatal(err)
	}
	var lock base.Lock
	digests := map[digest.Digest]bool{}
	for i := range 2 {
		b := base.Builder{Runner: program.Linux{}, Pool: pool, Scratch: t.TempDir(), Keyring: base.DebianKeyring, Report: func(s string) { t.Log(s) }}
		if i == 0 {
			if lock, err = b.Resolve(t.Context(), request); err != nil {
				t.Fatal(err)
			}
		}
		made, err := b.Build(t.Context(), lock)
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(filepath.Join(t.TempDir(), "image.tar"))
		if err != nil {
			t.Fatal(err)
		}
		d, err := archive.Write(out, made.Image)
		if err != nil {
			t.Fatal(err)
		}
		out.Close()
		digests[d] = true
	}
	if len(digests) != 1 {
		t.Errorf("two images of the same packages have the digests %v", digests)
	}
}

package mount_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"garboard.dev/garboard/host/mount"
)

func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		contract(t, func(busy string) mount.Table { return &mount.Fake{Busy: []string{busy}} })
	})
	t.Run("linux", func(t *testing.T) {
		t.Parallel()
		if os.Getuid() != 0 {
			t.Skip("mounting needs root")
		}
		contract(t, func(busy string) mount.Table { return mount.Linux{} })
	})
}

func contract(t *testing.T, table func(busy string) mount.Table) {
	dir := t.TempDir()
	outer, inner := filepath.Join(dir, "with blank"), filepath.Join(dir, "with blank", "inner")
	tab := table(inner)
	if err := os.Mkdir(outer, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := mount.UnmountBelow(mount.Linux{}, dir); err != nil {
			t.Error(err)
		}
	})
	if err := tab.Unmount(outer, false); err != nil {
		t.Errorf("unmounting what is not mounted gives %v", err)
	}
	tmp := func(target string) {
		if err := tab.Mount(mount.Wish{Source: "tmpfs", Target: target, Type: "tmpfs", Options: []string{"nosuid", "size=64k"}}); err != nil {
			t.Fatal(err)
		}
	}
	tmp(outer)
	if err := os.MkdirAll(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	tmp(inner)
	if got, want := points(t, tab, dir), []string{inner, outer}; !slices.Equal(got, want) {
		t.Errorf("mounted are %q, want %q", got, want)
	}
	open, err := os.Create(filepath.Join(inner, "open"))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	if err := tab.Unmount(inner, false); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("unmounting what is busy gives %v", err)
	}
	busy, err := mount.UnmountBelow(tab, dir)
	if err != nil || !slices.Equal(busy, []string{inner}) {
		t.Errorf("UnmountBelow = %q, %v", busy, err)
	}
	if got := points(t, tab, dir); len(got) != 0 {
		t.Errorf("left are %q", got)
	}
}

func points(t *testing.T, table mount.Table, dir string) []string {
	t.Helper()
	mounts, err := table.List()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, m := range mount.Below(mounts, dir) {
		out = append(out, m.Point)
	}
	return out
}

func TestBindReadOnly(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	if err := (mount.Linux{}).Mount(mount.Wish{Source: t.TempDir(), Target: dir, Bind: true, Options: []string{"ro"}}); err != nil {
		t.Fatal(err)
	}
	err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o600)
	if uerr := (mount.Linux{}).Unmount(dir, false); uerr != nil {
		t.Error(uerr)
	}
	if !errors.Is(err, syscall.EROFS) {
		t.Errorf("writing to a read-only bind mount gives %v", err)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const text = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n" +
		"37 36 0:5 / /proc rw - proc proc rw\n"
	got, err := mount.Parse(text)
	want := []mount.Mount{
		{ID: 36, Parent: 35, Root: "/mnt1", Point: "/mnt 2", Options: []string{"rw", "noatime"}, Type: "ext3", Source: "/dev/root", Super: []string{"rw", "errors=continue"}},
		{ID: 37, Parent: 36, Root: "/", Point: "/proc", Options: []string{"rw"}, Type: "proc", Source: "proc", Super: []string{"rw"}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	for _, bad := range []string{"a", "36 35 98:0 / / rw - ext3 /dev/root", "x 35 98:0 / / rw - ext3 a rw", "36 35 - a b c d e f"} {
		if got, err := mount.Parse(bad); err == nil {
			t.Errorf("Parse(%q) = %v", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw\n")
	f.Add("36 35 98:0 / /\\04 rw - a b c")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, err := mount.Parse(text)
		if err != nil && mounts != nil {
			t.Errorf("Parse gives %v beside %v", mounts, err)
		}
	})
}

package cgroup_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"garboard.dev/garboard/host/cgroup"
	"garboard.dev/garboard/host/mount"
)

// inside puts a running process into the group.
type inside func(t *testing.T, name string, dirs []string)

func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		f := &cgroup.Fake{}
		contract(t, f, func(_ *testing.T, name string, _ []string) { f.Put(name, 7) })
	})
	t.Run("linux", func(t *testing.T) {
		t.Parallel()
		if os.Getuid() != 0 {
			t.Skip("making cgroups needs root")
		}
		l, err := cgroup.New()
		if err != nil {
			t.Fatal(err)
		}
		if l.Layout().Version == cgroup.None {
			t.Skip("this machine has no cgroups mounted")
		}
		contract(t, l, sleeping)
	})
}

func sleeping(t *testing.T, _ string, dirs []string) {
	cmd := exec.Command("sleep", "100")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait() }() // killed by the test: its status says nothing
	for _, dir := range dirs {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), fmt.Append(nil, cmd.Process.Pid), 0); err != nil {
			t.Fatal(errors.Join(err, cmd.Process.Kill()))
		}
	}
}

func contract(t *testing.T, g cgroup.Groups, put inside) {
	const top, name = "garboard-test-contract", "garboard-test-contract/a/b"
	if _, err := g.Usage(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the usage of an absent group gives %v", err)
	}
	for range 2 { // a second time changes nothing
		dirs, err := g.Create(name)
		if err != nil || len(dirs) == 0 {
			t.Fatalf("Create = %v, %v", dirs, err)
		}
		if slices.Contains(dirs, "") {
			t.Error("an empty directory")
		}
	}
	dirs, err := g.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	put(t, name, dirs)
	if pids, err := g.PIDs(top); err != nil || len(pids) != 1 {
		t.Errorf("PIDs = %v, %v", pids, err)
	}
	if u, err := g.Usage(name); err != nil || u.Processes != 1 {
		t.Errorf("Usage = %+v, %v", u, err)
	}
	if err := g.Remove(t.Context(), top); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("removing a group with processes gives %v", err)
	}
	if u, err := g.Usage(name); err != nil || u.Processes != 1 {
		t.Errorf("a group with processes was removed: %+v, %v", u, err)
	}
	if _, err := g.Create(top + "/c"); err != nil {
		t.Fatal(err)
	}
	if err := g.Remove(t.Context(), top); !errors.Is(err, syscall.EBUSY) {
		t.Errorf("removing a group with processes gives %v", err)
	}
	if _, err := g.Usage(top + "/c"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the empty group beside the busy one stays: %v", err)
	}
	if err := g.Kill(t.Context(), top); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := g.Remove(t.Context(), top); err != nil {
			t.Error(err)
		}
	}
	if pids, err := g.PIDs(top); err != nil || len(pids) != 0 {
		t.Errorf("an absent group has %v, %v", pids, err)
	}
	for _, bad := range []string{"", "/a", "../a", "a/../b", "a//b", "."} {
		if _, err := g.Create(bad); err == nil {
			t.Errorf("Create(%q) succeeds", bad)
		}
		if err := g.Remove(t.Context(), bad); err == nil {
			t.Errorf("Remove(%q) succeeds", bad)
		}
	}
}

func TestDetect(t *testing.T) {
	t.Parallel()
	unified := t.TempDir()
	if err := os.WriteFile(filepath.Join(unified, "cgroup.controllers"), []byte("cpu memory\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cpu := mount.Mount{Point: "/c", Type: "cgroup", Super: []string{"rw", "cpu", "cpuacct"}}
	systemd := mount.Mount{Point: "/s", Type: "cgroup", Super: []string{"rw", "xattr", "name=systemd"}}
	two := mount.Mount{Point: unified, Type: "cgroup2", Super: []string{"rw"}}
	for _, c := range []struct {
		mounts []mount.Mount
		want   cgroup.Version
		count  int
	}{
		{nil, cgroup.None, 0},
		{[]mount.Mount{cpu, systemd}, cgroup.V1, 2},
		{[]mount.Mount{two}, cgroup.V2, 1},
		{[]mount.Mount{two, two}, cgroup.V2, 1},
		{[]mount.Mount{cpu, two}, cgroup.Hybrid, 2},
		{[]mount.Mount{systemd, two}, cgroup.V2, 2},
	} {
		l, err := cgroup.Detect(c.mounts)
		if err != nil || l.Version != c.want || len(l.Hierarchies) != c.count {
			t.Errorf("Detect(%v) = %+v, %v; want %s", c.mounts, l, err, c.want)
		}
	}
	l, err := cgroup.Detect([]mount.Mount{cpu, two})
	if err != nil {
		t.Fatal(err)
	}
	want := []cgroup.Hierarchy{{Path: "/c", Controllers: []string{"cpu", "cpuacct"}}, {Path: unified, Controllers: []string{"cpu", "memory"}, Unified: true}}
	if diff := cmp.Diff(want, l.Hierarchies); diff != "" {
		t.Error(diff)
	}
	if !l.Has("memory") || l.Has("pids") {
		t.Error("Has is wrong")
	}
}

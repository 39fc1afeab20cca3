package machine

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/host/cgroup"
	"garboard.dev/garboard/host/firewall"
	"garboard.dev/garboard/host/kernel"
	"garboard.dev/garboard/host/link"
	"garboard.dev/garboard/host/mount"
	"garboard.dev/garboard/host/sysctl"
)

var before = map[string]string{"net/ipv4/ip_forward": "0", "fs/inotify/max_user_instances": "128", "fs/inotify/max_user_watches": "1000000"}

func fakeHost() Host {
	return Host{
		Groups: &cgroup.Fake{}, Mounts: &mount.Fake{}, Links: &link.Fake{}, Firewall: &firewall.Fake{},
		Sysctls: sysctl.NewFake(before), Kernel: kernel.Fake{},
	}
}

func inputIn(t *testing.T) component.Input {
	t.Helper()
	dir := t.TempDir()
	l := platform.Layout{StateDir: filepath.Join(dir, "state"), RunDir: filepath.Join(dir, "run"), Cgroup: "garboard"}
	for _, d := range []string{l.StateDir, l.RunDir} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return component.Input{Settings: platform.DefaultSettings(), Layout: l}
}

// state is all that Prepare changes, so that a test can compare.
func state(t *testing.T, h Host) map[string][]string {
	t.Helper()
	out := map[string][]string{"cgroups": h.Groups.(*cgroup.Fake).Names()}
	links, err := h.Links.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		out["links"] = append(out["links"], l.Name)
	}
	names, err := h.Firewall.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		out["tables"] = append(out["tables"], n.Family+" "+n.Table)
	}
	mounts, err := h.Mounts.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mounts {
		out["mounts"] = append(out["mounts"], m.Point)
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		value, err := h.Sysctls.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		out["sysctls"] = append(out["sysctls"], name+"="+value)
	}
	return out
}

func TestCleanUndoesPrepare(t *testing.T) {
	t.Parallel()
	h, in := fakeHost(), inputIn(t)
	start := state(t, h)
	for range 2 { // a second time changes nothing
		if err := Prepare(t.Context(), h, in); err != nil {
			t.Fatal(err)
		}
	}
	got := state(t, h)
	want := map[string][]string{
		"cgroups": {"garboard"}, "links": {"garboard0"}, "tables": {"inet garboard"},
		"sysctls": {"fs/inotify/max_user_instances=8192", "fs/inotify/max_user_watches=1000000", "net/ipv4/ip_forward=1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after Prepare:\n%s", diff)
	}
	work(t, h, in)
	for range 2 {
		if err := Clean(t.Context(), h, in); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(start, state(t, h)); diff != "" {
		t.Errorf("after Clean:\n%s", diff)
	}
	if left, err := os.ReadDir(in.Layout.RunDir); err != nil || len(left) != 0 {
		t.Errorf("the run directory holds %v, %v", left, err)
	}
}

// work leaves what running components leave.
func work(t *testing.T, h Host, in component.Input) {
	t.Helper()
	if _, err := h.ComponentCgroups(in.Layout, "etcd"); err != nil {
		t.Fatal(err)
	}
	h.Groups.(*cgroup.Fake).Put("garboard/etcd", 7)
	h.Links.(*link.Fake).Add(link.Link{Name: "veth7", Master: in.Settings.Bridge})
	volume := filepath.Join(in.Layout.StateDir, "kubelet", "volume")
	if err := os.MkdirAll(volume, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := h.Mounts.Mount(mount.Wish{Source: "tmpfs", Target: volume, Type: "tmpfs"}); err != nil {
		t.Fatal(err)
	}
	if err := h.Firewall.Replace(t.Context(), firewall.Table{Name: firewall.Name{Family: "ip", Table: "kube-proxy"}}); err != nil {
		t.Fatal(err)
	}
}

// A supervisor cleans up from inside one of the groups: all others go.
func TestCleanFromInside(t *testing.T) {
	t.Parallel()
	h, in := fakeHost(), inputIn(t)
	for _, name := range []string{"supervisor", "etcd"} {
		if _, err := h.ComponentCgroups(in.Layout, name); err != nil {
			t.Fatal(err)
		}
	}
	h.Groups.(*cgroup.Fake).Put("garboard/supervisor", os.Getpid())
	if err := Clean(t.Context(), h, in); err != nil {
		t.Error(err)
	}
	if got, want := h.Groups.(*cgroup.Fake).Names(), []string{"garboard", "garboard/supervisor"}; !slices.Equal(got, want) {
		t.Errorf("left are %q, want %q", got, want)
	}
}

// What is mounted at the state directory itself is the user's disk.
func TestCleanLeavesTheUsersDisk(t *testing.T) {
	t.Parallel()
	h, in := fakeHost(), inputIn(t)
	if err := h.Mounts.Mount(mount.Wish{Source: "/dev/sdb", Target: in.Layout.StateDir, Type: "ext4"}); err != nil {
		t.Fatal(err)
	}
	if err := Clean(t.Context(), h, in); err != nil {
		t.Fatal(err)
	}
	if got := state(t, h)["mounts"]; !slices.Equal(got, []string{in.Layout.StateDir}) {
		t.Errorf("mounted are %q", got)
	}
	if below, err := h.MountsBelow(in.Layout.StateDir); err != nil || len(below) != 0 {
		t.Errorf("MountsBelow = %q, %v", below, err)
	}
}

// broken is a firewall that refuses everything.
type broken struct{ firewall.Tables }

var errBroken = errors.New("the firewall is broken")

func (broken) Delete(context.Context, firewall.Name) error { return errBroken }

func TestCleanGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	h, in := fakeHost(), inputIn(t)
	if err := Prepare(t.Context(), h, in); err != nil {
		t.Fatal(err)
	}
	h.Firewall = broken{h.Firewall}
	if err := Clean(t.Context(), h, in); !errors.Is(err, errBroken) {
		t.Errorf("Clean = %v", err)
	}
	got := state(t, h)
	if len(got["cgroups"])+len(got["links"]) != 0 || slices.Contains(got["sysctls"], "net/ipv4/ip_forward=1") {
		t.Errorf("left are %v", got)
	}
}

// Under systemd too the components stay out of the unit's own group.
func TestUnderSystemd(t *testing.T) {
	t.Parallel()
	h, in := fakeHost(), inputIn(t)
	h.Systemd = true
	dirs, err := h.ComponentCgroups(in.Layout, "etcd")
	if err != nil || !slices.Equal(dirs, []string{"/garboard/etcd"}) {
		t.Errorf("ComponentCgroups = %q, %v", dirs, err)
	}
}

func TestRulesKeepOthersOut(t *testing.T) {
	t.Parallel()
	s := platform.DefaultSettings()
	table := rules(s)
	in := table.Chains[1].Rules[0]
	for _, part := range []string{"iifname != { " + s.Bridge + ", lo }", s.PodCIDR, s.ServiceCIDR, "drop"} {
		if !strings.Contains(in, part) {
			t.Errorf("the rule %q lacks %q", in, part)
		}
	}
}

func TestResolvConf(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	stub, real, plain := write("stub", "nameserver 127.0.0.53\n"), write("real", "nameserver 192.0.2.1\n"), write("plain", "search a\nnameserver ::1\nnameserver 192.0.2.1\n")
	for _, c := range []struct{ main, behind, want string }{
		{plain, real, plain}, {stub, real, real}, {stub, filepath.Join(dir, "absent"), stub}, {filepath.Join(dir, "absent"), real, filepath.Join(dir, "absent")},
	} {
		if got := resolvConf(c.main, c.behind); got != c.want {
			t.Errorf("resolvConf(%q, %q) = %q, want %q", c.main, c.behind, got, c.want)
		}
	}
}

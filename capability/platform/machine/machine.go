// Package machine makes the machine what the platform needs, and takes that
// back: cgroups, the pods' bridge, sysctls, firewall rules, mounts. What is
// there already is left alone, so both directions can be repeated at any time.
package machine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
)

// sysctls are set while the platform runs; down restores what was before. One
// that this kernel does not have is left out.
var sysctls = []struct {
	name  string
	value int
	why   string
}{
	{"net/ipv4/ip_forward", 1, "pods' packets pass through the machine"},
	{"net/bridge/bridge-nf-call-iptables", 1, "services reach pods on the same bridge"},
	{"fs/inotify/max_user_instances", 8192, "every pod's runtime and many programs watch files"},
	{"fs/inotify/max_user_watches", 524288, "every pod's runtime and many programs watch files"},
}

// killLimit is how long killed processes may take to be gone.
const killLimit = 10 * time.Second

// Prepare makes the machine ready for the components.
func Prepare(ctx context.Context, h Host, in component.Input) error {
	for _, s := range sysctls {
		if err := h.raiseSysctl(in.Layout, s.name, s.value); err != nil {
			return fmt.Errorf("set %s to %d, so that %s: %w", s.name, s.value, s.why, err)
		}
	}
	if _, err := h.Groups.Create(h.Cgroup(in.Layout)); err != nil {
		return err
	}
	ip, err := netip.ParseAddr(in.Settings.NodeIP)
	if err != nil {
		return fmt.Errorf("make the pods' bridge: %w", err)
	}
	if err := h.Links.EnsureBridge(in.Settings.Bridge, netip.PrefixFrom(ip, 24)); err != nil {
		return fmt.Errorf("make the pods' bridge: %w", err)
	}
	return h.Firewall.Replace(ctx, rules(in.Settings))
}

// Clean removes everything that Prepare and the components leave on the
// machine. It goes on after a failure and returns all of them.
func Clean(ctx context.Context, h Host, in component.Input) error {
	return errors.Join(
		h.kill(ctx, in.Layout),
		h.unmountBelow(in.Layout.StateDir),
		h.unmountBelow(in.Layout.RunDir),
		h.removeBridge(in.Settings.Bridge),
		h.removeRules(ctx),
		h.removeCgroup(ctx, in.Layout),
		h.restoreSysctls(in.Layout),
		removeContainerLinks(in.Layout),
		emptyRunDir(in.Layout),
	)
}

func (h Host) kill(ctx context.Context, l platform.Layout) error {
	ctx, cancel := context.WithTimeout(ctx, killLimit)
	defer cancel()
	return h.Groups.Kill(ctx, h.Cgroup(l))
}

// removeCgroup removes the platform's groups. A supervisor that cleans up is in
// one itself: that one stays for whoever cleans up after it, or for systemd.
func (h Host) removeCgroup(ctx context.Context, l platform.Layout) error {
	ctx, cancel := context.WithTimeout(ctx, killLimit)
	defer cancel()
	err := h.Groups.Remove(ctx, h.Cgroup(l))
	if !errors.Is(err, syscall.EBUSY) {
		return err
	}
	left, lerr := h.Groups.PIDs(h.Cgroup(l))
	if lerr == nil && slices.Equal(left, []int{os.Getpid()}) {
		return nil
	}
	return errors.Join(err, lerr)
}

// removeContainerLinks removes the kubelet's links to the logs below the state directory.
func removeContainerLinks(l platform.Layout) error {
	links, err := filepath.Glob("/var/log/containers/*.log")
	if err != nil {
		return err
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, l.StateDir+"/") {
			if err := os.Remove(link); err != nil {
				return err
			}
		}
	}
	return nil
}

func emptyRunDir(l platform.Layout) error {
	entries, err := os.ReadDir(l.RunDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if slices.Contains([]string{"supervisor.json", "guard.json", "control.sock"}, e.Name()) { // a supervisor that goes down removes them last
			continue
		}
		if err := os.RemoveAll(filepath.Join(l.RunDir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

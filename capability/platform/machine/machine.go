// Package machine makes the machine what the platform needs, and takes that
// back: cgroups, the pods' bridge, sysctls, firewall rules, mounts. What is
// there already is left alone, so both directions can be repeated at any time.
package machine

import (
	"context"
	"errors"
	"fmt"

	"garboard.dev/garboard/capability/platform/component"
)

// Sysctls are set while the platform runs; down restores what was before. One
// that this kernel does not have is left out.
var sysctls = []struct{ name, value, why string }{
	{"net/ipv4/ip_forward", "1", "pods' packets pass through the machine"},
	{"net/bridge/bridge-nf-call-iptables", "1", "services reach pods on the same bridge"},
	{"fs/inotify/max_user_instances", "8192", "every pod's runtime and many programs watch files"},
	{"fs/inotify/max_user_watches", "524288", "every pod's runtime and many programs watch files"},
}

// Prepare makes the machine ready for the components.
func Prepare(h Host, in component.Input) error {
	for _, s := range sysctls {
		if err := h.RaiseSysctl(in.Layout, s.name, s.value); err != nil {
			return fmt.Errorf("set %s to %s, so that %s: %w", s.name, s.value, s.why, err)
		}
	}
	if err := h.EnsureCgroup(in); err != nil {
		return fmt.Errorf("make the cgroup %s: %w", in.Layout.Cgroup, err)
	}
	if err := h.EnsureBridge(in.Settings.Bridge, in.Settings.NodeIP+"/24"); err != nil {
		return fmt.Errorf("make the pods' bridge %s: %w", in.Settings.Bridge, err)
	}
	if err := h.EnsureRules(in.Settings); err != nil {
		return fmt.Errorf("set the firewall rules: %w", err)
	}
	return nil
}

// Clean removes everything that Prepare and the components leave on the
// machine. It goes on after a failure and returns all of them.
func Clean(ctx context.Context, h Host, in component.Input) error {
	return errors.Join(
		h.KillCgroup(ctx, in),
		h.UnmountBelow(in.Layout.StateDir),
		h.UnmountBelow(in.Layout.RunDir),
		h.RemoveBridge(in.Settings.Bridge),
		h.RemoveRules(),
		h.RemoveCgroup(in),
		h.RestoreSysctls(in.Layout),
		h.RemoveContainerLinks(in.Layout),
		h.EmptyRunDir(in.Layout),
	)
}

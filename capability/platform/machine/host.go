package machine

import (
	"os"
	"runtime"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/host/cgroup"
	"garboard.dev/garboard/host/firewall"
	"garboard.dev/garboard/host/kernel"
	"garboard.dev/garboard/host/link"
	"garboard.dev/garboard/host/mount"
	"garboard.dev/garboard/host/sysctl"
	"garboard.dev/garboard/host/systemd"
)

// Host is what of the machine the platform changes. Linux has the real one;
// tests put fakes in.
type Host struct {
	Groups   cgroup.Groups
	Mounts   mount.Table
	Links    link.Links
	Firewall firewall.Tables
	Sysctls  sysctl.Settings
	Kernel   kernel.Prober

	Cgroups cgroup.Layout
	Systemd bool // systemd is process 1
}

// Linux is this machine.
func Linux() (Host, error) {
	groups, err := cgroup.New()
	if err != nil {
		return Host{}, err
	}
	return Host{
		Groups: groups, Mounts: mount.Linux{}, Links: link.Linux{}, Firewall: firewall.Linux{}, Sysctls: sysctl.Linux{}, Kernel: kernel.Linux{},
		Cgroups: groups.Layout(), Systemd: systemd.Runs(),
	}, nil
}

// Facts returns what of the machine shapes the components. executable is this
// program, engineDir holds the engine's.
func (h Host) Facts(executable, engineDir string) (component.Machine, error) {
	lowers, err := h.Kernel.RaisesPriority()
	if err != nil {
		return component.Machine{}, err
	}
	external, err := h.externalIPs()
	if err != nil {
		return component.Machine{}, err
	}
	return component.Machine{
		Systemd: h.Systemd, CgroupV2: h.Cgroups.Version == cgroup.V2, LowersOOM: lowers,
		ResolvConf: resolvConf("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"),
		Executable: executable, Program: ProgramID(executable), EngineDir: engineDir, Engine: engineStamp(engineDir),
		ExternalIPs: external, Cores: runtime.NumCPU(),
	}, nil
}

// externalIPs lists the machine's addresses beside loopback and link-local ones.
func (h Host) externalIPs() ([]string, error) {
	links, err := h.Links.List()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range links {
		for _, a := range l.Addresses {
			if a.Addr().IsGlobalUnicast() {
				out = append(out, a.Addr().String())
			}
		}
	}
	return out, nil
}

// Cgroup is the group that everything of the platform is below, under systemd
// too. Below the unit's own group it would have to be handed controllers by a
// group that holds the supervisor, which version 2 refuses (Control Group v2, No
// Internal Process Constraint); and components that outlive the supervisor would
// keep systemd from starting the next one there.
func (h Host) Cgroup(l platform.Layout) string { return l.Cgroup }

// ComponentCgroups makes the component's own group and returns its directories,
// one a hierarchy.
func (h Host) ComponentCgroups(l platform.Layout, name string) ([]string, error) {
	return h.Groups.Create(h.Cgroup(l) + "/" + name)
}

// MountsBelow lists the mount points deeper than dir, the last made first.
func (h Host) MountsBelow(dir string) ([]string, error) {
	mounts, err := h.Mounts.List()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, m := range mount.Below(mounts, dir) {
		if m.Point != dir {
			out = append(out, m.Point)
		}
	}
	return out, nil
}

// unmountBelow unmounts all that is deeper than dir; dir itself may be a disk of the user's.
func (h Host) unmountBelow(dir string) error {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := mount.UnmountBelow(h.Mounts, dir+"/"+e.Name()); err != nil {
			return err
		}
	}
	return nil
}

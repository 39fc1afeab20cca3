// Package preflight says, before anything is started, whether this machine can
// carry the platform: what was found, what follows from it, and what to do.
package preflight

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"garboard.dev/garboard/capability/platform"
)

// Severity orders findings.
type Severity string

// The severities. A fatal finding keeps the platform from starting.
const (
	OK       Severity = "ok"
	Degraded Severity = "degraded"
	Fatal    Severity = "fatal"
)

// Finding is one thing that was looked at.
type Finding struct {
	ID          string   `json:"id"`
	Severity    Severity `json:"severity"`
	What        string   `json:"what"`                  // what was found
	Consequence string   `json:"consequence,omitempty"` // what it costs
	Fix         string   `json:"fix,omitempty"`
}

// Machine is what was observed. Sizes are bytes.
type Machine struct {
	Root            bool
	Kernel          string // release, as "6.18.44"
	Features        map[string]bool
	CgroupV2        bool
	Controllers     []string // cgroup controllers that can be used
	Systemd         bool
	LowersOOM       bool
	OpenFiles       uint64 // the hard limit
	Memory          uint64
	MemoryAvailable uint64
	Swap            uint64
	Disk            Disk
	Clock           time.Time
	Built           time.Time // of this program: no clock may be before it
	CertificatesOf  time.Time // when the platform's authority was made; zero where there is none
	Nft             string    // path of the nft program, "" where there is none
	HostsFile       bool      // there is an /etc/hosts
	Taken           []Taken
	Routes          []netip.Prefix // networks that this machine reaches already, the platform's own left out
	Others          []string       // other container platforms that run, as "dockerd (pid 812)"
}

// Disk is the filesystem of the state directory.
type Disk struct {
	Path      string
	Free      uint64
	FreeNodes uint64        // inodes
	Type      string        // as "ext4", "overlay", "tmpfs"
	Sync      time.Duration // what writing and syncing 4 KiB took; 0 where it was not tried
}

// Taken is an address that the platform wants and somebody else has.
type Taken struct {
	Address string // as "127.0.0.1:80"
	Wanted  string // the component that wants it
	Holder  string // as "nginx (pid 812)"; "" where it is not known
	Flag    string // the flag of `up` that chooses another, "" where there is none
}

// Bounds of what the platform needs.
const (
	leastMemory  = 1 << 30
	goodMemory   = 2 << 30
	leastDisk    = 1 << 30
	goodDisk     = 10 << 30
	leastNodes   = 50_000
	goodFiles    = 65_536
	slowSync     = 50 * time.Millisecond
	oldestKernel = 5*1000 + 13 // kube-proxy's nftables mode
)

// features are the kernel's parts that are looked for.
var features = []struct {
	name, consequence, fix string
	severity               Severity
}{
	{"overlayfs", "images cannot be unpacked into layers", "use a kernel with CONFIG_OVERLAY_FS", Fatal},
	{"bridge", "pods have no network", "use a kernel with CONFIG_BRIDGE, or load the module bridge", Fatal},
	{"veth", "pods have no network", "use a kernel with CONFIG_VETH, or load the module veth", Fatal},
	{"nftables", "services are not reachable and pods do not reach the outside", "use a kernel with CONFIG_NF_TABLES, or load the module nf_tables", Fatal},
	{"namespaces", "containers cannot be kept apart", "use a kernel with network, mount, pid, ipc and uts namespaces", Fatal},
	{"seccomp", "every pod fails to start: its system calls cannot be filtered", "use a kernel with CONFIG_SECCOMP_FILTER", Fatal},
	{"br_netfilter", "a service does not reach a pod on the same machine as the client pod", "load the module br_netfilter", Degraded},
}

// Decide judges the machine for the settings.
func Decide(m Machine, s platform.Settings) []Finding {
	var out []Finding
	out = append(out, rights(m)...)
	out = append(out, kernel(m)...)
	out = append(out, cgroups(m)...)
	out = append(out, memory(m), swap(m))
	out = append(out, disk(m.Disk)...)
	out = append(out, clock(m), openFiles(m), nft(m), hostsFile(m))
	out = append(out, ports(m)...)
	out = append(out, networks(m, s)...)
	out = append(out, others(m))
	return out
}

// Worst returns the gravest severity among findings.
func Worst(findings []Finding) Severity {
	worst := OK
	for _, f := range findings {
		if f.Severity == Fatal || f.Severity == Degraded && worst == OK {
			worst = f.Severity
		}
	}
	return worst
}

func fine(id, format string, args ...any) Finding {
	return Finding{ID: id, Severity: OK, What: fmt.Sprintf(format, args...)}
}

func rights(m Machine) []Finding {
	if !m.Root {
		return []Finding{{"root", Fatal, "this is not root", "nothing can be started, and some of these checks saw only a part", "run it as root, as with sudo"}}
	}
	out := []Finding{fine("root", "runs as root")}
	if !m.LowersOOM {
		out = append(out, Finding{"oom-scores", Degraded, "oom_score_adj cannot be lowered (no CAP_SYS_RESOURCE)",
			"when memory runs out the kernel does not know which containers matter more", "give the machine CAP_SYS_RESOURCE; until then set memory limits"})
	}
	return out
}

func kernel(m Machine) []Finding {
	var major, minor int
	if n, err := fmt.Sscanf(m.Kernel, "%d.%d", &major, &minor); n < 2 || err != nil {
		return []Finding{{"kernel", Degraded, fmt.Sprintf("the kernel's release %q is not understood", m.Kernel), "it is not known whether it is new enough", "use Linux 5.13 or newer"}}
	}
	out := []Finding{fine("kernel", "Linux %s", m.Kernel)}
	if major*1000+minor < oldestKernel {
		out[0] = Finding{"kernel", Fatal, "Linux " + m.Kernel, "services are not reachable: kube-proxy's nftables mode needs Linux 5.13", "use a newer kernel"}
	}
	for _, f := range features {
		if m.Features[f.name] {
			out = append(out, fine("kernel-"+f.name, "the kernel has %s", f.name))
			continue
		}
		out = append(out, Finding{"kernel-" + f.name, f.severity, "the kernel has no " + f.name, f.consequence, f.fix})
	}
	return out
}

func cgroups(m Machine) []Finding {
	version := fine("cgroup-version", "cgroup v2")
	if !m.CgroupV2 {
		version = Finding{"cgroup-version", Degraded, "cgroup v1", "no memory.high, no pressure figures; Kubernetes drops v1 with 1.38 or later",
			"boot with systemd.unified_cgroup_hierarchy=1"}
	}
	out := []Finding{version}
	for _, c := range []struct {
		name     string
		severity Severity
	}{{"cpu", Fatal}, {"memory", Fatal}, {"pids", Fatal}, {"cpuset", Fatal}, {"hugetlb", OK}} {
		if !slices.Contains(m.Controllers, c.name) && c.severity != OK {
			out = append(out, Finding{"cgroup-" + c.name, c.severity, "no cgroup controller " + c.name, "the kubelet does not start",
				"enable it in the kernel (CONFIG_CGROUPS and cgroup_enable=" + c.name + " on the kernel's command line)"})
		}
	}
	return out
}

func memory(m Machine) Finding {
	text := fmt.Sprintf("%s of memory, %s available", size(m.Memory), size(m.MemoryAvailable))
	switch {
	case m.Memory < leastMemory:
		return Finding{"memory", Fatal, text, "the control plane alone takes 600 MiB", "use a machine with 2 GiB or more"}
	case m.MemoryAvailable < leastMemory || m.Memory < goodMemory:
		return Finding{"memory", Degraded, text, "few pods fit", "free some, or use a machine with 2 GiB or more"}
	}
	return fine("memory", "%s", text)
}

func swap(m Machine) Finding {
	if m.Swap > 0 {
		return Finding{"swap", Degraded, size(m.Swap) + " of swap", "containers may be slow instead of restarted when memory is short", "swapoff -a, if that is not wanted"}
	}
	return fine("swap", "no swap")
}

func disk(d Disk) []Finding {
	text := fmt.Sprintf("%s free at %s (%s)", size(d.Free), d.Path, d.Type)
	out := []Finding{fine("disk", "%s", text)}
	switch {
	case d.Free < leastDisk:
		out[0] = Finding{"disk", Fatal, text, "images and etcd do not fit; etcd stops when the disk is full", "free some, or choose another place with --state-dir"}
	case d.Free < goodDisk:
		out[0] = Finding{"disk", Degraded, text, "few images fit", "free some, or choose another place with --state-dir"}
	}
	if d.FreeNodes < leastNodes && d.Type != "btrfs" {
		out = append(out, Finding{"inodes", Degraded, fmt.Sprintf("%d free inodes at %s", d.FreeNodes, d.Path), "images with many files do not fit", "free some, or choose another place with --state-dir"})
	}
	if d.Type == "tmpfs" || d.Type == "overlay" {
		out = append(out, Finding{"disk-type", Degraded, d.Path + " is on " + d.Type, "images cannot be layered on it, or nothing survives a boot", "choose a place on a disk with --state-dir"})
	}
	if d.Sync > slowSync {
		out = append(out, Finding{"disk-sync", Degraded, fmt.Sprintf("a synced write takes %d ms", d.Sync.Milliseconds()), "every change to the cluster waits for one", "use a faster disk for --state-dir"})
	}
	return out
}

func clock(m Machine) Finding {
	text := "the clock says " + m.Clock.UTC().Format("2006-01-02 15:04")
	for _, known := range []struct {
		what string
		at   time.Time
	}{{"this program was built", m.Built}, {"the platform's certificates were made", m.CertificatesOf}} {
		if !known.at.IsZero() && m.Clock.Before(known.at.Add(-time.Hour)) {
			return Finding{"clock", Fatal, text, "certificates are not valid yet: " + known.what + " on " + known.at.UTC().Format(time.DateOnly), "set the clock, and keep it right with an NTP client"}
		}
	}
	return fine("clock", "%s", text)
}

func openFiles(m Machine) Finding {
	if m.OpenFiles < goodFiles {
		return Finding{"open-files", Degraded, fmt.Sprintf("at most %d open files a process", m.OpenFiles), "databases and proxies in pods may run out of them", "raise the hard limit (ulimit -Hn) to 65536 or more"}
	}
	return fine("open-files", "at most %d open files a process", m.OpenFiles)
}

func hostsFile(m Machine) Finding {
	if !m.HostsFile {
		return Finding{"hosts-file", Fatal, "there is no /etc/hosts", "no pod starts: containerd gives each a copy of it", "echo 127.0.0.1 localhost > /etc/hosts"}
	}
	return fine("hosts-file", "/etc/hosts is there")
}

func nft(m Machine) Finding {
	if m.Nft == "" {
		return Finding{"nft", Fatal, "there is no program nft", "services are not reachable: kube-proxy calls it", "apt-get install nftables"}
	}
	return fine("nft", "nft is %s", m.Nft)
}

func ports(m Machine) []Finding {
	if len(m.Taken) == 0 {
		return []Finding{fine("ports", "every address that is needed is free")}
	}
	var out []Finding
	for _, t := range m.Taken {
		holder := t.Holder
		if holder == "" {
			holder = "somebody else"
		}
		fix := "stop it"
		if t.Flag != "" {
			fix += ", or choose another port with garboard up " + t.Flag
		}
		out = append(out, Finding{"port-" + t.Address, Fatal, t.Address + " is taken by " + holder, t.Wanted + " cannot listen", fix})
	}
	return out
}

func networks(m Machine, s platform.Settings) []Finding {
	var out []Finding
	for _, wanted := range []struct{ flag, cidr string }{{"--pod-cidr", s.PodCIDR}, {"--service-cidr", s.ServiceCIDR}} {
		ours, err := netip.ParsePrefix(wanted.cidr)
		if err != nil {
			continue // Settings.Complete has refused it already
		}
		for _, r := range m.Routes {
			if r.Bits() > 0 && r.Overlaps(ours) {
				out = append(out, Finding{"network", Fatal, fmt.Sprintf("%s overlaps %s, which this machine reaches already", wanted.cidr, r), "one of the two would not be reachable", "choose another network with garboard up " + wanted.flag})
			}
		}
	}
	if len(out) == 0 {
		out = append(out, fine("network", "the networks %s and %s are free", s.PodCIDR, s.ServiceCIDR))
	}
	return out
}

func others(m Machine) Finding {
	if len(m.Others) > 0 {
		return Finding{"other-platforms", Degraded, strings.Join(m.Others, ", ") + " runs here too", "both set up bridges and firewall rules; they may get in each other's way", "stop it if you do not need it"}
	}
	return fine("other-platforms", "no other container platform runs")
}

func size(n uint64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

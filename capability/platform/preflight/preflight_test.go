package preflight

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/capability/platform"
	hostkernel "garboard.dev/garboard/host/kernel"
)

// good is a machine with nothing to complain about.
func good() Machine {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	return Machine{
		Root: true, Kernel: "6.1.0-18-amd64", Features: hostkernel.Fake{}.Features(), CgroupV2: true,
		Controllers: []string{"cpuset", "cpu", "io", "memory", "pids"}, Systemd: true, LowersOOM: true, OpenFiles: 1 << 20,
		Memory: 8 << 30, MemoryAvailable: 6 << 30,
		Disk:  Disk{Path: "/var/lib/garboard", Free: 100 << 30, FreeNodes: 1 << 20, Type: "ext4", Sync: time.Millisecond},
		Clock: now, Built: now.AddDate(0, -1, 0), Nft: "/usr/sbin/nft", HostsFile: true,
		Routes: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("192.0.2.0/24")},
	}
}

func TestGoodMachine(t *testing.T) {
	t.Parallel()
	findings := Decide(good(), platform.DefaultSettings())
	for _, f := range findings {
		if f.Severity != OK {
			t.Errorf("%+v", f)
		}
	}
	if Worst(findings) != OK {
		t.Error("the worst of good findings is not good")
	}
}

func TestFindings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*Machine)
		id     string
		want   Severity
		says   string // in what, consequence or fix
	}{
		{"no root", func(m *Machine) { m.Root = false }, "root", Fatal, "sudo"},
		{"no CAP_SYS_RESOURCE", func(m *Machine) { m.LowersOOM = false }, "oom-scores", Degraded, "CAP_SYS_RESOURCE"},
		{"old kernel", func(m *Machine) { m.Kernel = "5.10.0" }, "kernel", Fatal, "5.13"},
		{"strange kernel", func(m *Machine) { m.Kernel = "plan9" }, "kernel", Degraded, "plan9"},
		{"no overlayfs", func(m *Machine) { m.Features[hostkernel.Overlayfs] = false }, "kernel-overlayfs", Fatal, "CONFIG_OVERLAY_FS"},
		{"no br_netfilter", func(m *Machine) { m.Features[hostkernel.BrNetfilter] = false }, "kernel-br_netfilter", Degraded, "module"},
		{"cgroup v1", func(m *Machine) { m.CgroupV2 = false }, "cgroup-version", Degraded, "unified"},
		{"no memory controller", func(m *Machine) { m.Controllers = []string{"cpuset", "cpu", "pids"} }, "cgroup-memory", Fatal, "cgroup_enable=memory"},
		{"little memory", func(m *Machine) { m.Memory = 512 << 20 }, "memory", Fatal, "2 GiB"},
		{"memory in use", func(m *Machine) { m.MemoryAvailable = 500 << 20 }, "memory", Degraded, "500 MiB available"},
		{"swap", func(m *Machine) { m.Swap = 1 << 30 }, "swap", Degraded, "swapoff"},
		{"full disk", func(m *Machine) { m.Disk.Free = 100 << 20 }, "disk", Fatal, "--state-dir"},
		{"small disk", func(m *Machine) { m.Disk.Free = 5 << 30 }, "disk", Degraded, "5.0 GiB free"},
		{"no inodes", func(m *Machine) { m.Disk.FreeNodes = 10 }, "inodes", Degraded, "10 free inodes"},
		{"tmpfs", func(m *Machine) { m.Disk.Type = "tmpfs" }, "disk-type", Degraded, "tmpfs"},
		{"slow disk", func(m *Machine) { m.Disk.Sync = 300 * time.Millisecond }, "disk-sync", Degraded, "300 ms"},
		{"clock before the program", func(m *Machine) { m.Clock = time.Unix(0, 0) }, "clock", Fatal, "NTP"},
		{"clock before the certificates", func(m *Machine) { m.CertificatesOf = m.Clock.AddDate(0, 1, 0) }, "clock", Fatal, "certificates were made"},
		{"few files", func(m *Machine) { m.OpenFiles = 20000 }, "open-files", Degraded, "ulimit"},
		{"no hosts file", func(m *Machine) { m.HostsFile = false }, "hosts-file", Fatal, "> /etc/hosts"},
		{"no nft", func(m *Machine) { m.Nft = "" }, "nft", Fatal, "apt-get install nftables"},
		{"port taken", func(m *Machine) {
			m.Taken = []Taken{{"127.0.0.1:80", "ingress", "nginx (pid 812)", "--http-port"}}
		}, "port-127.0.0.1:80", Fatal, "nginx (pid 812)"},
		{"port taken by nobody known", func(m *Machine) { m.Taken = []Taken{{"127.0.0.1:2379", "etcd", "", ""}} }, "port-127.0.0.1:2379", Fatal, "somebody else"},
		{"pods' network in use", func(m *Machine) { m.Routes = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }, "network", Fatal, "--pod-cidr"},
		{"services' network in use", func(m *Machine) { m.Routes = []netip.Prefix{netip.MustParsePrefix("10.43.7.0/24")} }, "network", Fatal, "--service-cidr"},
		{"docker", func(m *Machine) { m.Others = []string{"dockerd (pid 7)"} }, "other-platforms", Degraded, "dockerd (pid 7)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := good()
			c.change(&m)
			findings := Decide(m, platform.DefaultSettings())
			i := slices.IndexFunc(findings, func(f Finding) bool { return f.ID == c.id })
			if i < 0 {
				t.Fatalf("no finding %s in %+v", c.id, findings)
			}
			f := findings[i]
			if f.Severity != c.want || f.Consequence == "" || f.Fix == "" {
				t.Errorf("%+v, want it %s with consequence and fix", f, c.want)
			}
			if text := f.What + f.Consequence + f.Fix; !strings.Contains(text, c.says) {
				t.Errorf("%q does not say %q", text, c.says)
			}
			if Worst(findings) != c.want {
				t.Errorf("the worst is %s", Worst(findings))
			}
		})
	}
}

const listeners4 = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0 100 0 0 10 0
   1: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1235 1 0 100 0 0 10 0
   2: 0100007F:0050 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 1236 1 0 100 0 0 10 0
   3: 0200007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1237 1 0 100 0 0 10 0
   4: 0000000000000000FFFF00000100007F:0051 00000000000000000000000000000000:0000 0A 0:0 00:0 0     0        0 1238 1
`

func TestParseListeners(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host string
		port uint16
		want []string
	}{
		{"127.0.0.1", 80, []string{"1234"}},
		{"127.0.0.1", 443, []string{"1235"}},
		{"127.0.0.1", 81, []string{"1238"}},
		{"127.0.0.1", 8080, nil},
		{"0.0.0.0", 80, []string{"1234", "1237"}},
	} {
		if got := parseListeners(listeners4, c.host, c.port); !slices.Equal(got, c.want) {
			t.Errorf("parseListeners(%s, %d) = %v, want %v", c.host, c.port, got, c.want)
		}
	}
}

func TestParseRoutes(t *testing.T) {
	t.Parallel()
	const text = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
garboard0	00002A0A	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	xx	00000000	0001	0	0	0	00FFFFFF	0	0	0
`
	want := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("192.0.2.0/24")}
	if got := parseRoutes(text, "garboard0"); !slices.Equal(got, want) {
		t.Errorf("parseRoutes = %v, want %v", got, want)
	}
}

func TestParseMemory(t *testing.T) {
	t.Parallel()
	var m Machine
	parseMemory("MemTotal:       24000000 kB\nMemFree: x kB\nMemAvailable:   1024 kB\nSwapTotal: 0 kB\nHugePages_Total: 0\n", &m)
	if m.Memory != 24000000<<10 || m.MemoryAvailable != 1<<20 || m.Swap != 0 {
		t.Errorf("parseMemory = %+v", m)
	}
}

func FuzzParsers(f *testing.F) {
	f.Add(listeners4)
	f.Add("eth0 0 0 0 0 0 0 0\nMemTotal: 1 kB\n")
	f.Fuzz(func(t *testing.T, text string) {
		var m Machine
		parseMemory(text, &m)
		for _, p := range parseRoutes(text, "b") {
			if !p.IsValid() {
				t.Errorf("an invalid prefix from %q", text)
			}
		}
		if got := parseListeners(text, "127.0.0.1", 80); slices.Contains(got, "") {
			t.Errorf("an empty inode from %q", text)
		}
	})
}

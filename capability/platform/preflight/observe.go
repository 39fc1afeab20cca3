package preflight

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/machine"
	"garboard.dev/garboard/capability/platform/pki"
	"garboard.dev/garboard/host/process"
)

// Sources are where observations come from.
type Sources struct {
	Host      machine.Host
	Processes process.Table
	Now       func() time.Time
}

// Observe looks at the machine for the platform in. It starts nothing, and
// writes one file of 4 KiB below the state directory to time the disk.
func Observe(src Sources, in component.Input) (Machine, error) {
	m := Machine{
		Root: os.Geteuid() == 0, CgroupV2: in.Machine.CgroupV2, Systemd: in.Machine.Systemd, LowersOOM: in.Machine.LowersOOM,
		Clock: src.Now(), Nft: lookProgram("nft"), Kernel: firstLine("/proc/sys/kernel/osrelease"),
		Features: src.Host.Kernel.Features(), Controllers: controllers(in.Machine.CgroupV2),
	}
	if info, err := os.Stat(in.Machine.Executable); err == nil {
		m.Built = info.ModTime()
	}
	if ends, err := pki.Ends(in.Layout.CACert()); err == nil {
		m.CertificatesOf = ends.Add(-pki.CALife)
	}
	if _, err := os.Stat("/etc/hosts"); err == nil {
		m.HostsFile = true
	}
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return m, fmt.Errorf("read the limit of open files: %w", err)
	}
	m.OpenFiles = files.Max
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return m, fmt.Errorf("read the memory's size: %w", err)
	}
	parseMemory(string(text), &m)
	if m.Disk, err = observeDisk(in.Layout.StateDir, src.Now); err != nil {
		return m, err
	}
	running, err := src.Processes.List(process.Match{})
	if err != nil {
		return m, err
	}
	m.Taken = taken(in, src.Host.Cgroup(in.Layout), running)
	m.Others = otherPlatforms(running)
	m.Routes = routes(in.Settings.Bridge)
	return m, nil
}

func firstLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

func lookProgram(name string) string {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// controllers lists the cgroup controllers that the kernel has enabled.
func controllers(v2 bool) []string {
	if v2 {
		return strings.Fields(firstLine("/sys/fs/cgroup/cgroup.controllers"))
	}
	f, err := os.Open("/proc/cgroups")
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []string
	for lines := bufio.NewScanner(f); lines.Scan(); { // name, hierarchy, number of cgroups, enabled: cgroups(7)
		if fields := strings.Fields(lines.Text()); len(fields) == 4 && fields[3] == "1" && fields[1] != "0" {
			out = append(out, fields[0])
		}
	}
	return out
}

// parseMemory reads /proc/meminfo, lines of "Name:  NUMBER kB", proc_meminfo(5).
func parseMemory(text string, m *Machine) {
	into := map[string]*uint64{"MemTotal:": &m.Memory, "MemAvailable:": &m.MemoryAvailable, "SwapTotal:": &m.Swap}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || into[fields[0]] == nil {
			continue
		}
		if kib, err := strconv.ParseUint(fields[1], 10, 54); err == nil {
			*into[fields[0]] = kib << 10
		}
	}
}

// filesystems names the types of statfs(2) that matter here.
var filesystems = map[int64]string{0xEF53: "ext4", 0x58465342: "xfs", 0x9123683E: "btrfs", 0x01021994: "tmpfs", 0x794C7630: "overlay", 0x2FC12FC1: "zfs"}

// observeDisk looks at the filesystem that dir is, or will be, on.
func observeDisk(dir string, now func() time.Time) (Disk, error) {
	at := dir
	for {
		if _, err := os.Stat(at); err == nil {
			break
		}
		at = filepath.Dir(at)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(at, &st); err != nil {
		return Disk{}, fmt.Errorf("look at the filesystem of %s: %w", at, err)
	}
	d := Disk{Path: dir, Free: st.Bavail * uint64(st.Bsize), FreeNodes: st.Ffree, Type: filesystems[st.Type]}
	if d.Type == "" {
		d.Type = fmt.Sprintf("type %#x", st.Type)
	}
	if os.Geteuid() == 0 {
		d.Sync = syncTime(at, now)
	}
	return d, nil
}

// syncTime is what writing 4 KiB and syncing them takes; 0 where it cannot be tried.
func syncTime(dir string, now func() time.Time) time.Duration {
	f, err := os.CreateTemp(dir, ".garboard-check-*")
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	started := now()
	if _, err := f.Write(make([]byte, 4096)); err != nil || f.Sync() != nil {
		return 0
	}
	return now().Sub(started)
}

// flags name the flag of `up` that moves a component's port.
var flags = map[string]string{"ingress": "--http-port and --https-port", "console": "--console-port", "kube-apiserver": "--api-port"}

// taken lists the addresses that the platform wants and others listen on. What
// the platform itself holds, below its cgroup, does not count.
func taken(in component.Input, cgroup string, running []process.Info) []Taken {
	var out []Taken
	for address, wanted := range component.Ports(in) {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			continue
		}
		sockets := listeners(host, port)
		if len(sockets) == 0 {
			continue
		}
		holder := holderOf(sockets, running)
		if slices.ContainsFunc(holder.Cgroups, func(c string) bool { return strings.HasPrefix(c+"/", "/"+cgroup+"/") }) {
			continue
		}
		t := Taken{Address: address, Wanted: wanted, Flag: flags[wanted]}
		if holder.PID != 0 {
			t.Holder = fmt.Sprintf("%s (pid %d)", filepath.Base(holder.Exe), holder.PID)
		}
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Taken) int { return strings.Compare(a.Address, b.Address) })
	return out
}

// holderOf finds the process that has one of the sockets open.
func holderOf(sockets map[string]bool, running []process.Info) process.Info {
	for _, p := range running {
		fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", p.PID))
		if err != nil {
			continue
		}
		for _, fd := range fds {
			if to, err := os.Readlink(fd); err == nil && sockets[to] {
				return p
			}
		}
	}
	return process.Info{}
}

// listeners returns the sockets that keep a TCP listener away from host:port:
// those on that address or on all, as their links in /proc/PID/fd name them.
func listeners(host, port string) map[string]bool {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil
	}
	out := map[string]bool{}
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // a kernel without IPv6 has no tcp6
		}
		for _, inode := range parseListeners(string(text), host, uint16(n)) {
			out["socket:["+inode+"]"] = true
		}
	}
	return out
}

// parseListeners reads a table of proc_net_tcp and returns the inodes of the
// sockets that listen where host:port would.
func parseListeners(text, host string, port uint16) []string {
	const listening = "0A"                    // TCP_LISTEN in the column st
	const mapped = "0000000000000000FFFF0000" // begins an IPv4 address in the table of IPv6
	inTheWay := map[string]bool{"00000000": true, strings.Repeat("0", 32): true, procAddress(host): true, mapped + procAddress(host): true}
	var out []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		address, at, _ := strings.Cut(fields[1], ":")
		if at == fmt.Sprintf("%04X", port) && (inTheWay[address] || host == "0.0.0.0") {
			out = append(out, fields[9])
		}
	}
	return out
}

// procAddress is an IPv4 address as /proc/net/tcp writes it: hexadecimal, last byte first.
func procAddress(host string) string {
	ip := net.ParseIP(host).To4()
	if ip == nil {
		return ""
	}
	return fmt.Sprintf("%02X%02X%02X%02X", ip[3], ip[2], ip[1], ip[0])
}

// platforms are programs that manage containers of their own.
var platforms = []string{"dockerd", "k3s", "k0s", "kubelet", "crio", "microk8s", "minikube"}

func otherPlatforms(running []process.Info) []string {
	var out []string
	for _, p := range running {
		name := filepath.Base(p.Exe)
		if slices.Contains(platforms, name) {
			out = append(out, fmt.Sprintf("%s (pid %d)", name, p.PID))
		}
	}
	return out
}

// routes lists the IPv4 networks in the routing table, without those of the
// platform's own bridge.
func routes(bridge string) []netip.Prefix {
	text, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return nil
	}
	return parseRoutes(string(text), bridge)
}

// parseRoutes reads the kernel's IPv4 routing table: lines of Iface Destination
// Gateway Flags RefCnt Use Metric Mask and more.
func parseRoutes(text, bridge string) []netip.Prefix {
	var out []netip.Prefix
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[0] == bridge {
			continue
		}
		to, ok := littleEndian(fields[1])
		mask, ok2 := littleEndian(fields[7])
		if !ok || !ok2 {
			continue
		}
		bits, _ := net.IPMask(mask).Size()
		out = append(out, netip.PrefixFrom(netip.AddrFrom4([4]byte(to)), bits))
	}
	return out
}

// littleEndian reads an address of /proc/net/route: hexadecimal, last byte first.
func littleEndian(text string) ([]byte, bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != 4 {
		return nil, false
	}
	slices.Reverse(b)
	return b, true
}

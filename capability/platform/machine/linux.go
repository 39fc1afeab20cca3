package machine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	"sigs.k8s.io/knftables"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/host/file"
	"garboard.dev/garboard/host/process"
	"garboard.dev/garboard/host/systemd"
)

type linux struct{}

// Linux is this machine.
func Linux() Host { return linux{} }

func (linux) Facts(executable, engineDir string) (component.Machine, error) {
	m := component.Machine{Executable: executable, Program: ProgramID(executable), EngineDir: engineDir, Engine: engineStamp(engineDir), Cores: runtime.NumCPU(), ResolvConf: resolvConf("/etc/resolv.conf", "/run/systemd/resolve/resolv.conf")}
	m.Systemd = systemd.Runs()
	var st unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &st); err != nil {
		return m, err
	}
	m.CgroupV2 = st.Type == unix.CGROUP2_SUPER_MAGIC
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return m, err
	}
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "CapEff:\t"); ok {
			caps, err := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
			if err != nil {
				return m, err
			}
			m.LowersOOM = caps&(1<<unix.CAP_SYS_RESOURCE) != 0
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return m, err
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() {
			m.ExternalIPs = append(m.ExternalIPs, ip.IP.String())
		}
	}
	return m, nil
}

func (linux) Self() (process.ID, error) {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return process.ID{}, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return process.ID{PID: os.Getpid(), StartTime: start}, err
}

func sysctlsPath(l platform.Layout) string { return filepath.Join(l.RunDir, "sysctls.json") }

func (linux) RaiseSysctl(l platform.Layout, name, value string) error {
	path := "/proc/sys/" + name
	old, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	before, _ := strconv.Atoi(strings.TrimSpace(string(old)))
	if want, _ := strconv.Atoi(value); before >= want {
		return nil
	}
	saved := map[string]string{}
	if text, err := os.ReadFile(sysctlsPath(l)); err == nil {
		if err := json.Unmarshal(text, &saved); err != nil {
			return err
		}
	}
	if _, ok := saved[name]; !ok {
		saved[name] = strings.TrimSpace(string(old))
		text, err := json.Marshal(saved)
		if err != nil {
			return err
		}
		if err := file.Write(sysctlsPath(l), text, 0o600); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte(value), 0)
}

func (linux) RestoreSysctls(l platform.Layout) error {
	text, err := os.ReadFile(sysctlsPath(l))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	saved := map[string]string{}
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err != nil {
		return err
	}
	for name, value := range saved {
		if err := os.WriteFile("/proc/sys/"+name, []byte(value), 0); err != nil {
			return err
		}
	}
	return os.Remove(sysctlsPath(l))
}

// hierarchies returns the mount points of the cgroup hierarchies.
func hierarchies() ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		dash := slices.Index(fields, "-")
		if dash > 0 && (fields[dash+1] == "cgroup" || fields[dash+1] == "cgroup2") {
			out = append(out, fields[4])
		}
	}
	return out, nil
}

func ensureCgroups(path string) ([]string, error) {
	roots, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, root := range roots {
		dir := filepath.Join(root, path)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		if strings.HasSuffix(root, "cpuset") {
			for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
				if err := inheritCpuset(root, path, name); err != nil {
					return nil, err
				}
			}
		}
		out = append(out, dir)
	}
	return out, nil
}

func inheritCpuset(root, path, name string) error {
	value, err := os.ReadFile(filepath.Join(root, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	dir := root
	for part := range strings.SplitSeq(path, "/") {
		dir = filepath.Join(dir, part)
		if have, err := os.ReadFile(filepath.Join(dir, name)); err == nil && strings.TrimSpace(string(have)) == "" {
			if err := os.WriteFile(filepath.Join(dir, name), value, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (linux) EnsureCgroup(in component.Input) error {
	_, err := ensureCgroups(cgroupOf(in.Layout))
	return err
}

func (linux) ComponentCgroups(l platform.Layout, name string) ([]string, error) {
	return ensureCgroups(cgroupOf(l) + "/" + name)
}

// cgroupOf is the cgroup that everything of the platform is below. Under
// systemd it is the unit's own, the only part of the tree that is ours to use.
func cgroupOf(l platform.Layout) string {
	if systemd.Runs() {
		return "system.slice/" + l.Cgroup + ".service"
	}
	return l.Cgroup
}

func (linux) KillCgroup(ctx context.Context, in component.Input) error {
	for try := 0; ; try++ {
		left, err := process.Linux{}.List(process.Match{Cgroup: "/" + cgroupOf(in.Layout)})
		if err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(p process.Info) bool { return p.PID == os.Getpid() })
		if len(left) == 0 {
			return nil
		}
		if try > 100 {
			return fmt.Errorf("process %d (%s) does not end", left[0].PID, left[0].Exe)
		}
		for _, p := range left {
			if h, err := (process.Linux{}).Open(p.ID); err == nil {
				if err := h.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
					return err
				}
				if err := h.Close(); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (linux) RemoveCgroup(in component.Input) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	var problems []error
	for _, root := range roots {
		top := filepath.Join(root, cgroupOf(in.Layout))
		var dirs []string
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		problems = append(problems, err)
		slices.Reverse(dirs)
		for _, dir := range dirs {
			if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EBUSY) {
				problems = append(problems, err)
			}
		}
	}
	return errors.Join(problems...)
}

func (linux) EnsureBridge(name, address string) error {
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}
	if err := netlink.LinkAdd(bridge); err != nil && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	addr, err := netlink.ParseAddr(address)
	if err != nil {
		return err
	}
	if err := netlink.AddrReplace(link, addr); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

func (linux) RemoveBridge(name string) error {
	bridge, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	if err != nil {
		return err
	}
	links, err := netlink.LinkList()
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.Attrs().MasterIndex == bridge.Attrs().Index {
			if err := netlink.LinkDel(l); err != nil {
				return err
			}
		}
	}
	return netlink.LinkDel(bridge)
}

func (linux) EnsureRules(s platform.Settings) error {
	nft, err := knftables.New(knftables.InetFamily, "garboard")
	if err != nil {
		return err
	}
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{})
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("Garboard's pods: outward address, and who may come in")})
	tx.Add(&knftables.Chain{Name: "postrouting", Type: knftables.PtrTo(knftables.NATType), Hook: knftables.PtrTo(knftables.PostroutingHook), Priority: knftables.PtrTo(knftables.SNATPriority)})
	tx.Add(&knftables.Rule{Chain: "postrouting", Rule: knftables.Concat("ip saddr", s.PodCIDR, "ip daddr !=", s.PodCIDR, "oifname !=", s.Bridge, "masquerade")})
	for _, hook := range []knftables.BaseChainHook{knftables.PreroutingHook} {
		tx.Add(&knftables.Chain{Name: "from-outside", Type: knftables.PtrTo(knftables.FilterType), Hook: knftables.PtrTo(hook), Priority: knftables.PtrTo(knftables.RawPriority)})
	}
	tx.Add(&knftables.Rule{Chain: "from-outside", Rule: knftables.Concat("iifname != {", s.Bridge, ", lo }", "ip daddr {", s.PodCIDR, ",", s.ServiceCIDR, "}", "ct state != { established, related }", "drop")})
	return nft.Run(context.Background(), tx)
}

func (linux) RemoveRules() error {
	for _, t := range []struct {
		family knftables.Family
		name   string
	}{{knftables.InetFamily, "garboard"}, {knftables.IPv4Family, "kube-proxy"}, {knftables.IPv6Family, "kube-proxy"}, {knftables.InetFamily, "cni_hostport"}} {
		nft, err := knftables.New(t.family, t.name)
		if err != nil {
			return err
		}
		tx := nft.NewTransaction()
		tx.Add(&knftables.Table{})
		tx.Delete(&knftables.Table{})
		if err := nft.Run(context.Background(), tx); err != nil {
			return err
		}
	}
	return nil
}

func (linux) MountsBelow(dir string) ([]string, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if strings.HasPrefix(fields[4], dir+"/") {
			out = append(out, strings.ReplaceAll(fields[4], `\040`, " "))
		}
	}
	slices.Reverse(out)
	return out, nil
}

func (h linux) UnmountBelow(dir string) error {
	mounts, err := h.MountsBelow(dir)
	for _, m := range mounts {
		if e := unix.Unmount(m, unix.UMOUNT_NOFOLLOW); e != nil {
			err = errors.Join(err, unix.Unmount(m, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW))
		}
	}
	return err
}

func (linux) RemoveContainerLinks(l platform.Layout) error {
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

func (linux) EmptyRunDir(l platform.Layout) error {
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

func (linux) Features() map[string]bool {
	has := func(path string) bool { _, err := os.Stat(path); return err == nil }
	filesystems, err := os.ReadFile("/proc/filesystems")
	return map[string]bool{
		"overlayfs":    err == nil && strings.Contains(string(filesystems), "\toverlay\n"),
		"namespaces":   has("/proc/self/ns/net") && has("/proc/self/ns/mnt") && has("/proc/self/ns/pid") && has("/proc/self/ns/ipc") && has("/proc/self/ns/uts"),
		"seccomp":      has("/proc/sys/kernel/seccomp/actions_avail"),
		"br_netfilter": has("/proc/sys/net/bridge/bridge-nf-call-iptables"),
		"bridge":       canAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "gbcheck0"}}),
		"veth":         canAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "gbcheck1"}, PeerName: "gbcheck2"}),
		"nftables":     canFilter(),
	}
}

// canAdd tries the kernel by making the link and deleting it at once. A refusal
// for want of rights says nothing about the kernel.
func canAdd(link netlink.Link) bool {
	err := netlink.LinkAdd(link)
	if err == nil {
		return netlink.LinkDel(link) == nil
	}
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EEXIST)
}

func canFilter() bool {
	nft, err := knftables.New(knftables.InetFamily, "garboard-check")
	if err != nil {
		return os.Geteuid() != 0
	}
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{})
	return nft.Check(context.Background(), tx) == nil
}

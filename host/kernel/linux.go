package kernel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"garboard.dev/garboard/host/netns"
)

// Linux is the running kernel.
type Linux struct{}

// Features implements Prober. What makes interfaces or rules is tried in a
// network namespace of its own, so the machine's network sees nothing of it.
// Trying loads the modules of a kernel that has them apart, as Debian's does.
func (Linux) Features() map[string]bool {
	out := map[string]bool{
		Overlayfs:   hasFilesystem("overlay"),
		Namespaces:  exists("/proc/self/ns/net", "/proc/self/ns/mnt", "/proc/self/ns/pid", "/proc/self/ns/ipc", "/proc/self/ns/uts"),
		Seccomp:     exists("/proc/sys/kernel/seccomp/actions_avail"),
		BrNetfilter: hasBrNetfilter(),
	}
	for name, try := range map[string]func() error{
		Bridge: func() error { return netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "b0"}}) },
		Veth: func() error {
			return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "p0"}, PeerName: "p1"})
		},
		Nftables: listTables,
	} {
		err := netns.Fresh(try)
		out[name] = err == nil || errors.Is(err, syscall.EPERM)
	}
	return out
}

func exists(paths ...string) bool {
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return false
		}
	}
	return true
}

// hasBrNetfilter looks for what the module br_netfilter brings. Nothing that
// needs it loads it, so modprobe does, where there is one.
func hasBrNetfilter() bool {
	const sign = "/proc/sys/net/bridge/bridge-nf-call-iptables"
	if !exists(sign) {
		_ = exec.Command("modprobe", "--quiet", "br_netfilter").Run() // what it did is looked for next
	}
	return exists(sign)
}

// hasFilesystem asks for a file system by its name, which loads its module, and
// where asking is not allowed reads /proc/filesystems: lines of an optional
// "nodev" and a name.
func hasFilesystem(name string) bool {
	if fd, err := unix.Fsopen(name, unix.FSOPEN_CLOEXEC); err == nil {
		_ = unix.Close(fd) // nothing was made with it
		return true
	}
	text, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 0 && f[len(f)-1] == name {
			return true
		}
	}
	return false
}

// listTables asks the kernel for its nftables tables over netlink, which one
// without nftables refuses with EINVAL (no such subsystem); asking also loads the
// module where there is one.
func listTables() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const length = unix.SizeofNlMsghdr + 4 // a header and struct nfgenmsg, all zero: every family
	message := make([]byte, length)
	message[0] = length
	message[4], message[5] = unix.NFT_MSG_GETTABLE, unix.NFNL_SUBSYS_NFTABLES
	flags := uint16(unix.NLM_F_REQUEST | unix.NLM_F_DUMP)
	message[6], message[7] = byte(flags), byte(flags>>8)
	if err := unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, 0)
	if err != nil {
		return err
	}
	return refusal(answer[:n])
}

// refusal is the error in a netlink answer, in a message of type NLMSG_ERROR. It
// reads the first message only: a dump that is refused is refused at once.
func refusal(answer []byte) error {
	messages, err := syscall.ParseNetlinkMessage(answer)
	if err != nil {
		return fmt.Errorf("read the kernel's answer: %w", err)
	}
	if len(messages) == 0 {
		return errors.New("the kernel's answer is empty")
	}
	first := messages[0]
	if first.Header.Type != unix.NLMSG_ERROR || len(first.Data) < 4 {
		return nil
	}
	code := int32(uint32(first.Data[0]) | uint32(first.Data[1])<<8 | uint32(first.Data[2])<<16 | uint32(first.Data[3])<<24)
	if code == 0 {
		return nil
	}
	return syscall.Errno(-code)
}

// RaisesPriority implements Prober.
func (Linux) RaisesPriority() (bool, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return false, fmt.Errorf("read this process's capabilities: %w", err)
	}
	set, err := effective(string(status))
	if err != nil {
		return false, fmt.Errorf("read this process's capabilities: %w", err)
	}
	return set&(1<<unix.CAP_SYS_RESOURCE) != 0, nil
}

// effective reads the line CapEff of proc_pid_status(5): the set as a hexadecimal number.
func effective(status string) (uint64, error) {
	for line := range strings.Lines(status) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			return strconv.ParseUint(strings.TrimSpace(v), 16, 64)
		}
	}
	return 0, errors.New("there is no line CapEff")
}

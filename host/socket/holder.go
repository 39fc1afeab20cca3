package socket

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// listening is the state of a socket in /proc/net/tcp, TCP_LISTEN of
// linux/include/net/tcp_states.h.
const listening = "0A"

// Holder names the program that listens on a TCP port of this machine, as
// "nginx (process 812)". It returns "" where that cannot be known: the port is
// free, or the program is in another process namespace or of another user.
func Holder(port int) string {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if inode := listenerInode(line, port); inode != "" {
				inodes["socket:["+inode+"]"] = true
			}
		}
	}
	if len(inodes) == 0 {
		return ""
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, link := range links {
		// Processes and their files go while they are looked at: what cannot be read is passed over.
		if to, err := os.Readlink(link); err != nil || !inodes[to] {
			continue
		}
		process := filepath.Dir(filepath.Dir(link))
		if name, err := os.ReadFile(filepath.Join(process, "comm")); err == nil {
			return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), filepath.Base(process))
		}
	}
	return ""
}

// listenerInode returns the inode in a line of /proc/net/tcp (proc_pid_net(5))
// of a socket that listens on port, else "".
func listenerInode(line string, port int) string {
	f := strings.Fields(line)
	if len(f) < 10 || f[3] != listening {
		return ""
	}
	_, hex, ok := strings.Cut(f[1], ":")
	if !ok || hex != fmt.Sprintf("%04X", port) {
		return ""
	}
	return f[9]
}

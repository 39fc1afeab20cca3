// Package kernel says what the running kernel can do, by trying it, and what
// this process may do.
package kernel

// The features that Prober looks for.
const (
	Overlayfs   = "overlayfs"
	Namespaces  = "namespaces" // of network, mounts, processes, IPC and host names
	Seccomp     = "seccomp"
	BrNetfilter = "br_netfilter" // packets on a bridge meet the firewall
	Bridge      = "bridge"
	Veth        = "veth"
	Nftables    = "nftables"
)

// Prober tries the kernel.
type Prober interface {
	// Features says for each feature whether it is there. What cannot be tried
	// for want of rights counts as there: a refusal says nothing about the kernel.
	Features() map[string]bool
	// RaisesPriority says whether this process has CAP_SYS_RESOURCE, which
	// lowers oom_score_adj and raises hard limits, capabilities(7).
	RaisesPriority() (bool, error)
}

// Fake is a kernel of the test's making.
type Fake struct {
	Absent   []string // features that it lacks
	Resource bool     // what RaisesPriority says
}

// Features implements Prober.
func (f Fake) Features() map[string]bool {
	out := map[string]bool{Overlayfs: true, Namespaces: true, Seccomp: true, BrNetfilter: true, Bridge: true, Veth: true, Nftables: true}
	for _, name := range f.Absent {
		out[name] = false
	}
	return out
}

// RaisesPriority implements Prober.
func (f Fake) RaisesPriority() (bool, error) { return f.Resource, nil }

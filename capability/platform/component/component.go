// Package component says what the platform consists of: each process with its
// arguments, its configuration files, what it needs before it can start and
// how its health is asked. All of it is computed from the settings and from
// what the machine can do; nothing here touches the machine.
package component

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"garboard.dev/garboard/capability/platform"
)

// Component is one supervised process.
type Component struct {
	Name   string
	Part   string   // its line in the engine's versions; "" for Garboard's own
	Needs  []string // components that must be healthy before it starts
	Args   []string // Args[0] is the program's path
	Build  string   // names the build of that program: a new one means a restart
	Env    []string
	Files  []File
	Health string        // see Health URLs below
	Starts time.Duration // it has this long to become healthy after its start
	Stops  time.Duration // it has this long to end after SIGTERM
	Certs  []string      // pki names it has read at its start: a new one means a restart
	Demand bool          // runs only while somebody needs it
}

// Health URLs: "https://HOST:PORT/PATH" (our authority, the supervisor's client
// certificate), "http://...", "unix:PATH" (it accepts), "cri:PATH" (a CRI runtime
// that answers Version), "unix+http:PATH" (GET /healthz through a socket).

// File is one configuration file, written before the component starts.
type File struct {
	Path string
	Mode fs.FileMode
	Text string
}

// Machine is what of the machine shapes the components.
type Machine struct {
	Systemd     bool   // systemd is process 1: it owns the cgroup tree
	CgroupV2    bool   // one unified hierarchy
	LowersOOM   bool   // oom_score_adj may be lowered (CAP_SYS_RESOURCE)
	ResolvConf  string // the file with the real name servers
	Executable  string // this program
	Program     string // names its build
	EngineDir   string
	Engine      string   // names the engine's build
	ExternalIPs []string // the machine's addresses beside loopback
	Cores       int
}

// Input is all that the table depends on.
type Input struct {
	Settings platform.Settings
	Layout   platform.Layout
	Machine  Machine
}

// Hash changes when the process must be restarted to be what c says.
func (c Component) Hash() string {
	text, err := json.Marshal(struct {
		Build     string
		Args, Env []string
		Files     []File
	}{c.Build, c.Args, c.Env, c.Files})
	if err != nil {
		panic(fmt.Sprintf("component %s cannot be encoded: %v", c.Name, err)) // strings only: cannot happen
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Table returns the components in the order in which they start.
func Table(in Input) []Component {
	all := []Component{
		in.containerd(), in.etcd(), in.apiserver(), in.controllerManager(), in.scheduler(),
		in.kubelet(), in.proxy(), in.coredns(), in.agent(), in.buildkitd(),
	}
	for i := range all {
		all[i].Build = in.Machine.Engine
		if all[i].Part == "" {
			all[i].Build = fmt.Sprint(in.Machine.Program, in.Settings) // it reads the settings at its start
		}
		all[i].Env = append(all[i].Env, "GOMAXPROCS="+strconv.Itoa(in.threads(all[i].Name)), "PATH="+in.Machine.EngineDir+":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root")
	}
	return all
}

// threads is how many cores a component may compute on at once. Go wakes a
// second thread for almost every timer of an idle process that may use two; on
// a small machine that doubles what idling costs and gains nothing.
func (in Input) threads(name string) int {
	switch name {
	case "kube-apiserver", "etcd", "kubelet", "containerd", "agent":
		return max(1, in.Machine.Cores/2)
	case "buildkitd":
		return max(1, in.Machine.Cores)
	}
	return max(1, in.Machine.Cores/4)
}

// Names lists every component's name, in order.
func Names() []string {
	return []string{"containerd", "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler",
		"kubelet", "kube-proxy", "coredns", "agent", "buildkitd"}
}

func (in Input) bin(name string) string    { return filepath.Join(in.Machine.EngineDir, name) }
func (in Input) pki(name string) string    { return filepath.Join(in.Layout.StateDir, "pki", name) }
func (in Input) config(name string) string { return filepath.Join(in.Layout.StateDir, "config", name) }
func (in Input) kubeconfig(name string) string {
	return filepath.Join(in.Layout.StateDir, "config", name+".kubeconfig")
}

// outside says whether traffic from other machines was asked for.
func (in Input) outside() bool { return in.Settings.Listen != "127.0.0.1" }

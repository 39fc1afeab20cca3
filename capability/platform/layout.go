package platform

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

// DefaultStateDir is where the platform of a machine lives unless it is told otherwise.
const DefaultStateDir = "/var/lib/garboard"

// Layout says where everything of one platform is. Two platforms with different
// state directories share nothing but the machine's ports and addresses, so
// they can stand side by side in network namespaces.
type Layout struct {
	StateDir string // what must survive
	RunDir   string // sockets and process ids; gone after a boot
	Cgroup   string // the cgroup below which everything runs, as "garboard"
}

// LayoutOf returns the layout for stateDir.
func LayoutOf(stateDir string) Layout {
	stateDir = filepath.Clean(stateDir)
	if stateDir == DefaultStateDir {
		return Layout{StateDir: stateDir, RunDir: "/run/garboard", Cgroup: "garboard"}
	}
	sum := sha256.Sum256([]byte(stateDir))
	id := hex.EncodeToString(sum[:4])
	return Layout{StateDir: stateDir, RunDir: "/run/garboard-" + id, Cgroup: "garboard-" + id}
}

// AdminKubeconfig is the administrator's kubeconfig, mode 0600.
func (l Layout) AdminKubeconfig() string { return filepath.Join(l.StateDir, "kubeconfig") }

// SettingsFile keeps the Settings that the platform was started with.
func (l Layout) SettingsFile() string { return filepath.Join(l.StateDir, "settings.json") }

// CACert is the certificate of the platform's own authority, in PEM.
func (l Layout) CACert() string { return filepath.Join(l.StateDir, "pki", "ca.crt") }

// CAKey is that authority's key, in PEM, mode 0600.
func (l Layout) CAKey() string { return filepath.Join(l.StateDir, "pki", "ca.key") }

// LogDir holds one log file a component.
func (l Layout) LogDir() string { return filepath.Join(l.StateDir, "log") }

// VolumeDir holds the local directories that claims are given.
func (l Layout) VolumeDir() string { return filepath.Join(l.StateDir, "volumes") }

// ImageDir holds what the image capability keeps: package pools, lock files, registry accounts.
func (l Layout) ImageDir() string { return filepath.Join(l.StateDir, "images") }

// ContainerdRoot is containerd's root: its content store and snapshots.
func (l Layout) ContainerdRoot() string { return filepath.Join(l.StateDir, "containerd") }

// RegistryHostsDir is containerd's certs.d: a folder with hosts.toml for each registry.
func (l Layout) RegistryHostsDir() string { return filepath.Join(l.StateDir, "registries") }

// ContainerdSocket is containerd's API and CRI.
func (l Layout) ContainerdSocket() string { return filepath.Join(l.RunDir, "containerd.sock") }

// BuildkitSocket is BuildKit's API while buildkitd runs, which is on demand.
func (l Layout) BuildkitSocket() string { return filepath.Join(l.RunDir, "buildkitd.sock") }

// ControlSocket is the supervisor's API, mode 0600.
func (l Layout) ControlSocket() string { return filepath.Join(l.RunDir, "control.sock") }

// AgentSocket answers what state the agent's controllers are in, mode 0600.
func (l Layout) AgentSocket() string { return filepath.Join(l.RunDir, "agent.sock") }

package machine

import (
	"context"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/host/process"
)

// Host is what the platform does to the machine. Linux has the real one.
type Host interface {
	Facts(executable, engineDir string) (component.Machine, error)
	Self() (process.ID, error)
	Features() map[string]bool // of the kernel, by name; true where it is there

	RaiseSysctl(l platform.Layout, name, value string) error
	RestoreSysctls(l platform.Layout) error

	EnsureCgroup(in component.Input) error
	ComponentCgroups(l platform.Layout, name string) ([]string, error)
	KillCgroup(ctx context.Context, in component.Input) error
	RemoveCgroup(in component.Input) error

	EnsureBridge(name, address string) error
	RemoveBridge(name string) error
	EnsureRules(s platform.Settings) error
	RemoveRules() error

	MountsBelow(dir string) ([]string, error)
	UnmountBelow(dir string) error
	RemoveContainerLinks(l platform.Layout) error
	EmptyRunDir(l platform.Layout) error
}

// Package cgroup makes, watches, empties and removes control groups, whatever
// hierarchies the machine has: version 1, version 2 or version 1 beside a bare
// version 2 ("hybrid"). A group is one name, as "garboard/etcd", that stands in
// every hierarchy below that hierarchy's mount point.
package cgroup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"garboard.dev/garboard/host/mount"
)

// Version says which hierarchies a machine has.
type Version string

// The versions.
const (
	None   Version = "none"
	V1     Version = "v1"
	V2     Version = "v2"
	Hybrid Version = "hybrid" // controllers in version 1, a version 2 hierarchy beside them
)

// Hierarchy is one mounted tree of groups.
type Hierarchy struct {
	Path        string   `json:"path"`
	Controllers []string `json:"controllers"` // as "cpu"; a named one of version 1 has "name=systemd"
	Unified     bool     `json:"unified"`     // version 2
}

// Layout is what a machine has.
type Layout struct {
	Version     Version     `json:"version"`
	Hierarchies []Hierarchy `json:"hierarchies"`
}

// Has says whether some hierarchy offers the controller.
func (l Layout) Has(controller string) bool {
	return slices.ContainsFunc(l.Hierarchies, func(h Hierarchy) bool { return slices.Contains(h.Controllers, controller) })
}

// Usage is what a group with all below it uses. Sizes are bytes.
type Usage struct {
	Memory    uint64        `json:"memory"` // with page cache
	Processes int           `json:"processes"`
	CPU       time.Duration `json:"cpu"`
}

// Groups are the control groups of a machine.
type Groups interface {
	// Create makes the group in every hierarchy, named ones too (the kubelet
	// wants its group everywhere), and returns its directories: process.Spec
	// takes them. It may exist.
	Create(name string) ([]string, error)
	// PIDs lists the processes in the group and below it. An absent group has none.
	PIDs(name string) ([]int, error)
	// Kill kills all processes in the group and below it, except this one, and
	// returns when none is left.
	Kill(ctx context.Context, name string) error
	// Remove removes the group with all below it from every hierarchy. What
	// has processes in it stays, the rest goes, and the error wraps
	// syscall.EBUSY then. An absent group is no error.
	Remove(ctx context.Context, name string) error
	Usage(name string) (Usage, error)
}

// Detect finds the hierarchies among the machine's mounts.
func Detect(mounts []mount.Mount) (Layout, error) {
	l := Layout{Version: None}
	var one, two bool
	for _, m := range mounts {
		h := Hierarchy{Path: m.Point}
		switch m.Type {
		case "cgroup":
			h.Controllers = controllersOf(m.Super)
			one = one || !named(h)
		case "cgroup2":
			h.Unified = true
			text, err := os.ReadFile(filepath.Join(m.Point, "cgroup.controllers"))
			if err != nil {
				return Layout{}, fmt.Errorf("detect cgroups: %w", err)
			}
			h.Controllers = strings.Fields(string(text))
			two = true
		default:
			continue
		}
		// A tree that is mounted twice, as in a container, counts once: the later mount hides the earlier.
		l.Hierarchies = slices.DeleteFunc(l.Hierarchies, func(old Hierarchy) bool {
			return old.Unified == h.Unified && slices.Equal(old.Controllers, h.Controllers)
		})
		l.Hierarchies = append(l.Hierarchies, h)
	}
	switch {
	case one && two:
		l.Version = Hybrid
	case one:
		l.Version = V1
	case two:
		l.Version = V2
	}
	return l, nil
}

// notControllers are the words among a version 1 mount's options that are none.
var notControllers = []string{"rw", "ro", "none", "clone_children", "xattr", "noprefix", "cpuset_v2_mode", "favordynmods"}

func controllersOf(options []string) []string {
	return slices.DeleteFunc(slices.Clone(options), func(o string) bool {
		return slices.Contains(notControllers, o) || strings.HasPrefix(o, "release_agent=")
	})
}

// named says whether h is a version 1 tree without controllers, as systemd's.
func named(h Hierarchy) bool {
	return !h.Unified && len(h.Controllers) > 0 && strings.HasPrefix(h.Controllers[0], "name=")
}

var errName = errors.New("a cgroup's name is a relative path without dots")

func checkName(name string) error {
	if name == "" || !filepath.IsLocal(name) || filepath.Clean(name) != name || name == "." || bytes.ContainsAny([]byte(name), "\n\x00") {
		return fmt.Errorf("%q: %w", name, errName)
	}
	return nil
}

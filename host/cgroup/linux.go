package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"garboard.dev/garboard/host/mount"
)

// Linux is this machine's control groups.
type Linux struct{ layout Layout }

// New detects the machine's hierarchies.
func New() (*Linux, error) {
	mounts, err := mount.Linux{}.List()
	if err != nil {
		return nil, err
	}
	l, err := Detect(mounts)
	if err != nil {
		return nil, err
	}
	return &Linux{l}, nil
}

// Layout returns what the machine has.
func (l *Linux) Layout() Layout { return l.layout }

// Create implements Groups.
func (l *Linux) Create(name string) ([]string, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	var dirs []string
	for _, h := range l.layout.Hierarchies {
		if err := h.create(name); err != nil {
			return nil, fmt.Errorf("make cgroup %s in %s: %w", name, h.Path, err)
		}
		dirs = append(dirs, filepath.Join(h.Path, name))
	}
	return dirs, nil
}

// create makes the path step by step, since each step needs its setting: in
// version 2 a parent hands its controllers on, in version 1 a new cpuset has
// no processor and takes no process until it is given some.
func (h Hierarchy) create(name string) error {
	parent := h.Path
	for part := range strings.SplitSeq(name, "/") {
		if h.Unified {
			h.handOn(parent)
		}
		dir := filepath.Join(parent, part)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		if slices.Contains(h.Controllers, "cpuset") && !h.Unified {
			if err := inheritCPUs(parent, dir); err != nil {
				return err
			}
		}
		parent = dir
	}
	return nil
}

// handOn enables each controller below dir. One that cannot be (a realtime
// process holds it) is left out: limits of that kind do not hold then, the rest does.
func (h Hierarchy) handOn(dir string) {
	for _, c := range h.Controllers {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0)
	}
}

func inheritCPUs(parent, dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		have, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(have)) != "" {
			continue
		}
		from, err := os.ReadFile(filepath.Join(parent, file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file), from, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// below lists the group's directory and all below it in h, the deepest last.
func (h Hierarchy) below(name string) ([]string, error) {
	var dirs []string
	err := filepath.WalkDir(filepath.Join(h.Path, name), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a group may go while it is looked at
		}
		if err == nil && e.IsDir() {
			dirs = append(dirs, path)
		}
		return err
	})
	return dirs, err
}

// PIDs implements Groups.
func (l *Linux) PIDs(name string) ([]int, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	var out []int
	for _, h := range l.layout.Hierarchies {
		dirs, err := h.below(name)
		if err != nil {
			return nil, fmt.Errorf("list cgroup %s: %w", name, err)
		}
		for _, dir := range dirs {
			text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENODEV) {
				return nil, fmt.Errorf("list cgroup %s: %w", name, err)
			}
			for field := range strings.FieldsSeq(string(text)) {
				if pid, err := strconv.Atoi(field); err == nil && pid > 0 { // 0: a process of another namespace
					out = append(out, pid)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

const killPause = 5 * time.Millisecond

// Kill implements Groups.
func (l *Linux) Kill(ctx context.Context, name string) error {
	for {
		pids, err := l.PIDs(name)
		if err != nil {
			return err
		}
		pids = slices.DeleteFunc(pids, func(pid int) bool { return pid == os.Getpid() })
		if len(pids) == 0 {
			return nil
		}
		if err := l.thaw(name); err != nil {
			return err
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("kill process %d of cgroup %s: %w", pid, name, err)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("kill cgroup %s: processes %v do not end: %w", name, pids, ctx.Err())
		case <-time.After(killPause):
		}
	}
}

// thaw lets frozen processes of version 1 run: they take no signal else.
func (l *Linux) thaw(name string) error {
	for _, h := range l.layout.Hierarchies {
		if h.Unified || !slices.Contains(h.Controllers, "freezer") {
			continue
		}
		dirs, err := h.below(name)
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			err := os.WriteFile(filepath.Join(dir, "freezer.state"), []byte("THAWED"), 0)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("thaw cgroup %s: %w", name, err)
			}
		}
	}
	return nil
}

// Remove implements Groups.
func (l *Linux) Remove(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	var problems []error
	for _, h := range l.layout.Hierarchies {
		dirs, err := h.below(name)
		problems = append(problems, err)
		for _, dir := range slices.Backward(dirs) {
			problems = append(problems, rmdir(ctx, dir))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("remove cgroup %s: %w", name, err)
	}
	return nil
}

// rmdir waits while the kernel still counts ended processes in dir. A group with
// processes or groups in it is refused at once.
func rmdir(ctx context.Context, dir string) error {
	for {
		err := syscall.Rmdir(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if errors.Is(err, syscall.EBUSY) && empty(dir) {
			select {
			case <-ctx.Done():
				return errors.Join(&fs.PathError{Op: "rmdir", Path: dir, Err: err}, ctx.Err())
			case <-time.After(killPause):
				continue
			}
		}
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
}

// empty says whether the group has neither processes nor groups in it.
func empty(dir string) bool {
	pids, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil || len(pids) > 0 {
		return false
	}
	entries, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(entries, fs.DirEntry.IsDir)
}

package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Fake keeps groups in memory. The zero value is ready.
type Fake struct {
	mu     sync.Mutex
	groups map[string][]int
}

// Put says that the process is in the group.
func (f *Fake) Put(name string, pid int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.groups[name] = append(f.groups[name], pid)
}

// Names lists the groups that exist.
func (f *Fake) Names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for name := range f.groups {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Create implements Groups.
func (f *Fake) Create(name string) ([]string, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.groups == nil {
		f.groups = map[string][]int{}
	}
	for n := name; n != "."; n = path.Dir(n) {
		f.groups[n] = append([]int{}, f.groups[n]...)
	}
	return []string{"/" + name}, nil
}

func (f *Fake) below(name string) []string {
	var out []string
	for n := range f.groups {
		if n == name || strings.HasPrefix(n, name+"/") {
			out = append(out, n)
		}
	}
	return out
}

// PIDs implements Groups.
func (f *Fake) PIDs(name string) ([]int, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []int
	for _, n := range f.below(name) {
		out = append(out, f.groups[n]...)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Kill implements Groups.
func (f *Fake) Kill(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.below(name) {
		f.groups[n] = slices.DeleteFunc(f.groups[n], func(pid int) bool { return pid != os.Getpid() })
	}
	return nil
}

// Remove implements Groups.
func (f *Fake) Remove(_ context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var problems []error
	for _, n := range slices.Backward(slices.Sorted(slices.Values(f.below(name)))) { // the deepest first
		if len(f.groups[n]) > 0 || len(f.below(n)) > 1 {
			problems = append(problems, fmt.Errorf("remove cgroup %s: %w", n, syscall.EBUSY))
			continue
		}
		delete(f.groups, n)
	}
	return errors.Join(problems...)
}

// Usage implements Groups.
func (f *Fake) Usage(name string) (Usage, error) {
	f.mu.Lock()
	_, ok := f.groups[name]
	f.mu.Unlock()
	if !ok {
		return Usage{}, fs.ErrNotExist
	}
	pids, err := f.PIDs(name)
	return Usage{Processes: len(pids), Memory: uint64(len(pids)) << 20}, err
}

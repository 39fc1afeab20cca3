package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Usage implements Groups.
func (l *Linux) Usage(name string) (Usage, error) {
	pids, err := l.PIDs(name)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{Processes: len(pids)}
	var memory, cpu bool
	for _, h := range l.layout.Hierarchies {
		dir := filepath.Join(h.Path, name)
		if slices.Contains(h.Controllers, "memory") {
			u.Memory, err = number(dir, map[bool]string{true: "memory.current", false: "memory.usage_in_bytes"}[h.Unified])
			memory = err == nil
		}
		switch {
		case h.Unified && l.layout.Version == V2:
			u.CPU, err = statCPU(filepath.Join(dir, "cpu.stat"))
			cpu = err == nil
		case slices.Contains(h.Controllers, "cpuacct"):
			var ns uint64
			ns, err = number(dir, "cpuacct.usage")
			u.CPU, cpu = time.Duration(ns), err == nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Usage{}, fmt.Errorf("usage of cgroup %s: %w", name, err)
		}
	}
	if !memory && !cpu {
		return Usage{}, fmt.Errorf("usage of cgroup %s: %w", name, fs.ErrNotExist)
	}
	return u, nil
}

func number(dir, file string) (uint64, error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}

// statCPU reads usage_usec of cpu.stat, which every group of version 2 has.
func statCPU(path string) (time.Duration, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "usage_usec" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return time.Duration(n) * time.Microsecond, err
		}
	}
	return 0, fmt.Errorf("%s has no usage_usec", path)
}

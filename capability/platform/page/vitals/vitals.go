// Package vitals reads a Linux machine's vital signs from /proc: how busy the
// processors are, how much memory and disk is used, what the network carries.
// The files' formats are those of proc(5).
package vitals

import (
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"garboard.dev/garboard/host/disk"
)

// Sample is one look at the machine. Sizes are in bytes, rates per second.
type Sample struct {
	Time     time.Time `json:"time"`
	Host     string    `json:"host"`
	Kernel   string    `json:"kernel"`
	Uptime   float64   `json:"uptime"` // seconds
	Cores    int       `json:"cores"`
	CPU      float64   `json:"cpu"` // busy share of all cores since the last sample, 0 to 1
	Load     float64   `json:"load"`
	Memory   uint64    `json:"memory"`
	MemUsed  uint64    `json:"memoryUsed"` // what programs hold: without caches that can be given up
	Disk     uint64    `json:"disk"`       // of the file system that holds the platform's state
	DiskUsed uint64    `json:"diskUsed"`
	Received float64   `json:"received"`
	Sent     float64   `json:"sent"`
}

// Meter takes samples. Rates are over the time since the sample before; the
// first has none.
type Meter struct {
	Proc fs.FS // /proc
	Disk disk.Meter
	Path string // on the file system to measure
	Now  func() time.Time

	mu      sync.Mutex
	before  counters
	sampled time.Time
}

// counters only grow, so what they say is in their differences.
type counters struct {
	busy, total    uint64 // ticks of all cores
	received, sent uint64 // bytes
}

// Read takes a sample.
func (m *Meter) Read() (Sample, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := Sample{Time: m.Now()}
	now, err := m.read(&s)
	if err != nil {
		return s, err
	}
	space, err := m.Disk.At(m.Path)
	if err != nil {
		return s, err
	}
	s.Disk, s.DiskUsed = space.Total, space.Total-min(space.Free, space.Total)
	if seconds := s.Time.Sub(m.sampled).Seconds(); !m.sampled.IsZero() && seconds > 0 {
		s.CPU = share(now.busy, m.before.busy, now.total, m.before.total)
		s.Received = float64(grown(now.received, m.before.received)) / seconds
		s.Sent = float64(grown(now.sent, m.before.sent)) / seconds
	}
	m.before, m.sampled = now, s.Time
	return s, nil
}

func (m *Meter) read(s *Sample) (c counters, err error) {
	text := map[string]string{}
	for _, name := range []string{"stat", "meminfo", "uptime", "loadavg", "net/dev", "sys/kernel/osrelease", "sys/kernel/hostname"} {
		content, err := fs.ReadFile(m.Proc, name)
		if err != nil {
			return c, fmt.Errorf("read /proc/%s: %w", name, err)
		}
		text[name] = string(content)
	}
	if c.busy, c.total, s.Cores, err = parseStat(text["stat"]); err != nil {
		return c, err
	}
	if s.Memory, s.MemUsed, err = parseMemory(text["meminfo"]); err != nil {
		return c, err
	}
	if s.Uptime, err = firstNumber(text["uptime"]); err != nil {
		return c, fmt.Errorf("/proc/uptime: %w", err)
	}
	if s.Load, err = firstNumber(text["loadavg"]); err != nil {
		return c, fmt.Errorf("/proc/loadavg: %w", err)
	}
	if c.received, c.sent, err = parseNetwork(text["net/dev"]); err != nil {
		return c, err
	}
	s.Kernel = strings.TrimSpace(text["sys/kernel/osrelease"])
	s.Host = strings.TrimSpace(text["sys/kernel/hostname"])
	return c, nil
}

func share(busy, busyBefore, total, totalBefore uint64) float64 {
	ticks := grown(total, totalBefore)
	if ticks == 0 {
		return 0
	}
	return min(1, float64(grown(busy, busyBefore))/float64(ticks))
}

// grown is the growth of a counter; one that was set back has grown by nothing.
func grown(now, before uint64) uint64 {
	if now < before {
		return 0
	}
	return now - before
}

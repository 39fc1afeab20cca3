package process

import (
	"bufio"
	"bytes"
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

// ticksPerSecond is USER_HZ, which every architecture's kernel shows as 100.
const ticksPerSecond = 100

// stat is what proc_pid_stat(5) says of a process.
type stat struct {
	state     byte
	startTime uint64        // ticks after boot
	cpu       time.Duration // user and system
	rss       uint64        // pages
}

var errStat = errors.New("not the form of proc_pid_stat(5)")

// parseStat reads /proc/PID/stat. The second field is the program's name in
// brackets and may hold anything, brackets and line feeds too, so the fields
// are counted from the last closing one.
func parseStat(text []byte) (stat, error) {
	end := bytes.LastIndexByte(text, ')')
	if end < 0 {
		return stat{}, errStat
	}
	f := strings.Fields(string(text[end+1:])) // f[0] is field 3
	if len(f) < 22 || len(f[0]) != 1 {
		return stat{}, errStat
	}
	var n [4]uint64
	for i, field := range []int{14, 15, 22, 24} {
		v, err := strconv.ParseUint(f[field-3], 10, 64)
		if err != nil {
			return stat{}, errStat
		}
		n[i] = v
	}
	ticks := time.Duration(n[0] + n[1])
	return stat{state: f[0][0], cpu: ticks * (time.Second / ticksPerSecond), startTime: n[2], rss: n[3]}, nil
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(text)
}

// startTime gives fs.ErrNotExist for a process that is gone or has ended
// without being collected.
func startTime(pid int) (uint64, error) {
	s, err := readStat(pid)
	if err == nil && (s.state == 'Z' || s.state == 'X') {
		err = fs.ErrNotExist
	}
	return s.startTime, err
}

func usageOf(id ID) (Usage, error) {
	s, err := readStat(id.PID)
	if err != nil || s.startTime != id.StartTime {
		return Usage{}, fmt.Errorf("usage of process %d: %w", id.PID, errors.Join(err, fs.ErrNotExist))
	}
	u := Usage{RSS: s.rss * uint64(os.Getpagesize()), CPU: s.cpu}
	dir := fmt.Sprintf("/proc/%d/", id.PID)
	// Not every kernel keeps these two, and a stranger may not read them.
	if text, err := os.ReadFile(dir + "smaps_rollup"); err == nil {
		u.PSS = counter(text, "Pss:") * 1024
	}
	if text, err := os.ReadFile(dir + "io"); err == nil {
		u.Read, u.Written = counter(text, "read_bytes:"), counter(text, "write_bytes:")
	}
	return u, nil
}

// counter finds the number behind key at a line's beginning; 0 where there is none.
func counter(text []byte, key string) uint64 {
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) > 1 && f[0] == key {
			n, err := strconv.ParseUint(f[1], 10, 64)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}

// List implements Table.
func (Linux) List(match Match) ([]Info, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	boot, err := bootTime()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var out []Info
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if info, ok := infoOf(pid, boot); ok && match.holds(info) {
			out = append(out, info)
		}
	}
	slices.SortFunc(out, func(a, b Info) int { return a.PID - b.PID })
	return out, nil
}

func (m Match) holds(i Info) bool {
	if !strings.HasPrefix(i.Exe, m.ExePrefix) {
		return false
	}
	return m.Cgroup == "" || slices.ContainsFunc(i.Cgroups, func(c string) bool {
		return c == m.Cgroup || strings.HasPrefix(c, strings.TrimSuffix(m.Cgroup, "/")+"/")
	})
}

// infoOf is false for a process that is gone, has ended, or is a kernel thread.
func infoOf(pid int, boot time.Time) (Info, bool) {
	start, err := startTime(pid)
	if err != nil {
		return Info{}, false
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	exe, err := os.Readlink(filepath.Join(dir, "exe"))
	if err != nil {
		return Info{}, false
	}
	args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return Info{}, false
	}
	groups, err := os.ReadFile(filepath.Join(dir, "cgroup"))
	if err != nil {
		return Info{}, false
	}
	return Info{
		ID:      ID{pid, start},
		Exe:     strings.TrimSuffix(exe, " (deleted)"),
		Args:    strings.Split(strings.TrimSuffix(string(args), "\x00"), "\x00"),
		Cgroups: parseCgroups(groups),
		Started: boot.Add(time.Duration(start) * (time.Second / ticksPerSecond)),
	}, true
}

// parseCgroups reads /proc/PID/cgroup: lines of "id:controllers:path", cgroups(7).
func parseCgroups(text []byte) []string {
	var out []string
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) == 3 && !slices.Contains(out, parts[2]) {
			out = append(out, parts[2])
		}
	}
	return out
}

func bootTime() (time.Time, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, err
	}
	return time.Unix(int64(counter(text, "btime")), 0), nil
}

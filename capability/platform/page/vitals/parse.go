package vitals

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// parseStat reads the first line of /proc/stat, ticks of all cores together
// (user nice system idle iowait irq softirq steal ...), and counts the cores.
// Guest time is in user time already.
func parseStat(text string) (busy, total uint64, cores int, err error) {
	seen := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || !strings.HasPrefix(fields[0], "cpu"):
		case fields[0] != "cpu":
			cores++
		default:
			if busy, total, err = parseTicks(fields[1:]); err != nil {
				return 0, 0, 0, err
			}
			seen = true
		}
	}
	if !seen {
		return 0, 0, 0, errors.New("/proc/stat has no line for all processors")
	}
	return busy, total, max(cores, 1), nil
}

func parseTicks(fields []string) (busy, total uint64, err error) {
	if len(fields) < 4 {
		return 0, 0, fmt.Errorf("/proc/stat: %d columns instead of at least 4", len(fields))
	}
	for i, f := range fields[:min(len(fields), 8)] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/stat: %w", err)
		}
		total += n
		if i != 3 && i != 4 { // idle and iowait
			busy += n
		}
	}
	return busy, total, nil
}

// parseMemory reads MemTotal and MemAvailable of /proc/meminfo, in kB there.
func parseMemory(text string) (total, used uint64, err error) {
	sizes := map[string]uint64{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "MemTotal:" && fields[0] != "MemAvailable:" {
			continue
		}
		n, err := strconv.ParseUint(fields[1], 10, 54) // times 1024 it still fits
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/meminfo: %w", err)
		}
		sizes[fields[0]] = n << 10
	}
	total = sizes["MemTotal:"]
	if total == 0 {
		return 0, 0, errors.New("/proc/meminfo has no MemTotal")
	}
	return total, total - min(total, sizes["MemAvailable:"]), nil
}

// inner are interfaces whose traffic passes no cable, or another interface too.
var inner = []string{"lo", "veth", "cni", "garboard", "docker", "br-", "dummy"}

// parseNetwork adds up /proc/net/dev: after "name:" the first column is the
// bytes received, the ninth those sent.
func parseNetwork(text string) (received, sent uint64, err error) {
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(line, ":")
		if !ok || isInner(strings.TrimSpace(name)) {
			continue
		}
		fields := strings.Fields(rest)
		if len(fields) < 9 {
			return 0, 0, fmt.Errorf("/proc/net/dev: %d columns instead of at least 9", len(fields))
		}
		in, err := strconv.ParseUint(fields[0], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/net/dev: %w", err)
		}
		out, err := strconv.ParseUint(fields[8], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/net/dev: %w", err)
		}
		received, sent = received+in, sent+out
	}
	return received, sent, nil
}

func isInner(name string) bool {
	for _, prefix := range inner {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func firstNumber(text string) (float64, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return 0, errors.New("the file is empty")
	}
	n, err := strconv.ParseFloat(fields[0], 64)
	if err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
		err = fmt.Errorf("%q is no number", fields[0])
	}
	return n, err
}

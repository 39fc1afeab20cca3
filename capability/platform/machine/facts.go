package machine

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// EngineVersions reads the engine's part versions from the file versions in its
// folder; a folder without that file has none.
func EngineVersions(engineDir string) map[string]string {
	out := map[string]string{}
	text, err := os.ReadFile(filepath.Join(engineDir, "versions"))
	if err != nil {
		return out
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 3 && fields[0] != "#" {
			out[fields[0]] = fields[2]
		}
	}
	return out
}

// engineStamp names the build of the engine: the stamp that build.sh leaves.
func engineStamp(engineDir string) string {
	text, err := os.ReadFile(filepath.Join(engineDir, ".stamp"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// ProgramID names the file at path so that a newer build of it is noticed; it
// is "" where there is none.
func ProgramID(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d-%d", info.Size(), info.ModTime().UnixNano())
}

// resolvConf returns the file that pods with the machine's own DNS are given:
// a name server on loopback, as systemd-resolved is, cannot be reached from them.
func resolvConf(main, behindStub string) string {
	if !onlyLoopback(main) {
		return main
	}
	if _, err := os.Stat(behindStub); err == nil {
		return behindStub
	}
	return main
}

func onlyLoopback(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	servers := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if !strings.HasPrefix(fields[1], "127.") && fields[1] != "::1" {
			return false
		}
		servers++
	}
	return servers > 0
}

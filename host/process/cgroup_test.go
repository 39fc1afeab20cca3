package process_test

import (
	"os"
	"strings"
	"testing"

	"garboard.dev/garboard/host/cgroup"
	"garboard.dev/garboard/host/process"
)

// The program is in its cgroups from its first instruction on: it prints them.
func TestStartInCgroups(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("making cgroups needs root")
	}
	groups, err := cgroup.New()
	if err != nil {
		t.Fatal(err)
	}
	name := "garboard-test-process"
	dirs, err := groups.Create(name)
	if err != nil {
		t.Skipf("no cgroup can be made here: %v", err)
	}
	log, err := os.CreateTemp(t.TempDir(), "log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	h, err := process.Linux{}.Start(process.Spec{Path: "/bin/cat", Args: []string{"/proc/self/cgroup"}, Output: log, Cgroups: dirs})
	if err != nil {
		t.Fatal(err)
	}
	if exit, err := h.Wait(t.Context()); err != nil || exit.Code != 0 {
		t.Fatalf("Wait = %v, %v", exit, err)
	}
	text, err := os.ReadFile(log.Name())
	if err != nil || strings.Count(string(text), "/"+name+"\n") < len(dirs) {
		t.Errorf("made %q, the program saw %q, %v", dirs, text, err)
	}
	if err := groups.Remove(t.Context(), name); err != nil {
		t.Error(err)
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil || strings.Contains(string(own), name) {
		t.Errorf("the starter is in the cgroup too: %q, %v", own, err)
	}
}

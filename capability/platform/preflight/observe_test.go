package preflight

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/machine"
	hostkernel "garboard.dev/garboard/host/kernel"
	"garboard.dev/garboard/host/process"
)

// The real machine is observed, and a port that this test holds is seen as its.
func TestObserve(t *testing.T) {
	t.Parallel()
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	settings := platform.DefaultSettings()
	settings.HTTPPort = held.Addr().(*net.TCPAddr).Port
	in := component.Input{Settings: settings, Layout: platform.LayoutOf(filepath.Join(t.TempDir(), "absent", "state"))}
	m, err := Observe(Sources{Host: machine.Host{Kernel: hostkernel.Fake{}}, Processes: process.Linux{}, Now: time.Now}, in)
	if err != nil {
		t.Fatal(err)
	}
	if m.Memory < 1<<28 || m.OpenFiles == 0 || m.Disk.Free == 0 || m.Disk.Type == "" || m.Kernel == "" {
		t.Errorf("observed %+v", m)
	}
	i := slices.IndexFunc(m.Taken, func(taken Taken) bool { return taken.Address == held.Addr().String() })
	if i < 0 {
		t.Fatalf("%s is not seen as taken: %+v", held.Addr(), m.Taken)
	}
	if want := "preflight.test (pid " + strconv.Itoa(os.Getpid()) + ")"; m.Taken[i].Holder != want || m.Taken[i].Flag == "" {
		t.Errorf("%+v, want the holder %q and a flag", m.Taken[i], want)
	}
	own := process.Info{ID: process.ID{PID: os.Getpid()}, Cgroups: []string{"/garboard/ingress"}}
	if got := taken(in, "garboard", []process.Info{own}); slices.ContainsFunc(got, func(taken Taken) bool { return taken.Address == held.Addr().String() }) {
		t.Errorf("what the platform holds itself counts as taken: %+v", got)
	}
	other := process.Info{ID: process.ID{PID: os.Getpid()}, Cgroups: []string{"/garboard-1234/ingress"}}
	if got := taken(in, "garboard", []process.Info{other}); !slices.ContainsFunc(got, func(taken Taken) bool { return taken.Address == held.Addr().String() }) {
		t.Errorf("what another platform holds does not count: %+v", got)
	}
}

package process

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOutputEnvironmentAndStatus(t *testing.T) {
	t.Parallel()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	h, err := Linux{}.Start(Spec{Path: "/bin/sh", Args: []string{"-c", "pwd; echo $A $HOME >&2; exit 7"}, Env: []string{"A=b"}, Output: log})
	if err != nil {
		t.Fatal(err)
	}
	if exit, err := h.Wait(t.Context()); err != nil || exit != (Exit{Known: true, Code: 7}) {
		t.Errorf("Wait = %v, %v", exit, err)
	}
	text, err := os.ReadFile(log.Name())
	if err != nil || string(text) != "/\nb\n" {
		t.Errorf("log holds %q, %v", text, err)
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	self, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	u, err := usageOf(self)
	if err != nil {
		t.Fatal(err)
	}
	if u.RSS < 1<<20 || u.PSS > u.RSS*2 {
		t.Errorf("usage of this test: %+v", u)
	}
}

// A stranger learns the exit status where the kernel tells it.
func TestAdoptedExitStatus(t *testing.T) {
	t.Parallel()
	h, err := Linux{}.Start(Spec{Path: "/bin/sh", Args: []string{"-c", "sleep 0.05; exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := Linux{}.Open(h.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	exit, err := a.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !exit.Known {
		t.Skip("this kernel does not tell a stranger's exit status (6.15 and later do)")
	}
	if exit.Code != 3 {
		t.Errorf("exit = %v", exit)
	}
}

func TestCloseEndsWaiting(t *testing.T) {
	t.Parallel()
	h, err := Linux{}.Start(Spec{Path: "/bin/sleep", Args: []string{"100"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Signal(syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	})
	a, err := Linux{}.Open(h.ID())
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() {
		_, err := a.Wait(context.Background())
		ended <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("Wait on a closed handle says that the process ended")
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	s, err := parseStat([]byte("7 (a) b) (c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 4242 1000 77 18446744073709551615"))
	if err != nil || s.state != 'S' || s.cpu != 2*time.Second || s.startTime != 4242 || s.rss != 77 {
		t.Errorf("parseStat = %+v, %v", s, err)
	}
	for _, bad := range []string{"", "7 (a", "7 (a) S 1", "7 (a) S " + strings.Repeat("x ", 30)} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("parseStat(%q) succeeds", bad)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 4242 1000 77 1"))
	f.Add([]byte(")"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := parseStat(text); err == nil && s.state == 0 {
			t.Errorf("parsed %q without a state", text)
		}
	})
}

package process_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"garboard.dev/garboard/host/process"
)

const absent = "/nonexistent/program"

func TestContract(t *testing.T) {
	t.Parallel()
	tables := map[string]process.Table{"linux": process.Linux{}, "fake": &process.Fake{Missing: []string{absent}}}
	for name, table := range tables {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("ends by a signal", func(t *testing.T) { endsBySignal(t, table) })
			t.Run("adopts", func(t *testing.T) { adopts(t, table) })
			t.Run("lists", func(t *testing.T) { lists(t, table) })
			t.Run("names an absent program", func(t *testing.T) { absentProgram(t, table) })
			t.Run("waits no longer than its context", func(t *testing.T) { waitEnds(t, table) })
		})
	}
}

func sleeper(t *testing.T, table process.Table) (process.Handle, string) {
	t.Helper()
	path, err := exec.LookPath("sleep")
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	h, err := table.Start(process.Spec{Path: path, Args: []string{"100"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.Signal(syscall.SIGKILL) // it may have ended
		if _, err := h.Wait(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return h, path
}

func endsBySignal(t *testing.T, table process.Table) {
	h, _ := sleeper(t, table)
	if err := h.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	exit, err := h.Wait(t.Context())
	if want := (process.Exit{Known: true, Code: 143, Signal: syscall.SIGTERM}); err != nil || exit != want {
		t.Errorf("Wait = %v, %v; want %v", exit, err, want)
	}
	if err := h.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal to an ended process gives %v", err)
	}
	if _, err := h.Usage(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the usage of an ended process gives %v", err)
	}
}

func adopts(t *testing.T, table process.Table) {
	h, _ := sleeper(t, table)
	other := h.ID()
	other.StartTime++
	if _, err := table.Open(other); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the id with another start time gives %v", err)
	}
	a, err := table.Open(h.ID())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	exit, err := a.Wait(t.Context())
	if err != nil || exit.Known && exit.Signal != syscall.SIGTERM {
		t.Errorf("the adopted one's Wait = %v, %v", exit, err)
	}
	if err := a.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("a signal to an ended adopted process gives %v", err)
	}
	if _, err := table.Open(h.ID()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an ended process opens with %v", err)
	}
}

func lists(t *testing.T, table process.Table) {
	h, path := sleeper(t, table)
	for match, want := range map[process.Match]bool{
		{ExePrefix: path}:     true,
		{ExePrefix: absent}:   false,
		{Cgroup: "/nowhere!"}: false,
		{}:                    true,
	} {
		infos, err := table.List(match)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.ContainsFunc(infos, func(i process.Info) bool { return i.ID == h.ID() })
		if got != want {
			t.Errorf("List(%+v) holds the process: %v", match, got)
		}
	}
}

func absentProgram(t *testing.T, table process.Table) {
	if _, err := table.Start(process.Spec{Path: absent}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent program gives %v", err)
	}
}

func waitEnds(t *testing.T, table process.Table) {
	h, _ := sleeper(t, table)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := h.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Wait = %v", err)
	}
}

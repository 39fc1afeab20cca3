package process

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Fake is a table of processes that are not there. SIGTERM and SIGKILL end one,
// other signals are only kept. The zero value is ready.
type Fake struct {
	Missing  []string // programs that Start does not find
	Stubborn []string // programs that SIGTERM does not end

	mu    sync.Mutex
	procs []*FakeProcess
}

// FakeProcess is one of them; it is its own Handle.
type FakeProcess struct {
	Spec Spec
	Use  Usage // what Usage returns

	stubborn bool

	mu      sync.Mutex
	id      ID
	started time.Time
	done    chan struct{}
	exit    Exit
	signals []syscall.Signal
}

// Start implements Table.
func (f *Fake) Start(spec Spec) (Handle, error) {
	if slices.Contains(f.Missing, spec.Path) {
		return nil, fmt.Errorf("start %s: %w", spec.Path, fs.ErrNotExist)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.procs) + 1
	p := &FakeProcess{Spec: spec, stubborn: slices.Contains(f.Stubborn, spec.Path), id: ID{PID: 1000 + n, StartTime: uint64(n)}, started: time.Unix(int64(n), 0), done: make(chan struct{})}
	f.procs = append(f.procs, p)
	return p, nil
}

// Open implements Table.
func (f *Fake) Open(id ID) (Handle, error) {
	for _, p := range f.Processes() {
		if p.id == id && !p.ended() {
			return p, nil
		}
	}
	return nil, fmt.Errorf("process %d: %w", id.PID, fs.ErrNotExist)
}

// List implements Table.
func (f *Fake) List(match Match) ([]Info, error) {
	var out []Info
	for _, p := range f.Processes() {
		info := Info{ID: p.id, Exe: p.Spec.Path, Args: append([]string{p.Spec.Path}, p.Spec.Args...), Started: p.started}
		for _, dir := range p.Spec.Cgroups {
			info.Cgroups = append(info.Cgroups, "/"+strings.TrimPrefix(dir, "/"))
		}
		if !p.ended() && match.holds(info) {
			out = append(out, info)
		}
	}
	return out, nil
}

// Processes returns all that were started, ended ones too, in order.
func (f *Fake) Processes() []*FakeProcess {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.procs)
}

// End makes the process end.
func (p *FakeProcess) End(exit Exit) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended() {
		p.exit = exit
		close(p.done)
	}
}

// Signals returns what was sent to it.
func (p *FakeProcess) Signals() []syscall.Signal {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.signals)
}

func (p *FakeProcess) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ID implements Handle.
func (p *FakeProcess) ID() ID { return p.id }

// Wait implements Handle.
func (p *FakeProcess) Wait(ctx context.Context) (Exit, error) {
	select {
	case <-p.done:
		return p.exit, nil
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	}
}

// Signal implements Handle.
func (p *FakeProcess) Signal(sig syscall.Signal) error {
	if p.ended() {
		return os.ErrProcessDone
	}
	p.mu.Lock()
	p.signals = append(p.signals, sig)
	p.mu.Unlock()
	if sig == syscall.SIGTERM && !p.stubborn || sig == syscall.SIGKILL {
		p.End(Exit{Known: true, Code: 128 + int(sig), Signal: sig})
	}
	return nil
}

// Usage implements Handle.
func (p *FakeProcess) Usage() (Usage, error) {
	if p.ended() {
		return Usage{}, fs.ErrNotExist
	}
	return p.Use, nil
}

// Close implements Handle.
func (p *FakeProcess) Close() error { return nil }

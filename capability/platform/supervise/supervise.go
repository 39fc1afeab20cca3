// Package supervise keeps the platform's components running: it starts them in
// the order of their needs, asks their health, starts again what ended or does
// not answer (with growing pauses and the reason kept), and stops them in order.
//
// Components outlive their supervisor. Each one's process id and start time
// stand in a file, so the next supervisor takes over what still runs as it is
// wanted, and restarts only what is not.
package supervise

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/host/process"
)

// Prober asks a component's health by its Health URL; nil means healthy.
type Prober interface {
	Probe(ctx context.Context, url string) error
}

// Pauses and patience.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 30 * time.Second
	settled      = 2 * time.Minute // a component that was healthy this long starts again without a pause
	startPoll    = 50 * time.Millisecond
	healthPeriod = 10 * time.Second
	healthLimit  = 5 * time.Second
	strikes      = 3                // failed health checks in a row before a restart
	idleLimit    = 10 * time.Minute // an on-demand component stops when nobody asked for it this long
)

// Options are what a Supervisor works with.
type Options struct {
	Components []component.Component
	Versions   map[string]string // of the engine's parts
	Processes  process.Table
	Prober     Prober
	Log        *slog.Logger
	Now        func() time.Time
	LogDir     string
	RecordDir  string                                   // process ids and start times
	Cgroups    func(component string) ([]string, error) // its cgroup directories, made if they were not there
	Prepare    func(component.Component) error          // writes its files
}

// Supervisor keeps a set of components.
type Supervisor struct {
	Options
	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever a state changes
	keepers map[string]*keeper
	order   []string
}

// New returns a Supervisor; Run starts it.
func New(o Options) *Supervisor {
	s := &Supervisor{Options: o, changed: make(chan struct{}), keepers: map[string]*keeper{}}
	for _, c := range o.Components {
		s.keepers[c.Name] = &keeper{sup: s, spec: c, wanted: !c.Demand, kick: make(chan string, 1), asked: o.Now(),
			status: control.Component{Name: c.Name, Version: o.Versions[c.Part], State: control.Stopped, OnDemand: c.Demand, Since: o.Now()}}
		s.order = append(s.order, c.Name)
	}
	return s
}

// Run keeps the components until ctx ends; they go on running after that.
func (s *Supervisor) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, name := range s.order {
		all.Go(func() { s.keepers[name].keep(ctx) })
	}
	all.Go(func() { s.rotateLogs(ctx) })
	all.Wait()
}

// Components returns the state of each component, in starting order; with
// usage also what memory and CPU each uses now.
func (s *Supervisor) Components(usage bool) []control.Component {
	s.mu.Lock()
	out := make([]control.Component, 0, len(s.order))
	handles := make([]process.Handle, 0, len(s.order))
	for _, name := range s.order {
		out = append(out, s.keepers[name].status)
		handles = append(handles, s.keepers[name].handle)
	}
	s.mu.Unlock()
	for i, h := range handles {
		if !usage || h == nil {
			continue
		}
		if u, err := h.Usage(); err == nil {
			out[i].RSSBytes, out[i].PSSBytes, out[i].CPUSeconds = u.RSS, u.PSS, u.CPU.Seconds()
		}
	}
	return out
}

// Ensure makes the component name run and returns when it is healthy.
func (s *Supervisor) Ensure(ctx context.Context, name string) error {
	k := s.keepers[name]
	if k == nil {
		return fmt.Errorf("there is no component %q", name)
	}
	s.mu.Lock()
	k.wanted, k.asked = true, s.Now()
	s.mu.Unlock()
	s.announce()
	return s.await(ctx, name)
}

// Restart restarts the component name and returns when it is healthy again.
func (s *Supervisor) Restart(ctx context.Context, name, reason string) error {
	k := s.keepers[name]
	if k == nil {
		return fmt.Errorf("there is no component %q", name)
	}
	s.mu.Lock()
	before := k.status.Restarts
	s.mu.Unlock()
	select {
	case k.kick <- reason:
	default: // a restart is asked for already
	}
	for {
		s.mu.Lock()
		after, changed := k.status.Restarts, s.changed
		s.mu.Unlock()
		if after != before {
			return s.await(ctx, name)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not restart: %w", name, ctx.Err())
		case <-changed:
		}
	}
}

// Stop stops the named components side by side, waits for them, and leaves them stopped.
func (s *Supervisor) Stop(names ...string) {
	var all sync.WaitGroup
	for _, name := range names {
		if k := s.keepers[name]; k != nil {
			all.Go(k.stopAndWait)
		}
	}
	all.Wait()
}

// await returns when the component is healthy.
func (s *Supervisor) await(ctx context.Context, name string) error {
	for {
		s.mu.Lock()
		status, changed := s.keepers[name].status, s.changed
		s.mu.Unlock()
		if status.Healthy {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is %s (%s): %w", name, status.State, status.Reason, ctx.Err())
		case <-changed:
		}
	}
}

// announce wakes all who wait for a change.
func (s *Supervisor) announce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Supervisor) logPath(name string) string { return filepath.Join(s.LogDir, name+".log") }

package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/host/process"
)

// keeper keeps one component. Its fields below sup are guarded by sup.mu.
type keeper struct {
	sup    *Supervisor
	spec   component.Component
	kick   chan string // reasons for a restart
	wanted bool
	asked  time.Time // when somebody last wanted an on-demand component
	handle process.Handle
	status control.Component
}

// errSuperseded ends a run because somebody asked for it, not by a failure.
type errSuperseded struct{ reason string }

func (e errSuperseded) Error() string { return e.reason }

// keep runs the component until ctx ends.
func (k *keeper) keep(ctx context.Context) {
	pause := firstPause
	for {
		if !k.awaitTurn(ctx) {
			return
		}
		healthySince, err := k.run(ctx)
		if ctx.Err() != nil {
			return
		}
		var asked errSuperseded
		switch {
		case err == nil: // stopped on purpose
			continue
		case errors.As(err, &asked):
			k.update(func(c *control.Component) { c.State, c.Reason = control.Stopped, asked.reason; c.Restarts++ })
			continue
		}
		k.sup.Log.Warn("component ended", "component", k.spec.Name, "reason", err)
		k.update(func(c *control.Component) { c.State, c.Reason = control.Failed, err.Error(); c.Restarts++ })
		if !healthySince.IsZero() && k.sup.Now().Sub(healthySince) > settled {
			pause = firstPause
			continue
		}
		sleep(ctx, pause)
		pause = min(pause*2, longestPause)
	}
}

// awaitTurn returns true when the component is wanted and what it needs is
// healthy, false when ctx ends before that.
func (k *keeper) awaitTurn(ctx context.Context) bool {
	for {
		k.sup.mu.Lock()
		missing := ""
		for _, need := range k.spec.Needs {
			if !k.sup.keepers[need].status.Healthy {
				missing = need
				break
			}
		}
		wanted, changed, state := k.wanted, k.sup.changed, k.status.State
		k.sup.mu.Unlock()
		if wanted && (missing == "" || k.recorded()) {
			return true
		}
		if wanted && state == control.Stopped {
			k.update(func(c *control.Component) { c.State, c.Reason = control.Waiting, "waits for "+missing })
			continue
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		}
	}
}

// run adopts or starts the process and returns when it has ended. It returns
// nil where it was stopped on purpose.
func (k *keeper) run(ctx context.Context) (healthySince time.Time, err error) {
	h, adopted, err := k.obtain(ctx)
	if err != nil {
		return healthySince, err
	}
	k.sup.mu.Lock()
	k.handle = h
	k.sup.mu.Unlock()
	k.update(func(c *control.Component) {
		c.State, c.PID = control.Starting, h.ID().PID
		if !adopted && c.Restarts == 0 {
			c.Reason = ""
		}
	})
	defer func() {
		if ctx.Err() == nil { // at the supervisor's own end the process stays
			k.forget()
		}
	}()
	ended := make(chan process.Exit, 1)
	go func() {
		if exit, err := h.Wait(ctx); err == nil {
			ended <- exit
		}
	}()

	if err := k.awaitHealthy(ctx, h, ended); err != nil {
		return healthySince, err
	}
	healthySince = k.sup.Now()
	k.update(func(c *control.Component) { c.State, c.Healthy = control.Running, true })
	return healthySince, k.watch(ctx, h, ended)
}

// obtain takes over the process that the record names, if it is what is wanted
// now, or starts one.
func (k *keeper) obtain(ctx context.Context) (h process.Handle, adopted bool, err error) {
	if r, ok := readRecord(k.recordPath()); ok {
		if h, err := k.sup.Processes.Open(r.ID); err == nil {
			if r.Hash == k.spec.Hash() {
				return h, true, nil
			}
			k.end(ctx, h)
			if err := h.Close(); err != nil {
				return nil, false, err
			}
		}
	}
	if err := k.sup.Prepare(k.spec); err != nil {
		return nil, false, err
	}
	cgroups, err := k.sup.Cgroups(k.spec.Name)
	if err != nil {
		return nil, false, err
	}
	log, err := os.OpenFile(k.sup.logPath(k.spec.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, false, err
	}
	defer log.Close()
	h, err = k.sup.Processes.Start(process.Spec{
		Path: k.spec.Args[0], Args: k.spec.Args[1:], Env: k.spec.Env, Output: log, Cgroups: cgroups,
	})
	if err != nil {
		return nil, false, err
	}
	if err := k.writeRecord(h.ID()); err != nil { // unrecorded, it would run beside the one that the next try starts
		k.end(ctx, h)
		return nil, false, err
	}
	return h, false, nil
}

// awaitHealthy returns nil when the component answers, else why it does not.
func (k *keeper) awaitHealthy(ctx context.Context, h process.Handle, ended <-chan process.Exit) error {
	deadline := time.NewTimer(k.spec.Starts)
	defer deadline.Stop()
	for {
		probe, cancel := context.WithTimeout(ctx, healthLimit)
		last := k.sup.Prober.Probe(probe, k.spec.Health)
		cancel()
		if last == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case exit := <-ended:
			return k.explain(exit)
		case reason := <-k.kick:
			return k.obey(ctx, h, ended, reason)
		case <-deadline.C:
			k.end(ctx, h)
			return fmt.Errorf("not healthy %v after its start: %w", k.spec.Starts, last)
		case <-time.After(startPoll):
		}
	}
}

// watch asks the health from time to time and returns why the component ended.
func (k *keeper) watch(ctx context.Context, h process.Handle, ended <-chan process.Exit) error {
	tick := time.NewTicker(healthPeriod)
	defer tick.Stop()
	missed := 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case exit := <-ended:
			return k.explain(exit)
		case reason := <-k.kick:
			return k.obey(ctx, h, ended, reason)
		case <-tick.C:
			if k.idle() {
				return k.obey(ctx, h, ended, stopOnPurpose)
			}
			probe, cancel := context.WithTimeout(ctx, healthLimit)
			err := k.sup.Prober.Probe(probe, k.spec.Health)
			cancel()
			if missed = k.judge(missed, err); missed >= strikes {
				k.end(ctx, h)
				return fmt.Errorf("%d health checks in a row failed: %w", strikes, err)
			}
		}
	}
}

// judge counts failed health checks and shows them.
func (k *keeper) judge(missed int, err error) int {
	if err == nil {
		if missed > 0 {
			k.update(func(c *control.Component) { c.Healthy, c.Reason = true, "" })
		}
		return 0
	}
	k.update(func(c *control.Component) { c.Healthy, c.Reason = false, "health check failed: "+err.Error() })
	return missed + 1
}

// stopOnPurpose is the kick that stops a component for good.
const stopOnPurpose = ""

// obey ends the process because somebody asked for it.
func (k *keeper) obey(ctx context.Context, h process.Handle, ended <-chan process.Exit, reason string) error {
	k.update(func(c *control.Component) { c.Healthy = false })
	k.end(ctx, h)
	if reason != stopOnPurpose {
		return errSuperseded{reason}
	}
	k.sup.mu.Lock()
	k.wanted = false
	k.sup.mu.Unlock()
	k.update(func(c *control.Component) { c.State, c.Reason = control.Stopped, "" })
	return nil
}

// idle says whether an on-demand component has not been asked for long.
func (k *keeper) idle() bool {
	k.sup.mu.Lock()
	defer k.sup.mu.Unlock()
	return k.spec.Demand && k.sup.Now().Sub(k.asked) > idleLimit
}

// stopAndWait stops the component and returns when it has ended.
func (k *keeper) stopAndWait() {
	for {
		k.sup.mu.Lock()
		k.wanted = false
		stopped, changed := k.handle == nil, k.sup.changed
		k.sup.mu.Unlock()
		if stopped {
			return
		}
		select {
		case k.kick <- stopOnPurpose:
		default:
		}
		<-changed
	}
}

// end asks the process to end, kills it when its time is over, and returns when
// it has ended; also where ctx ends meanwhile, for a half-stopped process helps nobody.
func (k *keeper) end(ctx context.Context, h process.Handle) {
	ctx = context.WithoutCancel(ctx)
	patience, cancel := context.WithTimeout(ctx, k.spec.Stops)
	defer cancel()
	for _, try := range []struct {
		signal syscall.Signal
		limit  context.Context
	}{{syscall.SIGTERM, patience}, {syscall.SIGKILL, ctx}} {
		if err := h.Signal(try.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			k.sup.Log.Error("cannot signal component", "component", k.spec.Name, "error", err)
		}
		if _, err := h.Wait(try.limit); err == nil {
			return
		}
	}
}

// explain says why the process ended: its status and the last line of its log
// that looks like a reason.
func (k *keeper) explain(exit process.Exit) error {
	why := exit.String()
	if line := lastComplaint(k.sup.logPath(k.spec.Name)); line != "" && exit.Signal == 0 {
		why += ": " + line
	}
	return errors.New(why)
}

// update changes the shown status and wakes those who wait.
func (k *keeper) update(change func(*control.Component)) {
	k.sup.mu.Lock()
	before := k.status
	change(&k.status)
	if k.status.State != control.Running && k.status.State != control.Starting {
		k.status.Healthy, k.status.PID = false, 0
	}
	if k.status.State != before.State {
		k.status.Since = k.sup.Now()
	}
	different := k.status != before
	k.sup.mu.Unlock()
	if different {
		k.sup.announce()
	}
}

// forget drops the handle and the record of a process that has ended.
func (k *keeper) forget() {
	k.removeRecord()
	k.sup.mu.Lock()
	handle := k.handle
	k.handle = nil
	k.sup.mu.Unlock()
	if err := handle.Close(); err != nil {
		k.sup.Log.Error("cannot let go of the process", "component", k.spec.Name, "error", err)
	}
	k.update(func(c *control.Component) {
		if c.State == control.Running || c.State == control.Starting {
			c.State = control.Failed
		}
	})
	k.sup.announce()
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// lastComplaint returns the last line of the log's tail that reports an error, shortened.
func lastComplaint(path string) string {
	lines := strings.Split(tail(path, 8<<10), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		l := strings.TrimSpace(lines[i])
		lower := strings.ToLower(l)
		if strings.HasPrefix(l, "E") || strings.HasPrefix(l, "F") || strings.Contains(lower, "error") || strings.Contains(lower, "fatal") || strings.Contains(lower, "panic") {
			return shorten(l, 300)
		}
	}
	return ""
}

func shorten(s string, limit int) string {
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/host/process"
)

// Where no init system starts the supervisor again, a guard does: a process
// that waits for the supervisor's end and starts the next one. The supervisor
// does the same for the guard, so either may be killed at any time.

const guardPause = 500 * time.Millisecond

// Guard waits for the supervisor's end and starts another one, until a
// supervisor ends on purpose.
func Guard(ctx context.Context, o Options) error {
	self, err := process.Self()
	if err != nil {
		return err
	}
	if err := writeID(guardPath(o.Layout), self); err != nil {
		return err
	}
	debug.FreeOSMemory() // it will wait for months: what starting took goes back
	for ctx.Err() == nil {
		h, err := openID(o.Processes, supervisorPath(o.Layout))
		switch {
		case err == nil:
			_, err = h.Wait(ctx)
			err = errors.Join(err, h.Close())
			if err != nil {
				return err
			}
		case isAbsent(o.Layout): // it ended on purpose, and said so by removing its record
			return os.Remove(guardPath(o.Layout))
		case errors.Is(err, fs.ErrNotExist): // it was killed
			o.Log.Warn("the supervisor was killed; starting another")
			if err := Spawn(o); err != nil {
				o.Log.Error("cannot start the supervisor", "error", err)
			}
			pause(ctx, guardPause)
		default:
			return err
		}
	}
	return nil
}

// Ended says whether no supervisor runs at l, and the last one ended on purpose.
func Ended(l platform.Layout) bool { return isAbsent(l) }

func isAbsent(l platform.Layout) bool {
	_, err := os.Stat(supervisorPath(l))
	return errors.Is(err, fs.ErrNotExist)
}

// keepGuard keeps a guard running until ctx ends.
func (d *daemon) keepGuard(ctx context.Context) {
	for ctx.Err() == nil {
		h, err := openID(d.Processes, guardPath(d.Layout))
		if err != nil {
			h, err = d.Options.start("guard", "platform", "guard")
		}
		if err != nil {
			d.Log.Error("cannot start the guard", "error", err)
			pause(ctx, guardPause)
			continue
		}
		if _, err := h.Wait(ctx); err == nil {
			d.Log.Warn("the guard ended; starting another")
		}
		if err := h.Close(); err != nil {
			d.Log.Error("let go of the guard", "error", err)
		}
		pause(ctx, guardPause)
	}
}

// Spawn starts the supervisor in the background and returns at once.
func Spawn(o Options) error {
	if err := makeFolders(o.Layout); err != nil {
		return err
	}
	h, err := o.start("supervisor", "platform", "supervise")
	if err != nil {
		return err
	}
	// The record stands before this returns, so that a guard never sees a gap.
	return errors.Join(writeID(supervisorPath(o.Layout), h.ID()), h.Close())
}

// start starts this program again with args, its output in the log file name.
func (o Options) start(name string, args ...string) (process.Handle, error) {
	log, err := os.OpenFile(filepath.Join(o.Layout.LogDir(), name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cgroups, err := o.Host.ComponentCgroups(o.Layout, name)
	if err != nil {
		return nil, fmt.Errorf("make the %s's cgroup: %w", name, err)
	}
	return o.Processes.Start(process.Spec{
		Path: o.Executable, Args: append(args, "--state-dir", o.Layout.StateDir), Output: log, Cgroups: cgroups,
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "GARBOARD_ENGINE=" + o.EngineDir, "GOGC=50"},
	})
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/machine"
	"garboard.dev/garboard/capability/platform/supervise"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/file"
	"garboard.dev/garboard/host/process"
	"garboard.dev/garboard/host/systemd"
)

// stages is the order in which the components stop: first those that would
// start pods again, then (after the pods) those that pods need, last what the
// others stand on. The API server goes before etcd: without it, it would wait
// a minute for an answer.
var stages = [][]string{
	{"agent", "buildkitd", "kubelet", "kube-scheduler", "kube-controller-manager"},
	{"kube-proxy", "coredns", "kube-apiserver"},
	{"etcd", "containerd"},
}

// Teardown stops everything that runs below the layout, in order, and removes
// what it has left on the machine. It needs no supervisor; none may run.
// report is told each step's name when it begins.
func Teardown(ctx context.Context, o Options, report func(step string)) error {
	if _, err := os.Stat(o.Layout.StateDir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock, err := takeLock(ctx, o.Layout)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	settings, err := platform.ReadSettings(o.Layout)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	facts, err := o.Host.Facts(o.Executable, o.EngineDir)
	if err != nil {
		return err
	}
	d := &daemon{Options: o, input: component.Input{Settings: settings, Layout: o.Layout, Machine: facts}}
	return errors.Join(d.takeDown(ctx, report), os.RemoveAll(o.Layout.RunDir))
}

// takeLock waits for a supervisor that is about to end.
func takeLock(ctx context.Context, l platform.Layout) (*file.Locked, error) {
	for {
		lock, err := file.Lock(lockPath(l))
		if !errors.Is(err, file.ErrLocked) {
			return lock, err
		}
		pause(ctx, 50*time.Millisecond)
		if ctx.Err() != nil {
			return nil, err
		}
	}
}

func (d *daemon) teardown(ctx context.Context) error {
	err := d.takeDown(ctx, func(step string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.doing = step
		d.Log.Info("going down", "step", step)
	})
	return errors.Join(err, removeAll(supervisorPath(d.Layout), guardPath(d.Layout)))
}

func (d *daemon) takeDown(ctx context.Context, report func(string)) error {
	var problems []error
	stop := func(names []string) {
		for _, name := range names {
			report("stop " + name)
		}
		problems = append(problems, d.stopComponents(ctx, names))
	}
	stop(stages[0])
	report("stop pods")
	problems = append(problems, machine.StopPods(ctx, d.Layout.ContainerdSocket()))
	stop(stages[1])
	stop(stages[2])
	report("clean the machine")
	if d.input.Machine.Systemd { // the kubelet has made it through systemd, so systemd must take it away
		problems = append(problems, d.Units.Stop(ctx, "kubepods.slice"))
	}
	problems = append(problems, machine.Clean(ctx, d.Host, d.input))
	return errors.Join(problems...)
}

// stopComponents stops the recorded processes of the named components side by side.
func (d *daemon) stopComponents(ctx context.Context, names []string) error {
	patience := map[string]time.Duration{}
	for _, c := range component.Table(d.input) {
		patience[c.Name] = c.Stops
	}
	problems := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			problems[i] = stopRecorded(ctx, d.Processes, supervise.RecordPath(recordDir(d.Layout), name), patience[name])
		})
	}
	all.Wait()
	return errors.Join(problems...)
}

// stopRecorded stops the process that the record at path names, if it runs.
func stopRecorded(ctx context.Context, table process.Table, path string, patience time.Duration) error {
	var id process.ID
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &id)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	h, err := table.Open(id)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Remove(path)
	}
	if err != nil {
		return err
	}
	defer h.Close()
	if err := End(ctx, h, patience); err != nil {
		return err
	}
	return os.Remove(path)
}

// End asks the process to end, kills it after patience, and waits for its end.
func End(ctx context.Context, h process.Handle, patience time.Duration) error {
	limit, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, try := range []struct {
		signal syscall.Signal
		limit  context.Context
	}{{syscall.SIGTERM, limit}, {syscall.SIGKILL, ctx}} {
		if err := h.Signal(try.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		if _, err := h.Wait(try.limit); err == nil {
			return nil
		}
	}
	return ctx.Err()
}

func removeAll(paths ...string) error {
	var problems []error
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// Erase deletes the state directory. Nothing may run below it, and nothing may
// be mounted below it: a volume that is still there belongs to somebody.
func Erase(ctx context.Context, o Options) error {
	mounts, err := o.Host.MountsBelow(o.Layout.StateDir)
	if err != nil {
		return err
	}
	if len(mounts) > 0 {
		return fault.New(fault.Conflict, "delete the state", "unmount it", "%s is still mounted", mounts[0])
	}
	if systemd.Runs() {
		if err := o.Units.Remove(ctx, UnitName(o.Layout)); err != nil {
			return err
		}
	}
	return erase(o.Layout.StateDir)
}

// erase deletes dir, or all that is in it where dir is a disk of its own.
func erase(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == "lost+found" {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.ENOTEMPTY) {
		return err
	}
	return nil
}

// Package daemon is the supervisor's process: it prepares the machine, issues
// certificates, keeps the components running, answers on the control socket,
// and takes everything down again in order.
package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/capability/platform/machine"
	"garboard.dev/garboard/capability/platform/supervise"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/disk"
	"garboard.dev/garboard/host/file"
	"garboard.dev/garboard/host/process"
	"garboard.dev/garboard/host/systemd"
)

// Options are what the daemon works with.
type Options struct {
	Layout     platform.Layout
	Executable string // this program, started again for the agent and the guard
	EngineDir  string
	Version    string
	Log        *slog.Logger
	Now        func() time.Time
	Processes  process.Table
	Host       machine.Host
	Units      systemd.Units
	Disk       disk.Meter
}

// certificateTick is how often certificates are looked at.
const certificateTick = 6 * time.Hour

// settled is when starting is over for sure.
const settled = 30 * time.Second

// daemon is the state of one run.
type daemon struct {
	Options
	input   component.Input
	network *supervise.Network
	sup     *supervise.Supervisor
	stop    context.CancelFunc // ends the run; what says how
	started time.Time
	hash    string // of the settings that this run works with
	program string // names the program file that this run was started from

	mu      sync.Mutex
	phase   string
	doing   string // the step of going down
	failure error
	steps   []control.Step
	what    ending
}

// ending is how a run ends.
type ending int

const (
	takeDown ending = iota // stop everything
	handOver               // leave the components to the next supervisor
)

// ErrAlreadyRuns says that another supervisor holds the state directory.
var ErrAlreadyRuns = errors.New("a supervisor runs already")

// Run is the supervisor: it returns when it was told to end, after taking
// everything down unless it was told to hand over.
func Run(ctx context.Context, o Options) error {
	if err := makeFolders(o.Layout); err != nil {
		return err
	}
	lock, err := file.Lock(lockPath(o.Layout))
	if errors.Is(err, file.ErrLocked) {
		return fault.Wrap(fmt.Errorf("%w: %w", ErrAlreadyRuns, err), fault.Conflict, "start the supervisor", "garboard status shows it")
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d := &daemon{Options: o, stop: stop, started: o.Now(), program: machine.ProgramID(o.Executable), phase: "preparing"}
	self, err := process.Self()
	if err != nil {
		return err
	}
	if err := writeID(supervisorPath(o.Layout), self); err != nil {
		return err
	}
	api, err := d.listen()
	if err != nil {
		return err
	}
	err = d.work(ctx)
	if closing := api.Close(); err == nil {
		err = closing
	}
	return err
}

// work prepares, keeps, and ends.
func (d *daemon) work(ctx context.Context) error {
	settings, err := platform.ReadSettings(d.Layout)
	d.hash = settingsHash(settings)
	if err == nil {
		err = d.prepare(ctx, settings)
	}
	if err != nil { // stays reachable, so that `up` and `status` can say why
		d.fail(err)
		<-ctx.Done()
	} else {
		d.keep(ctx)
	}
	if d.ending() == handOver {
		return os.Remove(supervisorPath(d.Layout))
	}
	d.setPhase("stopping")
	return d.teardown(context.WithoutCancel(ctx))
}

// prepare makes the machine and the files what the components need.
func (d *daemon) prepare(ctx context.Context, settings platform.Settings) error {
	facts, err := d.Host.Facts(d.Executable, d.EngineDir)
	if err != nil {
		return err
	}
	d.input = component.Input{Settings: settings, Layout: d.Layout, Machine: facts}
	if err := d.step("machine", func() error { return machine.Prepare(ctx, d.Host, d.input) }); err != nil {
		return err
	}
	return d.step("certificates", func() error {
		_, err := d.issue()
		return err
	})
}

// keep runs the components until ctx ends.
func (d *daemon) keep(ctx context.Context) {
	d.network = d.prober()
	d.sup = supervise.New(supervise.Options{
		Components: component.Table(d.input), Versions: d.versions(), Processes: d.Processes, Prober: d.network,
		Log: d.Log, Now: d.Now, LogDir: d.Layout.LogDir(), RecordDir: recordDir(d.Layout),
		Cgroups: func(name string) ([]string, error) { return d.Host.ComponentCgroups(d.Layout, name) },
		Prepare: writeFiles,
	})
	d.setPhase("running")
	if err := d.stopOutdated(ctx); err != nil {
		d.Log.Error("cannot stop what has changed", "error", err)
	}
	var all sync.WaitGroup
	all.Go(func() { d.sup.Run(ctx) })
	all.Go(func() { d.watchCertificates(ctx) })
	all.Go(func() {
		pause(ctx, settled)
		debug.FreeOSMemory() // what starting took is not needed again for long
	})
	if !d.input.Machine.Systemd {
		all.Go(func() { d.keepGuard(ctx) })
	}
	all.Wait()
}

// stopOutdated stops, in the order of going down, the components that an earlier
// supervisor started with other arguments, files or programs. Each on its own
// would do so too, but then the API server could outlive etcd, and hang.
func (d *daemon) stopOutdated(ctx context.Context) error {
	outdated := map[string]bool{}
	for _, c := range component.Table(d.input) {
		outdated[c.Name] = supervise.Outdated(recordDir(d.Layout), c)
	}
	for _, stage := range stages {
		stage = slices.DeleteFunc(slices.Clone(stage), func(name string) bool { return !outdated[name] })
		if err := d.stopComponents(ctx, stage); err != nil {
			return err
		}
	}
	return nil
}

func (d *daemon) versions() map[string]string {
	out := map[string]string{"": d.Version}
	for part, version := range machine.EngineVersions(d.EngineDir) {
		out[part] = version
	}
	return out
}

func (d *daemon) prober() *supervise.Network {
	pki := func(name string) string { return filepath.Join(d.Layout.StateDir, "pki", name) }
	return &supervise.Network{
		CACert: pki("ca.crt"), Cert: pki("supervisor.crt"), Key: pki("supervisor.key"),
		EtcdCA: pki("etcd-ca.crt"), EtcdCert: pki("etcd-client.crt"), EtcdKey: pki("etcd-client.key"),
	}
}

// writeFiles writes a component's configuration.
func writeFiles(c component.Component) error {
	for _, f := range c.Files {
		if err := os.MkdirAll(filepath.Dir(f.Path), 0o700); err != nil {
			return err
		}
		if err := file.Write(f.Path, []byte(f.Text), f.Mode); err != nil {
			return err
		}
	}
	return nil
}

// step runs one part of the preparation and shows it.
func (d *daemon) step(name string, work func() error) error {
	started := d.Now()
	err := work()
	d.mu.Lock()
	defer d.mu.Unlock()
	s := control.Step{Name: name, Done: err == nil, Failed: err != nil, Seconds: d.Now().Sub(started).Seconds()}
	if err != nil {
		s.Detail = err.Error()
	}
	d.steps = append(d.steps, s)
	return err
}

func (d *daemon) fail(err error) {
	d.Log.Error("the platform cannot start", "error", err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.phase, d.failure = "failed", err
}

func (d *daemon) setPhase(phase string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.phase = phase
}

func (d *daemon) ending() ending {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.what
}

// end makes the run end in the way what says.
func (d *daemon) end(what ending) {
	d.mu.Lock()
	d.what = what
	d.mu.Unlock()
	d.stop()
}

func makeFolders(l platform.Layout) error {
	for dir, mode := range map[string]os.FileMode{
		l.StateDir: 0o711, l.RunDir: 0o711, recordDir(l): 0o700, l.LogDir(): 0o700, l.VolumeDir(): 0o700, l.RegistryHostsDir(): 0o755,
		filepath.Join(l.StateDir, "pki"): 0o700, filepath.Join(l.StateDir, "config"): 0o700, filepath.Join(l.StateDir, "etcd"): 0o700,
	} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fault.Wrap(err, fault.Denied, "make "+dir, "run as root, or choose another place with --state-dir")
		}
		if err := os.Chmod(dir, mode); err != nil {
			return fault.Wrap(err, fault.Denied, "protect "+dir, "run as root")
		}
	}
	return nil
}

// lockPath stands among what survives, so that down can remove the whole run
// directory and nobody ever locks a file that another has unlinked.
func lockPath(l platform.Layout) string { return filepath.Join(l.StateDir, "supervisor.lock") }

func supervisorPath(l platform.Layout) string { return filepath.Join(l.RunDir, "supervisor.json") }
func guardPath(l platform.Layout) string      { return filepath.Join(l.RunDir, "guard.json") }
func recordDir(l platform.Layout) string      { return filepath.Join(l.RunDir, "components") }

// settingsHash names settings, so that `up` sees whether a supervisor works with them.
func settingsHash(s platform.Settings) string {
	sum := sha256.Sum256(fmt.Append(nil, s))
	return hex.EncodeToString(sum[:8])
}

func writeID(path string, id process.ID) error {
	text, err := json.Marshal(id)
	if err != nil {
		return err
	}
	return file.Write(path, text, 0o600)
}

// openID opens the process that the file at path names.
func openID(table process.Table, path string) (process.Handle, error) {
	var id process.ID
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &id); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return table.Open(id)
}

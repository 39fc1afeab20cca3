// Package page is the platform's part of the console: the machine's vital
// signs and the components that run on it.
package page

import (
	"context"
	"errors"
	"os"
	"time"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/capability/platform/page/vitals"
	"garboard.dev/garboard/console"
	"garboard.dev/garboard/host/disk"
)

// How often the machine and the components are looked at while somebody does,
// and how many samples of the machine a plot begins with: five minutes.
const (
	machineEvery    = 2 * time.Second
	componentsEvery = 3 * time.Second
	samplesKept     = 150
	firstSpan       = 300 * time.Millisecond
)

// Pages returns the platform's page. A console that looks at another cluster
// has none: what it would show is of the wrong machine.
func Pages(env console.Env) []console.Page {
	if env.StateDir == "" {
		return nil
	}
	supervisor := control.New(platform.LayoutOf(env.StateDir).ControlSocket())
	meter := &vitals.Meter{Proc: os.DirFS("/proc"), Disk: disk.Linux{}, Path: env.StateDir, Now: env.Now}
	return []console.Page{New(env, supervisor, meter)}
}

// Statuser is the supervisor, as far as the page asks it.
type Statuser interface {
	Status(ctx context.Context, usage bool) (control.Status, error)
}

// New returns the page that shows what supervisor and meter say.
func New(env console.Env, supervisor Statuser, meter *vitals.Meter) console.Page {
	machine := console.NewLatest[vitals.Sample](samplesKept)
	components := console.NewLatest[status](1)
	return console.Page{
		Name: "platform", Title: "Components",
		Feeds: []console.Feed{
			{Name: "machine", Open: machine.Open, Run: func(ctx context.Context) {
				if _, err := meter.Read(); err == nil { // rates are over the time between two samples
					time.Sleep(firstSpan)
				}
				every(ctx, machineEvery, func() {
					sample, err := meter.Read()
					if err != nil {
						env.Log.Debug("cannot read the machine's vital signs", "error", err)
						return
					}
					machine.Add(sample)
				})
			}},
			{Name: "components", Open: components.Open, Run: func(ctx context.Context) {
				every(ctx, componentsEvery, func() { components.Add(ask(ctx, supervisor, env.Now)) })
			}},
		},
	}
}

// status is what the browser gets of the supervisor's answer. Taken lets it
// turn CPU seconds into a share.
type status struct {
	Taken        time.Time             `json:"taken"`
	Version      string                `json:"version"`
	Phase        string                `json:"phase"`
	Since        time.Time             `json:"since"`
	Failure      string                `json:"failure,omitempty"`
	Hint         string                `json:"hint,omitempty"`
	Components   []control.Component   `json:"components"`
	Certificates []control.Certificate `json:"certificates"`
	Degraded     []control.Degraded    `json:"degraded"`
}

// askWithin bounds one question; a supervisor that hangs shows as one.
const askWithin = 5 * time.Second

func ask(ctx context.Context, supervisor Statuser, now func() time.Time) status {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	s, err := supervisor.Status(ctx, true)
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return status{Taken: now(), Phase: "stopped", Failure: "the supervisor does not run", Hint: "garboard up starts it"}
	case err != nil:
		return status{Taken: now(), Phase: "unknown", Failure: "the supervisor does not answer: " + err.Error(), Hint: "garboard platform logs supervisor says why"}
	}
	return status{now(), s.Version, s.Phase, s.Since, s.Failure, s.Hint, s.Components, s.Certificates, s.Degraded}
}

func every(ctx context.Context, period time.Duration, act func()) {
	ticks := time.NewTicker(period)
	defer ticks.Stop()
	for {
		act()
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

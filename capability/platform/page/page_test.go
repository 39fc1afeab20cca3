package page

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/capability/platform/page/vitals"
	"garboard.dev/garboard/console"
)

type supervisor struct {
	status control.Status
	err    error
}

func (s supervisor) Status(context.Context, bool) (control.Status, error) { return s.status, s.err }

func TestComponentsOfTheSupervisor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		supervisor     supervisor
		phase, failure string
	}{
		{"answers", supervisor{status: control.Status{Phase: "running", Components: []control.Component{{Name: "etcd"}}}}, "running", ""},
		{"does not run", supervisor{err: fmt.Errorf("%w: no such file", control.ErrNotRunning)}, "stopped", "the supervisor does not run"},
		{"hangs", supervisor{err: errors.New("deadline exceeded")}, "unknown", "the supervisor does not answer: deadline exceeded"},
	} {
		got := ask(t.Context(), c.supervisor, time.Now)
		if got.Phase != c.phase || got.Failure != c.failure || len(got.Components) != len(c.supervisor.status.Components) {
			t.Errorf("%s: %+v; want phase %q, failure %q", c.name, got, c.phase, c.failure)
		}
		if got.Failure != "" && got.Hint == "" {
			t.Errorf("%s: a failure needs a hint", c.name)
		}
	}
}

func TestFeedIsPolledWhileItRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := New(console.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now}, supervisor{}, &vitals.Meter{})
		feed := p.Feeds[1]
		ctx, stop := context.WithCancel(t.Context())
		go feed.Run(ctx)
		reader := feed.Open(nil)
		for i := range 3 {
			synctest.Wait()
			if data, _ := reader.Next(ctx); data == nil {
				t.Errorf("period %d brought nothing", i)
			}
			if data, _ := reader.Next(ctx); data != nil {
				t.Errorf("period %d brought the same twice", i)
			}
			time.Sleep(componentsEvery)
		}
		stop()
	})
}

func TestAnotherClusterHasNoPlatform(t *testing.T) {
	t.Parallel()
	if got := Pages(console.Env{}); got != nil {
		t.Errorf("a console without a platform on this machine shows %v", got)
	}
}

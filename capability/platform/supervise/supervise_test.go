package supervise

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/host/process"
)

// prober answers with the error that a test has set for a component's health.
type prober struct {
	mu   sync.Mutex
	sick map[string]error
}

func (p *prober) Probe(_ context.Context, url string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sick[url]
}

func (p *prober) set(url string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sick[url] = err
}

// world is what one supervisor after another works in. It lives in a synctest
// bubble, so time passes at once and never by accident.
type world struct {
	dir       string // of logs
	records   string
	processes *process.Fake
	prober    *prober
}

func newWorld(t *testing.T) *world {
	return &world{dir: t.TempDir(), records: t.TempDir(), processes: &process.Fake{}, prober: &prober{sick: map[string]error{}}}
}

// program is a component of the test; its health URL is its name.
func program(name string, needs ...string) component.Component {
	return component.Component{Name: name, Needs: needs, Args: []string{"/bin/" + name}, Health: name, Starts: time.Minute, Stops: 10 * time.Second}
}

// supervise starts a supervisor and returns it with the function that ends it.
func (w *world) supervise(components ...component.Component) (*Supervisor, func()) {
	s := New(Options{
		Components: components, Processes: w.processes, Prober: w.prober, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		LogDir: w.dir, RecordDir: w.records,
		Cgroups: func(name string) ([]string, error) { return []string{"/garboard/" + name}, nil },
		Prepare: func(component.Component) error { return nil },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	synctest.Wait()
	return s, func() { cancel(); <-done }
}

func (w *world) started() []string {
	var out []string
	for _, p := range w.processes.Processes() {
		out = append(out, strings.TrimPrefix(p.Spec.Path, "/bin/"))
	}
	return out
}

// last is the newest process.
func (w *world) last() *process.FakeProcess {
	all := w.processes.Processes()
	return all[len(all)-1]
}

func status(s *Supervisor, name string) control.Component {
	all := s.Components(false)
	return all[slices.IndexFunc(all, func(c control.Component) bool { return c.Name == name })]
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestStartsInOrderOfNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.prober.set("etcd", errors.New("not yet"))
		s, end := w.supervise(program("apiserver", "etcd"), program("etcd"))
		defer end()
		after(5 * time.Second)
		if got := w.started(); !slices.Equal(got, []string{"etcd"}) {
			t.Fatalf("started %v before etcd is healthy", got)
		}
		if c := status(s, "apiserver"); c.State != control.Waiting || c.Reason != "waits for etcd" {
			t.Errorf("the apiserver is %+v", c)
		}
		w.prober.set("etcd", nil)
		after(time.Second)
		if got := w.started(); !slices.Equal(got, []string{"etcd", "apiserver"}) {
			t.Errorf("started %v", got)
		}
		for _, c := range s.Components(true) {
			if c.State != control.Running || !c.Healthy || c.Restarts != 0 || c.PID == 0 {
				t.Errorf("%+v", c)
			}
		}
		if got := w.last().Spec.Cgroups; !slices.Equal(got, []string{"/garboard/apiserver"}) {
			t.Errorf("it runs in %v", got)
		}
	})
}

func TestStartsAgainWithGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.prober.set("etcd", errors.New("connection refused"))
		s, end := w.supervise(program("etcd"))
		defer end()
		if err := os.WriteFile(filepath.Join(w.dir, "etcd.log"), []byte("info: hello\nerror: no space left on device\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for i, pause := range []time.Duration{firstPause, 2 * firstPause, 4 * firstPause} {
			w.last().End(process.Exit{Known: true, Code: 1})
			synctest.Wait()
			c := status(s, "etcd")
			if c.State != control.Failed || c.Restarts != i+1 || !strings.Contains(c.Reason, "ended with status 1: error: no space left") {
				t.Errorf("after the end: %+v", c)
			}
			after(pause - time.Millisecond)
			if got := len(w.started()); got != i+1 {
				t.Errorf("started again before %v", pause)
			}
			after(time.Millisecond)
			if got := len(w.started()); got != i+2 {
				t.Errorf("not started again after %v", pause)
			}
		}
		w.prober.set("etcd", nil)
		after(settled + time.Minute)
		w.last().End(process.Exit{Known: true, Signal: syscall.SIGKILL})
		synctest.Wait()
		if got := len(w.started()); got != 5 {
			t.Errorf("one that was healthy for long is not started again at once: %d starts", got)
		}
	})
}

func TestRestartsWhatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.processes.Stubborn = []string{"/bin/etcd"}
		s, end := w.supervise(program("etcd"))
		defer end()
		after(time.Second)
		first := w.last()
		w.prober.set("etcd", errors.New("timeout"))
		after(healthPeriod * (strikes - 1))
		if c := status(s, "etcd"); c.Healthy || !strings.Contains(c.Reason, "timeout") {
			t.Errorf("one that does not answer is %+v", c)
		}
		if len(first.Signals()) != 0 {
			t.Errorf("it got %v before its last chance", first.Signals())
		}
		w.prober.set("etcd", nil)
		after(healthPeriod)
		if c := status(s, "etcd"); !c.Healthy || c.Restarts != 0 || c.Reason != "" {
			t.Errorf("one that answers again is %+v", c)
		}
		w.prober.set("etcd", errors.New("timeout"))
		after(healthPeriod * strikes)
		after(11 * time.Second) // it ignores SIGTERM for the 10 s that it has
		if got := first.Signals(); !slices.Equal(got, []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}) {
			t.Errorf("it got %v", got)
		}
		if c := status(s, "etcd"); c.Restarts != 1 || !strings.Contains(c.Reason, "3 health checks in a row failed: timeout") {
			t.Errorf("it is %+v", c)
		}
	})
}

func TestGivesUpOnOneThatNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.prober.set("etcd", errors.New("connection refused"))
		s, end := w.supervise(program("etcd"))
		defer end()
		after(time.Minute + time.Millisecond)
		if c := status(s, "etcd"); c.Restarts != 1 || !strings.Contains(c.Reason, "not healthy 1m0s after its start: connection refused") {
			t.Errorf("it is %+v", c)
		}
	})
}

func TestTheNextSupervisorTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		changed := program("apiserver", "etcd")
		_, end := w.supervise(program("etcd"), changed)
		after(time.Second)
		end()
		if got := w.started(); len(got) != 2 || len(w.last().Signals()) != 0 {
			t.Fatalf("started %v; the end of the supervisor sent %v", got, w.last().Signals())
		}
		old := w.last()
		changed.Args = append(changed.Args, "--new")
		if !Outdated(w.records, changed) || Outdated(w.records, program("etcd")) {
			t.Error("the wrong one counts as outdated")
		}
		s, end := w.supervise(program("etcd"), changed)
		defer end()
		after(time.Second)
		if got := w.started(); !slices.Equal(got, []string{"etcd", "apiserver", "apiserver"}) {
			t.Errorf("started %v, want only the changed one anew", got)
		}
		if _, err := w.processes.Open(old.ID()); !errors.Is(err, fs.ErrNotExist) {
			t.Error("the changed one's old process runs on")
		}
		if c := status(s, "etcd"); !c.Healthy || c.PID != w.processes.Processes()[0].ID().PID {
			t.Errorf("the one taken over is %+v", c)
		}
	})
}

// What ended while no supervisor ran is started again, also where its id now
// belongs to another process.
func TestTheNextSupervisorStartsWhatEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		_, end := w.supervise(program("etcd"))
		after(time.Second)
		end()
		w.last().End(process.Exit{Known: true, Signal: syscall.SIGKILL})
		_, end = w.supervise(program("etcd"))
		after(time.Second)
		end()
		if got := w.started(); len(got) != 2 {
			t.Errorf("started %v", got)
		}
		if err := os.WriteFile(RecordPath(w.records, "etcd"), []byte(`{"pid": 1`), 0o600); err != nil {
			t.Fatal(err)
		}
		w.last().End(process.Exit{Known: true})
		_, end = w.supervise(program("etcd"))
		defer end()
		if got := w.started(); len(got) != 3 {
			t.Errorf("with a damaged record started %v", got)
		}
	})
}

func TestOnDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		builder := program("buildkitd")
		builder.Demand = true
		s, end := w.supervise(builder)
		defer end()
		after(time.Hour)
		if got := w.started(); len(got) != 0 {
			t.Fatalf("started %v though nobody asked", got)
		}
		if err := s.Ensure(t.Context(), "buildkitd"); err != nil {
			t.Fatal(err)
		}
		after(idleLimit - time.Minute)
		if err := s.Ensure(t.Context(), "buildkitd"); err != nil {
			t.Fatal(err)
		}
		after(idleLimit - time.Minute)
		if c := status(s, "buildkitd"); !c.Healthy {
			t.Errorf("it is %+v though it was asked for lately", c)
		}
		after(2 * time.Minute)
		if c := status(s, "buildkitd"); c.State != control.Stopped || c.Restarts != 0 {
			t.Errorf("it is %+v though nobody asks any more", c)
		}
		if err := s.Ensure(t.Context(), "buildkitd"); err != nil || len(w.started()) != 2 {
			t.Errorf("asked for again: %v, %v", err, w.started())
		}
		if err := s.Ensure(t.Context(), "nothing"); err == nil {
			t.Error("a component that does not exist is ensured")
		}
	})
}

func TestRestartAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s, end := w.supervise(program("etcd"))
		defer end()
		after(time.Second)
		if err := s.Restart(t.Context(), "etcd", "new certificates"); err != nil {
			t.Fatal(err)
		}
		if c := status(s, "etcd"); !c.Healthy || c.Restarts != 1 || c.Reason != "new certificates" {
			t.Errorf("after a restart it is %+v", c)
		}
		s.Stop("etcd", "nothing")
		if c := status(s, "etcd"); c.State != control.Stopped || c.PID != 0 {
			t.Errorf("after a stop it is %+v", c)
		}
		after(time.Hour)
		if got := w.started(); len(got) != 2 {
			t.Errorf("started %v", got)
		}
		if err := s.Restart(t.Context(), "nothing", "why not"); err == nil {
			t.Error("a component that does not exist is restarted")
		}
	})
}

func TestAMissingProgramIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.processes.Missing = []string{"/bin/etcd"}
		s, end := w.supervise(program("etcd"))
		defer end()
		if c := status(s, "etcd"); c.State != control.Failed || !strings.Contains(c.Reason, "/bin/etcd") {
			t.Errorf("it is %+v", c)
		}
	})
}

// A full disk keeps the record from being written: what was started without one
// must not run on beside the next try's.
func TestNothingRunsUnrecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.records = filepath.Join(w.records, "absent")
		s, end := w.supervise(program("etcd"))
		defer end()
		after(time.Minute)
		if c := status(s, "etcd"); c.State != control.Failed || c.Reason == "" {
			t.Errorf("it is %+v", c)
		}
		if len(w.started()) == 0 {
			t.Fatal("nothing was started")
		}
		for _, p := range w.processes.Processes() {
			if !slices.Equal(p.Signals(), []syscall.Signal{syscall.SIGTERM}) {
				t.Errorf("a process without a record got %v", p.Signals())
			}
		}
	})
}

func TestRotate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "etcd.log")
	for i := range logsKept + 2 {
		if err := os.WriteFile(path, []byte{byte('a' + i)}, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := rotate(path); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"": "", ".1": "e", ".2": "d", ".3": "c"} {
		if got, err := os.ReadFile(path + name); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v; want %q", path+name, got, err, want)
		}
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) != logsKept+1 {
		t.Errorf("kept are %v, %v", left, err)
	}
}

func TestLastComplaint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "log")
	for text, want := range map[string]string{
		"I1120 ok\nE1120 bad thing\nI1120 bye\n": "E1120 bad thing",
		"level=fatal msg=gone\n\n":               "level=fatal msg=gone",
		"all is well\n":                          "",
		"panic: " + strings.Repeat("x", 400):     "panic: " + strings.Repeat("x", 293) + "…",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := lastComplaint(path); got != want {
			t.Errorf("lastComplaint(%q) = %q, want %q", text, got, want)
		}
	}
	if got := lastComplaint(path + "absent"); got != "" {
		t.Errorf("an absent log complains: %q", got)
	}
}

package connection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/host/program"
)

// Outside is what connections use of the process around them.
type Outside struct {
	Programs   program.Runner
	Now        func() time.Time
	Getenv     func(string) string
	Home       string
	Executable string // this program's file
	Modules    module.Table
	HostKeys   bool
	Warn       func(text string)
}

// Manager makes connections and keeps them: equal settings share one.
type Manager struct {
	Outside
	local *Local
	agent *agentFile
	ctx   context.Context // of the connections: they outlive the task that made them
	mu    sync.Mutex
	open  map[target.Settings]*opening
}

type opening struct {
	once   sync.Once
	target target.Target
	err    error
}

// NewManager returns a manager without connections.
func NewManager(ctx context.Context, o Outside) *Manager {
	m := &Manager{Outside: o, open: map[target.Settings]*opening{}, agent: newAgentFile(o.Executable), ctx: ctx}
	m.local = &Local{Modules: o.Modules, Programs: o.Programs, Now: o.Now, Getenv: o.Getenv}
	m.local.Background = Starter(o.Programs, o.Executable, o.Getenv)
	return m
}

// Connect returns the machine that settings describe.
func (m *Manager) Connect(_ context.Context, s target.Settings) (target.Target, error) {
	if s.Kind == "local" && !m.becomes(s) {
		return m.local, nil
	}
	m.mu.Lock()
	o, ok := m.open[s]
	if !ok {
		o = &opening{}
		m.open[s] = o
	}
	m.mu.Unlock()
	o.once.Do(func() { o.target, o.err = m.connect(m.ctx, s) })
	if o.err != nil {
		m.mu.Lock()
		if m.open[s] == o {
			delete(m.open, s) // the next task tries again
		}
		m.mu.Unlock()
	}
	return o.target, o.err
}

// Reset drops a connection.
func (m *Manager) Reset(s target.Settings) {
	m.mu.Lock()
	o, ok := m.open[s]
	delete(m.open, s)
	m.mu.Unlock()
	if ok && o.target != nil {
		_ = o.target.Close() // it is given up anyway
	}
}

// Close ends all connections.
func (m *Manager) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := []error{m.local.Close()}
	for _, o := range m.open {
		if o.target != nil {
			errs = append(errs, o.target.Close())
		}
	}
	return errors.Join(errs...)
}

func (m *Manager) connect(ctx context.Context, s target.Settings) (target.Target, error) {
	switch s.Kind {
	case "local":
		return m.localAs(ctx, s)
	case "ssh":
		return m.ssh(ctx, s)
	}
	if t, ok := m.inside(s); ok {
		c, err := m.agentOn(ctx, t, s)
		if err != nil && !s.Become {
			return nil, &target.Unreachable{Host: s.Host, Reason: "Failed to connect: " + err.Error()}
		}
		return c, err
	}
	return nil, &target.Unreachable{Host: s.Host, Reason: fmt.Sprintf("the connection plugin '%s' was not found", s.Kind)}
}

// becomes says whether settings ask for another user than this process's.
func (m *Manager) becomes(s target.Settings) bool {
	if !s.Become {
		return false
	}
	user := s.BecomeUser
	if user == "" {
		user = "root"
	}
	return !(user == "root" && os.Geteuid() == 0)
}

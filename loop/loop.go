// Package loop is the controllers' shell: it runs the controllers that the
// capabilities offer inside the agent, restarts one that fails with growing
// pauses, and says what state each is in. It knows no capability.
package loop

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Env is what a controller may use. Informers are shared: a controller takes
// from the factory what it watches before the loop starts it.
type Env struct {
	Log       *slog.Logger
	Now       func() time.Time
	Config    *rest.Config
	Client    kubernetes.Interface
	Dynamic   dynamic.Interface
	Informers informers.SharedInformerFactory

	StateDir  string // what must survive
	RunDir    string // sockets; gone after a boot
	EngineDir string // the engine's programs
	NodeName  string
	NodeIP    string // the address that pods reach this node by
	Listen    string // the address for traffic from outside, as "127.0.0.1" or "0.0.0.0"
}

// Controller is one loop. Run returns when ctx ends; an error or a return
// before that is a failure and it is started again.
type Controller struct {
	Name string
	Run  func(ctx context.Context) error
}

// State is what is known of one controller.
type State struct {
	Name     string    `json:"name"`
	Running  bool      `json:"running"`
	Restarts int       `json:"restarts"`
	Reason   string    `json:"reason,omitempty"` // of the last restart
	Since    time.Time `json:"since"`
}

// Runner runs controllers.
type Runner struct {
	env    Env
	mu     sync.Mutex
	states map[string]*State
}

// NewRunner returns a Runner for env.
func NewRunner(env Env) *Runner { return &Runner{env: env, states: map[string]*State{}} }

// States returns what is known of each controller, by name.
func (r *Runner) States() map[string]State {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]State, len(r.states))
	for name, s := range r.states {
		out[name] = *s
	}
	return out
}

const (
	firstPause   = 200 * time.Millisecond
	longestPause = 30 * time.Second
	settled      = time.Minute // a controller that ran this long begins anew with the first pause
)

// Run starts the informers and all controllers, and returns when ctx ends and
// every controller has.
func (r *Runner) Run(ctx context.Context, controllers []Controller) {
	r.env.Informers.Start(ctx.Done())
	var all sync.WaitGroup
	for _, c := range controllers {
		all.Go(func() { r.keep(ctx, c) })
	}
	all.Wait()
	r.env.Informers.Shutdown()
}

func (r *Runner) keep(ctx context.Context, c Controller) {
	pause := firstPause
	for ctx.Err() == nil {
		started := r.env.Now()
		r.set(c.Name, func(s *State) { s.Running, s.Since = true, started })
		err := guarded(ctx, c)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = fmt.Errorf("ended by itself")
		}
		r.env.Log.Error("controller failed", "controller", c.Name, "error", err)
		r.set(c.Name, func(s *State) { s.Running, s.Reason, s.Since = false, err.Error(), r.env.Now(); s.Restarts++ })
		if r.env.Now().Sub(started) > settled {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(pause*2, longestPause)
	}
}

func guarded(ctx context.Context, c Controller) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return c.Run(ctx)
}

func (r *Runner) set(name string, change func(*State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.states[name]
	if s == nil {
		s = &State{Name: name}
		r.states[name] = s
	}
	change(s)
}

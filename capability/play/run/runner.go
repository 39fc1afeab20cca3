// Package run executes playbooks: plays over hosts, tasks over loops and
// attempts, handlers, blocks and includes, by Ansible's strategies.
package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"garboard.dev/garboard/capability/play/action"
	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/inventory"
	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// Runner runs playbooks over one inventory. Its fields are set before Run and not changed afterwards.
type Runner struct {
	Loader    *book.Loader
	Inventory *inventory.Inventory
	Engine    *template.Engine
	Actions   map[string]action.Action // by fully qualified name
	Modules   module.Table
	// Foreign runs a module that is not native; ok is false where there is none of that name.
	Foreign func(ctx context.Context, to target.Target, r Foreign) (result module.Result, ok bool, err error)
	// Connect gives the machine that settings describe. It keeps connections.
	Connect func(ctx context.Context, s target.Settings) (target.Target, error)
	// Reset drops the connections to a host.
	Reset func(s target.Settings)
	Sink  event.Sink
	Files Files

	ExtraVars   *value.Dict
	Check, Diff bool
	Verbosity   int
	Forks       int
	Tags        book.Choice
	Limit       string // as the user gave it, for the variable ansible_limit
	StartAt     string
	// Step asks before each task: whether to run it, and whether to go on asking.
	Step        func(title string) (run, goOn bool)
	Options     Options
	Defaults    Defaults
	MergeHashes bool
	Settings    map[string]value.Value // variables that the command line gives: inventory_dir ...
	Now         func() time.Time
	Home        string         // of the user on the controller
	Source      source.Options // how YAML is read
	// Ask asks the person at the terminal.
	Ask func(ctx context.Context, question string, secret bool) (string, bool, error)
	// Refresh reads the inventory again.
	Refresh func() error
	// FactCache keeps facts between runs; nil for none.
	FactCache FactCache

	mu     sync.Mutex
	states map[string]*hostState
	dead   map[string]bool // failed or unreachable in an earlier play
	stats  event.Stats
	jobs   int
}

// Foreign is one call of a module that is not native.
type Foreign struct {
	Name        string
	Args        *value.Dict
	Check, Diff bool
	NoLog       bool
	Verbosity   int
	Env         map[string]string
	Python      string
}

// Options are settings that configuration decides.
type Options struct {
	Gathering      string // implicit, explicit or smart
	GatherSubset   []string
	GatherTimeout  int64
	FactPath       string
	ForceHandlers  bool
	AnyErrorsFatal bool
	Strategy       string
	ErrorOnMissing bool // a notified handler that does not exist is an error
	InjectFacts    bool
	LoopOnBlocks   bool // our extension
	TaskTimeout    int64
	NoLog          bool
	Managed        string // the variable ansible_managed
}

// Defaults are connection settings of the command line and the configuration,
// below what keywords and variables say.
type Defaults struct {
	Connection, User, Password, PrivateKey string
	SSHArgs                                string
	Port, Timeout                          int64
	Become                                 bool
	BecomeMethod, BecomeUser               string
	BecomePassword, BecomeFlags, BecomeExe string
}

// Files is what the executor reads of the controller.
type Files interface {
	IsFile(path string) bool
	IsDir(path string) bool
	// Read returns a file's content, opened where it is a vault.
	Read(path string) ([]byte, error)
	// Vars reads a file of variables.
	Vars(path string) (*value.Dict, error)
}

// FactCache keeps facts between runs.
type FactCache interface {
	Load(host string) (*value.Dict, bool)
	Save(host string, facts *value.Dict) error
	Flush(host string) error
}

// View is what a play is before it runs.
type View struct {
	Pattern         string
	Patterns, Hosts []string
	Tasks           []ViewTask
}

// ViewTask is one task that tags choose.
type ViewTask struct {
	Title string
	Tags  []string
}

// View returns what a play would run on.
func (r *Runner) View(ctx context.Context, play *book.Play) (View, error) {
	p := r.newPlay(ctx, play, value.NewDict())
	r.state("")
	if err := p.resolve(); err != nil {
		return View{}, err
	}
	hosts, _, err := p.keyword("hosts")
	patterns := texts(hosts)
	out := View{Pattern: strings.Join(patterns, ","), Patterns: patterns, Hosts: p.all}
	book.Walk(play.Compile(), func(t *book.Task) {
		if !t.Implicit && p.takes(t) {
			out.Tasks = append(out.Tasks, ViewTask{Title: t.Title(t.Name()), Tags: p.tags(t)})
		}
	})
	return out, err
}

// Outcome says how a run ended.
type Outcome struct{ Failed, Unreachable bool }

// Code is ansible-playbook's exit code.
func (o Outcome) Code() int {
	switch {
	case o.Unreachable:
		return 4
	case o.Failed:
		return 2
	}
	return 0
}

// Run runs the plays of one playbook. An error ends the run: what is wrong is not
// a host's fault.
func (r *Runner) Run(ctx context.Context, file string, plays []*book.Play) (Outcome, error) {
	var out Outcome
	r.emit(event.Event{Kind: event.PlaybookStart, Playbook: file})
	for _, play := range plays {
		o, stop, err := r.play(ctx, play)
		out.Failed = out.Failed || o.Failed
		out.Unreachable = out.Unreachable || o.Unreachable
		if err != nil {
			return out, err
		}
		if stop || ctx.Err() != nil {
			break
		}
	}
	r.emit(event.Event{Kind: event.Finished, Stats: &r.stats})
	return out, ctx.Err()
}

// play runs one play over all of its batches. stop says that no host is left for more.
func (r *Runner) play(ctx context.Context, play *book.Play) (Outcome, bool, error) {
	var out Outcome
	prompted, err := r.prompt(ctx, play)
	if err != nil {
		return out, false, err
	}
	p := r.newPlay(ctx, play, prompted)
	if err := p.resolve(); err != nil {
		return out, false, err
	}
	r.emit(event.Event{Kind: event.PlayStart, Play: play, Name: p.name, Check: r.Check})
	if len(p.all) == 0 {
		r.emit(event.Event{Kind: event.NoHostsMatched, Play: play})
		return out, false, nil
	}
	batches, err := p.batches()
	if err != nil {
		return out, false, err
	}
	for i, batch := range batches {
		if i > 0 {
			r.emit(event.Event{Kind: event.PlayStart, Play: play, Name: p.name, Check: r.Check})
		}
		before := len(r.dead)
		o, err := p.runBatch(batch)
		out.Failed = out.Failed || o.Failed
		out.Unreachable = out.Unreachable || o.Unreachable
		if err != nil {
			return out, false, err
		}
		if p.ended {
			return out, false, nil
		}
		if len(r.dead)-before >= len(batch) || p.broken {
			return out, true, nil
		}
	}
	return out, false, nil
}

func (r *Runner) emit(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Sink.Handle(e)
}

// number counts background jobs.
func (r *Runner) number() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs++
	return r.jobs
}

// excerptOf shows the place that an error about a file names.
func (r *Runner) excerptOf(err error) string {
	var b *book.Error
	if !errors.As(err, &b) || b.Position.File == "" {
		return ""
	}
	data, err := r.Files.Read(b.Position.File)
	if err != nil {
		return ""
	}
	return "\n\n" + source.Excerpt(b.Position, string(data))
}

// Tell sends a message to the user.
func (r *Runner) Tell(level event.Level, text string) {
	r.emit(event.Event{Kind: event.Message, Level: level, Text: text})
}

func (r *Runner) state(host string) *hostState {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.states == nil {
		r.states, r.dead = map[string]*hostState{}, map[string]bool{}
	}
	s, ok := r.states[host]
	if !ok {
		s = newHostState()
		r.states[host] = s
		if r.FactCache != nil {
			if facts, ok := r.FactCache.Load(host); ok {
				s.facts.Store(facts)
			}
		}
	}
	return s
}

// prompt asks for the variables of vars_prompt that the command line does not give.
func (r *Runner) prompt(ctx context.Context, play *book.Play) (*value.Dict, error) {
	out := value.NewDict()
	for _, p := range play.Prompts {
		if _, given := r.ExtraVars.Str(p.Name); given {
			continue
		}
		answer, err := r.promptFor(ctx, p)
		if err != nil {
			return nil, err
		}
		if p.Unsafe {
			answer = value.MarkUnsafe(answer)
		}
		out.SetStr(p.Name, answer)
	}
	return out, nil
}

func (r *Runner) promptFor(ctx context.Context, p book.Prompt) (value.Value, error) {
	text := p.Text
	if text == "" {
		text = p.Name
	}
	if p.Default != nil {
		text += " [" + value.Str(p.Default) + "]"
	}
	for {
		answer, ok, err := r.Ask(ctx, text+": ", p.Private)
		if err != nil {
			return nil, err
		}
		if ok && p.Confirm {
			again, _, err := r.Ask(ctx, "confirm "+text+": ", p.Private)
			if err != nil {
				return nil, err
			}
			if again != answer {
				r.Tell(event.Info, "***** VALUES ENTERED DO NOT MATCH ****")
				continue
			}
		}
		if answer == "" && p.Default != nil {
			return p.Default, nil
		}
		if p.Encrypt == "" {
			return answer, nil
		}
		hashed, err := r.hash(ctx, p, answer)
		if err != nil {
			return nil, fmt.Errorf("vars_prompt %s: %w", p.Name, err)
		}
		return hashed, nil
	}
}

// hash gives an answer the form that encrypt asks for, as the filter password_hash does.
func (r *Runner) hash(ctx context.Context, p book.Prompt, answer string) (value.Value, error) {
	local := value.DictOf("garboard_answer", value.Unsafe(answer))
	expression := "garboard_answer | password_hash(" + value.Repr(p.Encrypt)
	if p.Salt != "" {
		expression += ", " + value.Repr(p.Salt)
	} else if p.SaltSize > 0 {
		expression += fmt.Sprintf(", salt_size=%d", p.SaltSize)
	}
	scope := &template.Scope{Vars: noVars{}, Locals: []*value.Dict{local}}
	return r.Engine.Expression(ctx, expression+")", scope)
}

// noVars are no variables.
type noVars struct{}

func (noVars) Lookup(string) (value.Value, bool) { return nil, false }
func (noVars) Names() []string                   { return nil }

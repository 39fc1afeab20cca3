package run

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/inventory"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// playRun is one play while it runs.
type playRun struct {
	run      *Runner
	play     *book.Play
	ctx      context.Context
	name     string // templated
	all      []string
	batch    []string
	prompted *value.Dict
	items    []book.Item

	roles    []*book.Role // whose variables all tasks see
	handlers []*book.Task
	force    bool // force_handlers

	mu      sync.Mutex
	chosen  map[*book.Task]bool
	ended   bool            // meta: end_play
	broken  bool            // too many hosts failed
	stopped bool            // one host's failure ended the play for all
	started bool            // --start-at-task was reached
	fault   error           // ends the run
	failed  map[string]bool // hosts that failed or were unreachable in this play
}

func (r *Runner) newPlay(ctx context.Context, play *book.Play, prompted *value.Dict) *playRun {
	p := &playRun{run: r, play: play, ctx: ctx, prompted: prompted, chosen: map[*book.Task]bool{}, failed: map[string]bool{}}
	p.roles = play.AllRoles()
	p.handlers = play.AllHandlers()
	for _, d := range play.Vars() {
		r.warnReserved(dictOf(d))
	}
	return p
}

// jinjaNames are what templates have beside variables.
const jinjaNames = " range dict lipsum cycler joiner namespace lookup query q now finalize undef omit "

// warnReserved tells about variables whose names mean something else.
func (r *Runner) warnReserved(vars *value.Dict) {
	if vars == nil {
		return
	}
	for k := range vars.All() {
		name := value.Str(k)
		if (book.Reserved(name) || strings.Contains(jinjaNames, " "+name+" ")) && name != "vars" && name != "environment" {
			r.Tell(event.Warning, "Found variable using reserved name: "+name)
		}
	}
}

// playScope is what a play's own keywords are templated with: no host is known yet.
func (p *playRun) playScope() *template.Scope {
	layers := []*value.Dict{p.run.ExtraVars, p.prompted}
	for _, d := range slices.Backward(p.play.Vars()) {
		layers = append(layers, dictOf(d))
	}
	return &template.Scope{Vars: &vars{run: p.run, play: p, layers: layers, state: newHostState()}, BaseDir: p.play.Dir, Dirs: []string{p.play.Dir}}
}

func (p *playRun) keyword(name string) (value.Value, bool, error) {
	raw, ok := p.play.Get(name)
	if !ok {
		return nil, false, nil
	}
	v, err := p.run.Engine.Value(p.ctx, raw, p.playScope())
	if err != nil {
		return nil, false, &book.Error{Message: fmt.Sprintf("The field '%s' has an invalid value, which includes an undefined variable. The error was: %s", name, err), Position: p.play.Position}
	}
	if text, isText := v.(string); isText && text == p.run.Engine.Omit {
		return nil, false, nil
	}
	return v, true, nil
}

// resolve finds the play's name and hosts.
func (p *playRun) resolve() error {
	hosts, _, err := p.keyword("hosts")
	if err != nil {
		return err
	}
	patterns := texts(hosts)
	p.name = strings.Join(patterns, ",")
	if raw := p.play.Name(); raw != "" {
		p.name = raw
		if v, err := p.run.Engine.Text(p.ctx, raw, p.playScope()); err == nil {
			p.name = v
		}
	}
	for _, pattern := range patterns {
		for name := range strings.SplitSeq(pattern, ",") {
			if name = strings.TrimSpace(name); inventory.IsLocal(name) && !p.run.Inventory.Has(name) {
				p.run.Inventory.Localhost(name)
			}
		}
	}
	p.all, err = p.run.Inventory.Match(strings.Join(patterns, ","))
	if err != nil {
		return err
	}
	if err := p.limit(); err != nil {
		return err
	}
	force, ok, err := p.keyword("force_handlers")
	if err != nil {
		return err
	}
	p.force = p.run.Options.ForceHandlers
	if ok {
		p.force = book.Boolean(force)
	}
	return p.order()
}

// limit keeps to the hosts that --limit names.
func (p *playRun) limit() error {
	if p.run.Limit == "" {
		return nil
	}
	within, err := p.run.Inventory.Match(p.run.Limit)
	if err != nil {
		return err
	}
	chosen := map[string]bool{}
	for _, h := range within {
		chosen[h] = true
	}
	p.all = slices.DeleteFunc(p.all, func(h string) bool { return !chosen[h] })
	return nil
}

func (p *playRun) order() error {
	v, ok, err := p.keyword("order")
	if err != nil || !ok {
		return err
	}
	switch how := value.Str(v); how {
	case "inventory", "None", "":
	case "sorted":
		slices.Sort(p.all)
	case "reverse_sorted":
		slices.Sort(p.all)
		slices.Reverse(p.all)
	case "reverse_inventory":
		slices.Reverse(p.all)
	case "shuffle":
		shuffle(p.all, p.run.Now().UnixNano())
	default:
		return &book.Error{Message: "Invalid 'order' specified for inventory hosts: " + how, Position: p.play.Position}
	}
	return nil
}

func shuffle(names []string, seed int64) {
	x := uint64(seed) | 1
	for i := len(names) - 1; i > 0; i-- {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		j := int(x % uint64(i+1))
		names[i], names[j] = names[j], names[i]
	}
}

// texts reads a keyword that holds one text or a list of them.
func texts(v value.Value) []string {
	switch v := v.(type) {
	case nil:
		return nil
	case *value.List:
		var out []string
		for _, i := range v.Items {
			out = append(out, texts(i)...)
		}
		return out
	}
	return []string{value.Str(v)}
}

// batches splits the hosts as serial says.
func (p *playRun) batches() ([][]string, error) {
	v, ok, err := p.keyword("serial")
	if err != nil {
		return nil, err
	}
	if !ok || len(texts(v)) == 0 {
		return [][]string{p.all}, nil
	}
	sizes := texts(v)
	var out [][]string
	rest := p.all
	for i := 0; len(rest) > 0; i++ {
		size, err := p.batchSize(sizes[min(i, len(sizes)-1)])
		if err != nil {
			return nil, err
		}
		if size <= 0 || size > len(rest) {
			size = len(rest)
		}
		out = append(out, rest[:size])
		rest = rest[size:]
	}
	return out, nil
}

func (p *playRun) batchSize(text string) (int, error) {
	text = strings.TrimSpace(text)
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		n, err := strconv.ParseFloat(percent, 64)
		if err != nil {
			return 0, &book.Error{Message: fmt.Sprintf("serial: %q is no percentage", text), Position: p.play.Position}
		}
		return max(1, int(n/100*float64(len(p.all)))), nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, &book.Error{Message: fmt.Sprintf("serial: %q is neither a number nor a percentage", text), Position: p.play.Position}
	}
	return n, nil
}

// takes says whether tags choose a task.
func (p *playRun) takes(t *book.Task) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.chosen[t]
	if !ok {
		c = t.Handler || t.Implicit && t.Action == "meta" || p.run.Tags.Takes(p.tags(t))
		p.chosen[t] = c
	}
	return c
}

func (p *playRun) tags(t *book.Task) []string {
	tags := t.Tags()
	if !slices.ContainsFunc(tags, template.IsTemplate) {
		return tags
	}
	var out []string
	for _, tag := range tags {
		v, err := p.run.Engine.Value(p.ctx, tag, p.playScope())
		if err != nil {
			out = append(out, tag)
			continue
		}
		out = append(out, texts(v)...)
	}
	return out
}

// alive are the hosts of the play that have not failed, in order.
func (p *playRun) alive() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]string, 0, len(p.all))
	for _, h := range p.all {
		if !p.failed[h] && !p.run.dead[h] {
			out = append(out, h)
		}
	}
	return out
}

// runBatch runs the play on one batch of hosts.
func (p *playRun) runBatch(batch []string) (Outcome, error) {
	p.batch = batch
	items, err := p.compile()
	if err != nil {
		return Outcome{}, err
	}
	p.items = items
	for _, host := range batch {
		s := p.run.state(host)
		s.begin(p, items)
		if p.run.dead[host] {
			s.cursor.end()
		}
	}
	if err := p.startAt(); err != nil {
		return Outcome{}, err
	}
	strategy, err := p.strategy()
	if err != nil {
		return Outcome{}, err
	}
	err = strategy()
	var out Outcome
	for _, host := range batch {
		s := p.run.state(host)
		out.Failed = out.Failed || s.failed
		out.Unreachable = out.Unreachable || s.unreachable
		if s.failed || s.unreachable {
			p.run.dead[host] = true
		}
	}
	return out, err
}

func (p *playRun) strategy() (func() error, error) {
	name := p.run.Options.Strategy
	v, ok, err := p.keyword("strategy")
	if err != nil {
		return nil, err
	}
	if ok {
		name = value.Str(v)
	}
	switch strings.TrimPrefix(name, "ansible.builtin.") {
	case "linear", "", "debug":
		return p.linear, nil
	case "free":
		return func() error { return p.free(false) }, nil
	case "host_pinned":
		return func() error { return p.free(true) }, nil
	}
	if strings.HasPrefix(name, "mitogen_") { // its strategies are the plain ones with another transport
		return map[string]func() error{"mitogen_free": func() error { return p.free(false) }, "mitogen_host_pinned": func() error { return p.free(true) }, "mitogen_linear": p.linear}[name], nil
	}
	return nil, &book.Error{Message: "Invalid play strategy specified: " + name, Position: p.play.Position}
}

// compile returns what each host runs: the gathering of facts and the play's items.
func (p *playRun) compile() ([]book.Item, error) {
	items := p.play.Compile()
	gather, ok, err := p.keyword("gather_facts")
	if err != nil {
		return nil, err
	}
	wanted := p.run.Options.Gathering != "explicit"
	if ok {
		wanted = book.Boolean(gather)
	}
	if !wanted {
		return items, nil
	}
	setup, err := p.setup(ok)
	if err != nil {
		return nil, err
	}
	return append([]book.Item{setup}, items...), nil
}

// setup is the task that gathers facts.
func (p *playRun) setup(explicit bool) (*book.Task, error) {
	args := value.NewDict()
	for name, otherwise := range map[string]value.Value{"gather_subset": listOf(p.run.Options.GatherSubset), "gather_timeout": p.run.Options.GatherTimeout, "fact_path": p.run.Options.FactPath} {
		v, ok, err := p.keyword(name)
		if err != nil {
			return nil, err
		}
		if !ok {
			v = otherwise
		}
		if empty(v) {
			continue
		}
		args.SetStr(name, v)
	}
	t := &book.Task{Node: book.Node{Parent: &p.play.Node, Position: p.play.Position}, Action: "gather_facts", FQCN: "ansible.builtin.gather_facts", Args: args, Implicit: true, Dir: p.play.Dir}
	t.Set("name", "Gathering Facts")
	t.Set("tags", value.NewList("always"))
	if !explicit && p.run.Options.Gathering == "smart" {
		t.Smart = true
	}
	return t, nil
}

func listOf(names []string) value.Value {
	out := value.NewList()
	for _, n := range names {
		out.Items = append(out.Items, n)
	}
	return out
}

func empty(v value.Value) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case int64:
		return v == 0
	case *value.List:
		return len(v.Items) == 0
	}
	return false
}

// startAt passes over what stands before the task that --start-at-task names.
func (p *playRun) startAt() error {
	if p.run.StartAt == "" || p.started {
		return nil
	}
	for _, host := range p.batch {
		c := p.run.state(host).cursor
		for t := c.peek(); t != nil && !p.named(t); t = c.peek() {
			c.take()
		}
		p.started = p.started || c.peek() != nil
	}
	if p.started {
		p.run.StartAt = ""
	}
	return nil
}

func (p *playRun) named(t *book.Task) bool {
	if t.Implicit {
		return false
	}
	want := p.run.StartAt
	for _, name := range []string{t.Name(), t.Title(t.Name())} {
		if ok, err := filepath.Match(want, name); name == want || err == nil && ok {
			return true
		}
	}
	return false
}

// hosts are those of the batch that still have something to do.
func (p *playRun) hosts() []string {
	return slices.DeleteFunc(slices.Clone(p.batch), func(h string) bool { return p.run.state(h).gone() })
}

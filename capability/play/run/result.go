package run

import (
	"fmt"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/value"
)

// settle counts and tells what a task gave on one host.
func (p *playRun) settle(r *taskResult) {
	p.enlist(r)
	switch {
	case truth(r.dict, "unreachable") && !r.ignoredU:
		p.lost(r)
	case truth(r.dict, "unreachable"):
		p.count(r.host, func(c *event.Counts) { c.Skipped++; c.Ignored++ })
		p.tell(event.Unreachable, r)
	case truth(r.dict, "failed"):
		p.fail(r)
	case truth(r.dict, "skipped"):
		p.count(r.host, func(c *event.Counts) { c.Skipped++ })
		p.tell(event.Skipped, r)
	default:
		p.succeed(r)
	}
}

func (p *playRun) count(host string, change func(c *event.Counts)) {
	p.run.mu.Lock()
	defer p.run.mu.Unlock()
	change(p.run.stats.Of(host))
}

func (p *playRun) tell(kind event.Kind, r *taskResult) {
	p.run.emit(event.Event{Kind: kind, Play: p.play, Task: r.task, Host: r.host, Delegated: r.delegated, Result: r.dict, Ignored: r.ignored && kind == event.Failed || r.ignoredU && kind == event.Unreachable,
		NoLog: r.noLog || truth(r.dict, "_ansible_no_log"), Handler: r.task.Handler})
}

func (p *playRun) lost(r *taskResult) {
	s := p.run.state(r.host)
	s.unreachable = true
	s.cursor.end()
	p.markFailed(r.host)
	p.count(r.host, func(c *event.Counts) { c.Unreachable++ })
	p.tell(event.Unreachable, r)
}

func (p *playRun) markFailed(host string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed[host] = true
}

// fail takes in a failure: a block's rescue goes on from there, or the host is out.
func (p *playRun) fail(r *taskResult) {
	if r.ignored {
		p.count(r.host, func(c *event.Counts) {
			c.Ok++
			c.Ignored++
			if truth(r.dict, "changed") {
				c.Changed++
			}
		})
		p.tell(event.Failed, r)
		return
	}
	if p.hostFails(r.host, r) {
		p.count(r.host, func(c *event.Counts) { c.Rescued++ })
	} else {
		p.count(r.host, func(c *event.Counts) { c.Failures++ })
	}
	p.tell(event.Failed, r)
}

// hostFails leads a host to where its failure leads, and says whether a rescue takes over.
func (p *playRun) hostFails(host string, r *taskResult) bool {
	s := p.run.state(host)
	if s.cursor.fail() {
		if r != nil {
			merge(&s.set, value.DictOf("ansible_failed_task", taskVars(r.task), "ansible_failed_result", clean(r.dict)))
		}
		return true
	}
	s.failed = true
	if s.cursor.failed {
		p.markFailed(host)
		if p.force {
			p.flush(host)
		}
	}
	return false
}

// taskVars is the variable ansible_failed_task.
func taskVars(t *book.Task) value.Value {
	return value.MarkUnsafe(value.DictOf("name", t.Name(), "action", t.Action, "args", t.Args))
}

func (p *playRun) succeed(r *taskResult) {
	if isInclude(r.task.FQCN) { // what is included is told and counted when it is read
		p.tell(event.Ok, r)
		return
	}
	if r.diff && r.dict.Has("diff") && !r.task.Loop.Set {
		p.tell(event.Diff, r)
	}
	p.count(r.host, func(c *event.Counts) {
		c.Ok++
		if truth(r.dict, "changed") {
			c.Changed++
		}
	})
	p.tell(event.Ok, r)
}

// remember keeps what a result brings for later tasks: registered variables,
// facts, new hosts and groups, notified handlers. sharing are the hosts that a
// run_once task counts for.
func (p *playRun) remember(r *taskResult, sharing []string) {
	hosts := []string{r.host}
	if len(sharing) > 0 {
		hosts = sharing
	}
	if truth(r.dict, "changed") && !truth(r.dict, "failed") {
		p.notify(r)
	}
	for _, d := range r.parts() {
		p.learn(r, d, hosts)
	}
	if r.register == "" {
		return
	}
	registered := clean(r.dict)
	for _, h := range hosts {
		setOne(&p.run.state(h).set, r.register, registered)
	}
}

// clean is a result as variables show it: without what is for the executor alone.
func clean(d *value.Dict) *value.Dict {
	out := value.NewDict()
	for k, v := range d.All() {
		name := value.Str(k)
		if strings.HasPrefix(name, "_ansible_") || name == "invocation" {
			continue
		}
		if l, ok := v.(*value.List); ok && name == "results" {
			v = cleanList(l)
		}
		out.Set(k, v)
	}
	return out
}

func cleanList(l *value.List) *value.List {
	out := &value.List{Items: make([]value.Value, len(l.Items))}
	for i, item := range l.Items {
		if d, ok := item.(*value.Dict); ok {
			item = cleanItem(d)
		}
		out.Items[i] = item
	}
	return out
}

// cleanItem keeps the name of the item's label away, and the rest.
func cleanItem(d *value.Dict) *value.Dict {
	out := value.NewDict()
	for k, v := range d.All() {
		if name := value.Str(k); strings.HasPrefix(name, "_ansible_") {
			continue
		}
		out.Set(k, v)
	}
	return out
}

// learn takes facts, hosts, groups and statistics out of one result.
func (p *playRun) learn(r *taskResult, d *value.Dict, hosts []string) {
	if raw, ok := d.Str("ansible_facts"); ok {
		if facts := dictOf(raw); facts != nil && !truth(d, "failed") {
			p.learnFacts(r, d, facts, hosts)
		}
	}
	if raw, ok := d.Str("ansible_stats"); ok {
		p.learnStats(r.host, dictOf(raw))
	}
}

// parts are a result, or those of its items.
func (r *taskResult) parts() []*value.Dict {
	l, ok := r.dict.Str("results")
	list, isList := l.(*value.List)
	if !ok || !isList || !r.task.Loop.Set {
		return []*value.Dict{r.dict}
	}
	var out []*value.Dict
	for _, i := range list.Items {
		if d := dictOf(i); d != nil {
			out = append(out, d)
		}
	}
	return out
}

// enlist puts hosts and groups into the inventory. What was there before is no change.
func (p *playRun) enlist(r *taskResult) {
	any, seen := false, false
	if _, decided := r.task.Own("changed_when"); decided {
		defer func(before value.Value) { r.dict.SetStr("changed", before) }(truth(r.dict, "changed"))
	}
	for _, d := range r.parts() {
		changed := false
		if raw, ok := d.Str("add_host"); ok {
			changed, seen = p.addHost(dictOf(raw)), true
			d.SetStr("changed", changed)
		}
		if raw, ok := d.Str("add_group"); ok {
			parents, _ := d.Str("parent_groups")
			changed, seen = p.run.Inventory.AddToGroup(r.host, value.Str(raw), texts(parents)), true
			p.run.forgetHost(r.host)
			d.SetStr("changed", changed)
		}
		any = any || changed
	}
	if seen {
		r.dict.SetStr("changed", any)
	}
}

func (p *playRun) learnFacts(r *taskResult, d, facts *value.Dict, hosts []string) {
	if r.delegated != "" && r.delegate {
		hosts = []string{r.delegated}
	}
	cacheable := truth(d, "_ansible_facts_cacheable")
	for _, h := range hosts {
		s := p.run.state(h)
		switch r.task.FQCN {
		case "ansible.builtin.include_vars":
			merge(&s.included, facts)
			continue
		case "ansible.builtin.set_fact":
			merge(&s.set, facts)
			if !cacheable {
				continue
			}
		}
		merge(&s.facts, facts)
		if p.run.FactCache != nil {
			if err := p.run.FactCache.Save(h, s.facts.Load()); err != nil {
				p.run.Tell(event.Warning, fmt.Sprintf("the facts of %s were not cached: %s", h, err))
			}
		}
	}
}

func (r *Runner) forgetHost(host string) {
	s := r.state(host)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded = false
}

func (p *playRun) addHost(d *value.Dict) bool {
	if d == nil {
		return false
	}
	name, _ := d.Str("host_name")
	groups, _ := d.Str("groups")
	vars, _ := d.Str("host_vars")
	changed := p.run.Inventory.Add(value.Str(name), texts(groups), dictOf(vars))
	p.run.forgetHost(value.Str(name))
	return changed
}

// learnStats takes in what set_stats gives.
func (p *playRun) learnStats(host string, d *value.Dict) {
	if d == nil {
		return
	}
	data, _ := d.Str("data")
	more := dictOf(data)
	if more == nil {
		return
	}
	key := "_run"
	if truth(d, "per_host") {
		key = host
	}
	p.run.mu.Lock()
	defer p.run.mu.Unlock()
	s := &p.run.stats
	if s.Custom == nil {
		s.Custom = map[string]*value.Dict{}
	}
	if s.Custom[key] == nil {
		s.Custom[key] = value.NewDict()
	}
	for k, v := range more.All() {
		before, had := s.Custom[key].Get(k)
		if had && truth(d, "aggregate") {
			v = aggregate(before, v)
		}
		s.Custom[key].Set(k, v)
	}
}

// aggregate adds a statistic to what there was.
func aggregate(before, v value.Value) value.Value {
	switch b := before.(type) {
	case *value.Dict:
		if d, ok := v.(*value.Dict); ok {
			return mergeInto(b, d)
		}
	case *value.List:
		if l, ok := v.(*value.List); ok {
			return value.NewList(append(slices.Clone(b.Items), l.Items...)...)
		}
	case int64:
		if n, ok := v.(int64); ok {
			return b + n
		}
	case string:
		return b + value.Str(v)
	}
	return v
}

// notify marks the handlers that a changed task names.
func (p *playRun) notify(r *taskResult) {
	if len(r.notify) == 0 || r.scope == nil {
		return
	}
	s := p.run.state(r.host)
	for _, raw := range r.notify {
		v, err := p.run.Engine.Value(p.ctx, raw, r.scope)
		if err != nil {
			p.run.Tell(event.Warning, fmt.Sprintf("the handler %q cannot be notified: %s", raw, err))
			continue
		}
		for _, name := range texts(v) {
			if name == "" || name == p.run.Engine.Omit {
				continue
			}
			p.notifyOne(r, s, name)
		}
	}
}

func (p *playRun) notifyOne(r *taskResult, s *hostState, name string) {
	p.mu.Lock()
	handlers := slices.Clone(p.handlers)
	p.mu.Unlock()
	found := false
	for _, h := range slices.Backward(handlers) { // the last one of a name counts
		if p.handlerNamed(h, name, r) {
			found = true
			p.mark(r, s, h, name)
			break
		}
	}
	for _, h := range handlers {
		if slices.Contains(h.Listen, name) {
			found = true
			p.mark(r, s, h, name)
		}
	}
	if found {
		return
	}
	text := fmt.Sprintf("The requested handler '%s' was not found in either the main handlers list nor in the listening handlers list", name)
	if p.run.Options.ErrorOnMissing {
		p.mu.Lock()
		p.fault = &book.Error{Message: text, Position: r.task.Position}
		p.mu.Unlock()
		return
	}
	p.run.Tell(event.Warning, text)
}

func (p *playRun) mark(r *taskResult, s *hostState, h *book.Task, name string) {
	if s.notify(h) {
		p.run.emit(event.Event{Kind: event.Notified, Name: name, Host: r.host, Task: h})
	}
}

// handlerNamed says whether a handler goes by a name: its own, with its role
// before it or without.
func (p *playRun) handlerNamed(h *book.Task, name string, r *taskResult) bool {
	own := h.Name()
	if own == "" {
		return false
	}
	if strings.Contains(own, "{{") {
		v, err := p.newVars(r.host, h)
		if err != nil {
			return false
		}
		text, err := p.run.Engine.Text(p.ctx, own, p.scopeOf(v, h))
		if err != nil {
			return false
		}
		own = text
	}
	return name == own || name == h.Title(own) || h.Role != nil && name == h.Role.Name+" : "+own
}

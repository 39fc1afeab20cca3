package run

import (
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/value"
)

func isMeta(t *book.Task) bool { return t.FQCN == "ansible.builtin.meta" }

func metaName(t *book.Task) string {
	raw, _ := t.Args.Str("_raw_params")
	return strings.TrimSpace(value.Str(raw))
}

// perHost says that a meta task concerns the host that comes to it alone.
func perHost(what string) bool {
	switch what {
	case "noop", "reset_connection", "end_host", "role_complete", "flush_handlers":
		return true
	}
	return false
}

// meta does a meta task for hosts; those that it concerns all at once, once.
func (p *playRun) meta(t *book.Task, hosts []string) error {
	what := metaName(t)
	for i, host := range hosts {
		if i > 0 && !perHost(what) {
			return nil
		}
		holds, err := p.metaHolds(t, host)
		if err != nil {
			return err
		}
		if !holds {
			p.skipMeta(t, what, host)
			continue
		}
		if err := p.metaOne(t, what, host, hosts); err != nil {
			return err
		}
	}
	return nil
}

// skipMeta tells that a meta task's condition does not hold.
func (p *playRun) skipMeta(t *book.Task, what, host string) {
	if t.Implicit {
		return
	}
	reason := what + " conditional evaluated to False, not running " + what
	switch what {
	case "end_host":
		reason = "end_host conditional evaluated to False, continuing execution for " + host
	case "end_play":
		reason = "end_play conditional evaluated to False, continuing play"
	case "end_batch":
		reason = "end_batch conditional evaluated to False, continuing current batch"
	}
	p.run.emit(event.Event{Kind: event.Message, Level: event.Verbose2, Host: host, Text: "META: " + reason})
	p.run.emit(event.Event{Kind: event.Skipped, Play: p.play, Task: t, Host: host, Result: value.DictOf("msg", "", "skipped", true, "skip_reason", reason)})
}

func (p *playRun) metaHolds(t *book.Task, host string) (bool, error) {
	conditions := t.All("when")
	if len(conditions) == 0 || t.Implicit {
		return true, nil
	}
	v, err := p.newVars(host, t)
	if err != nil {
		return false, err
	}
	return p.run.Engine.Holds(p.ctx, conditions, p.scopeOf(v, t))
}

func (p *playRun) metaOne(t *book.Task, what, host string, hosts []string) error {
	s := p.run.state(host)
	switch what {
	case "noop", "":
	case "flush_handlers":
		p.flush(host)
	case "role_complete":
		if t.Role != nil {
			s.roles[t.Role.Key] = true
		}
	case "clear_facts":
		for _, h := range hosts {
			p.clearFacts(h)
		}
	case "clear_host_errors":
		for _, h := range p.batch {
			p.clearErrors(h)
		}
	case "end_play", "end_batch":
		for _, h := range p.batch {
			if o := p.run.state(h); !o.unreachable {
				o.cursor.end()
				o.ended = true
			}
		}
		p.ended = p.ended || what == "end_play"
	case "end_host":
		p.markFailed(host) // it counts no more among the play's hosts
		s.cursor.end()
		s.ended = true
	case "refresh_inventory":
		if p.run.Refresh != nil {
			if err := p.run.Refresh(); err != nil {
				return err
			}
		}
		p.run.forgetInventory()
	case "reset_connection":
		if err := p.resetConnection(t, host); err != nil {
			return err
		}
	default:
		return &book.Error{Message: "invalid meta action requested: " + what, Position: t.Position}
	}
	if !t.Implicit {
		p.run.emit(event.Event{Kind: event.Message, Level: event.Verbose2, Host: host, Text: metaText(what, host)})
	}
	return nil
}

// resetConnection drops the connection that the host's tasks use.
func (p *playRun) resetConnection(t *book.Task, host string) error {
	v, err := p.newVars(host, t)
	if err != nil {
		return err
	}
	run := &taskRun{p: p, ctx: p.ctx, host: host, task: t, vars: v, scope: p.scopeOf(v, t)}
	own := &plan{host: host}
	if err := run.planConnection(own); err != nil {
		return err
	}
	p.run.Reset(own.settings)
	return nil
}

func metaText(what, host string) string {
	switch what {
	case "end_host":
		return "META: ending play for " + host
	case "end_play":
		return "META: ending play"
	case "end_batch":
		return "META: ending batch"
	case "flush_handlers":
		return "META: triggered running handlers for " + host
	case "clear_host_errors":
		return "META: cleared host errors"
	case "refresh_inventory":
		return "META: inventory successfully refreshed"
	case "clear_facts":
		return "META: facts cleared"
	case "reset_connection":
		return "META: reset connection"
	}
	return "META: " + what
}

func (p *playRun) clearFacts(host string) {
	s := p.run.state(host)
	s.facts.Store(value.NewDict())
	s.set.Store(value.NewDict())
	if p.run.FactCache != nil {
		if err := p.run.FactCache.Flush(host); err != nil {
			p.run.Tell(event.Warning, err.Error())
		}
	}
}

func (p *playRun) clearErrors(host string) {
	s := p.run.state(host)
	s.unreachable, s.failed = false, false
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.failed, host)
	delete(p.run.dead, host)
}

// flush lets a host run the handlers that it notified, in the order in which they are written.
func (p *playRun) flush(host string) {
	s := p.run.state(host)
	p.mu.Lock()
	handlers := slices.Clone(p.handlers)
	p.mu.Unlock()
	if !slices.ContainsFunc(handlers, s.isNotified) {
		return
	}
	s.cursor.flush(handlers)
}

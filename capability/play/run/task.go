package run

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// taskRun is one task on one host.
type taskRun struct {
	p     *playRun
	ctx   context.Context
	host  string
	task  *book.Task
	vars  *vars
	scope *template.Scope // with the variables of the item, in a loop
	noLog bool
	// retry sends what an attempt that is to be repeated gave.
	retry func(result *value.Dict)
	// item sends the result of one item of a loop.
	item func(result *value.Dict)
	// warn tells the user something.
	warn func(level event.Level, text string)
}

// Result is what one task gave on one host.
type taskResult struct {
	host      string
	task      *book.Task
	dict      *value.Dict
	delegated string
	ignored   bool // ignore_errors
	ignoredU  bool // ignore_unreachable
	noLog     bool
	diff      bool
	includes  []include // of include_tasks and include_role
	notify    []string
	register  string
	delegate  bool // delegate_facts
	vars      *vars
	scope     *template.Scope
}

func (p *playRun) scopeOf(v *vars, task *book.Task) *template.Scope {
	return &template.Scope{Vars: v, BaseDir: p.play.Dir, Dirs: p.searchPath(task)}
}

// runTask runs a task on a host. What goes wrong stands in the result.
func (p *playRun) runTask(ctx context.Context, host string, task *book.Task) *taskResult {
	out := &taskResult{host: host, task: task}
	v, err := p.newVars(host, task)
	if err != nil {
		out.dict = failure(err)
		return out
	}
	t := &taskRun{p: p, ctx: ctx, host: host, task: task, vars: v, scope: p.scopeOf(v, task)}
	t.events()
	out.vars, out.scope = v, t.scope
	out.dict = t.execute(out)
	t.conclude(out)
	return out
}

// conclude fills in what the strategy needs to know of keywords.
func (t *taskRun) conclude(out *taskResult) {
	out.noLog = t.noLog
	ignore, err := t.flag("ignore_errors")
	if err == nil {
		out.ignored = ignore
	}
	if ignore, err = t.flag("ignore_unreachable"); err == nil {
		out.ignoredU = ignore
	}
	if v, ok := t.task.Own("register"); ok {
		out.register = value.Str(v)
	}
	if d, err := t.flag("delegate_facts"); err == nil {
		out.delegate = d
	}
	out.diff = t.showsDiff()
	if v, ok := t.task.Get("notify"); ok {
		out.notify = texts(v)
	}
}

// showsDiff says whether the user wants to see what changes.
func (t *taskRun) showsDiff() bool {
	own, err := t.flag("diff")
	return t.p.run.Diff || err == nil && own
}

// events connects the run to the sink.
func (t *taskRun) events() {
	send := func(kind event.Kind, d *value.Dict, label string) {
		t.p.run.emit(event.Event{Kind: kind, Play: t.p.play, Task: t.task, Host: t.host, Result: d, Label: label, NoLog: t.noLog, Delegated: delegatedOf(d), Handler: t.task.Handler})
	}
	t.retry = func(d *value.Dict) { send(event.Retry, d, "") }
	t.item = func(d *value.Dict) {
		label := ""
		if l, ok := d.Str("_ansible_item_label"); ok {
			label = value.Str(l)
		}
		kind := event.ItemOk
		switch {
		case truth(d, "failed") || truth(d, "unreachable"):
			kind = event.ItemFailed
		case truth(d, "skipped"):
			kind = event.ItemSkipped
		}
		if kind == event.ItemOk && d.Has("diff") && t.showsDiff() {
			send(event.Diff, d, label)
		}
		send(kind, d, label)
	}
	t.warn = t.p.run.Tell
}

func truth(d *value.Dict, key string) bool {
	v, ok := d.Str(key)
	return ok && value.Truth(v)
}

func failure(err error) *value.Dict {
	return value.DictOf("failed", true, "msg", message(err), "changed", false)
}

// message is what an error says to the user of a playbook.
func message(err error) string {
	return err.Error()
}

// excerpted adds where a task stands to an error about its text, as Ansible does.
func (t *taskRun) excerpted(err error) string {
	text := message(err)
	if template.IsUndefined(err) {
		if cause := new(template.ConditionError); !errors.As(err, &cause) {
			text += ". " + text // Ansible tells the cause after the error, which say the same
		}
		text = "The task includes an option with an undefined variable. The error was: " + text
	}
	return text + t.p.run.where(t.task)
}

// execute runs the task's loop, or the task once.
func (t *taskRun) execute(out *taskResult) *value.Dict {
	items, loopErr := t.items()
	if loopErr == nil && items != nil {
		return t.loop(items, out)
	}
	d := t.once(loopErr, out)
	return t.finish(d)
}

// finish gives a result the keys that every result has.
func (t *taskRun) finish(d *value.Dict) *value.Dict {
	if !d.Has("changed") {
		d.SetStr("changed", false)
	}
	return d
}

// keyword returns a keyword, templated. ok is false where nobody set it.
func (t *taskRun) keyword(name string) (value.Value, bool, error) {
	for n := &t.task.Node; n != nil; n = n.Parent {
		raw, ok := n.Own(name)
		if !ok || raw == nil {
			continue
		}
		if v, ok, err := t.templated(name, raw); ok || err != nil {
			return v, ok, err
		} // what is omitted is inherited
	}
	return nil, false, nil
}

// own is keyword for those that a task does not inherit.
func (t *taskRun) own(name string) (value.Value, bool, error) {
	raw, ok := t.task.Own(name)
	if !ok || raw == nil {
		return nil, false, nil
	}
	return t.templated(name, raw)
}

func (t *taskRun) templated(name string, raw value.Value) (value.Value, bool, error) {
	v, err := t.p.run.Engine.Value(t.ctx, raw, t.scope)
	if err != nil {
		return nil, false, &fieldError{field: name, cause: err, where: t.p.run.where(t.task)}
	}
	if text, isText := v.(string); isText && text == t.p.run.Engine.Omit {
		return nil, false, nil
	}
	return v, true, nil
}

// fieldError says that a keyword cannot be templated.
type fieldError struct {
	field string
	cause error
	where string
}

func (e *fieldError) Error() string {
	if template.IsUndefined(e.cause) {
		return fmt.Sprintf("The field '%s' has an invalid value, which includes an undefined variable. The error was: %s%s", e.field, e.cause, e.where)
	}
	return fmt.Sprintf("The field '%s' has an invalid value. The error was: %s%s", e.field, e.cause, e.where)
}

func (e *fieldError) Unwrap() error { return e.cause }

func (t *taskRun) flag(name string) (bool, error) {
	v, ok, err := t.keyword(name)
	if err != nil || !ok || v == nil {
		return false, err
	}
	b, err := module.Boolean(value.ToGo(v))
	if err != nil {
		return false, fmt.Errorf("the field '%s' has an invalid value (%s), and could not be converted to an bool. The error was: %w%s", name, value.Str(v), err, t.p.run.where(t.task))
	}
	return b, nil
}

func (t *taskRun) number(name string, otherwise float64) (float64, error) {
	v, ok, err := t.own(name)
	if err != nil || !ok {
		return otherwise, err
	}
	if f, ok := value.Float(v); ok {
		return f, nil
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(value.Str(v)), 64)
	if err != nil {
		return 0, fmt.Errorf("the field '%s' has an invalid value (%s), and could not be converted to an int. The error was: %s%s", name, value.Str(v), "invalid literal for int() with base 10: "+value.Repr(v), t.p.run.where(t.task))
	}
	return f, nil
}

// sleep waits, as long as the run goes on.
func (t *taskRun) sleep(seconds float64) error {
	timer := time.NewTimer(time.Duration(seconds * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

// conditions are a task's when and those of the blocks around it.
func (t *taskRun) conditions() []value.Value { return t.task.All("when") }

// once runs the task for one item, or without a loop.
func (t *taskRun) once(loopErr error, out *taskResult) *value.Dict {
	noLog, err := t.flag("no_log")
	if err != nil {
		return failure(err)
	}
	t.noLog = noLog || t.p.run.Options.NoLog
	holds, err := t.p.run.Engine.Holds(t.ctx, t.conditions(), t.scope)
	if err != nil {
		if loopErr != nil {
			return value.DictOf("failed", true, "msg", t.excerpted(loopErr))
		}
		return value.DictOf("failed", true, "msg", message(err)+t.p.run.where(t.task))
	}
	if !holds {
		return value.DictOf("changed", false, "skipped", true, "skip_reason", "Conditional result was False")
	}
	if loopErr != nil {
		return value.DictOf("failed", true, "msg", t.excerpted(loopErr))
	}
	if isInclude(t.task.FQCN) {
		return t.include(out)
	}
	return t.attempts(out)
}

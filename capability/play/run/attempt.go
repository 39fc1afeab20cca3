package run

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"garboard.dev/garboard/capability/play/action"
	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// attempts runs the task's action until it is done: once, or as often as until and retries want.
func (t *taskRun) attempts(out *taskResult) *value.Dict {
	plan, err := t.plan()
	if err != nil {
		return t.failed(err)
	}
	out.delegated = plan.delegated
	var d *value.Dict
	for attempt := 1; attempt <= plan.tries; attempt++ {
		d = t.attempt(plan)
		if truth(d, "unreachable") {
			break
		}
		err = t.judge(plan, d)
		if err != nil {
			break
		}
		if plan.tries == 1 {
			break
		}
		d.SetStr("attempts", int64(attempt))
		done, err := t.done(plan, d)
		if err != nil {
			d.SetStr("failed", true)
			d.SetStr("msg", message(err))
			break
		}
		if done {
			break
		}
		if attempt == plan.tries {
			d.SetStr("attempts", int64(plan.tries-1))
			d.SetStr("failed", true)
			break
		}
		d.SetStr("retries", int64(plan.tries))
		t.retry(d)
		d.Delete("retries")
		if err := t.sleep(plan.delay); err != nil {
			return failure(err)
		}
	}
	plan.describe(d)
	return d
}

func (t *taskRun) failed(err error) *value.Dict {
	var u *target.Unreachable
	if errors.As(err, &u) {
		return value.DictOf("unreachable", true, "msg", u.Reason, "changed", false)
	}
	var f *fieldError
	if errors.As(err, &f) {
		return value.DictOf("failed", true, "msg", err.Error(), "changed", false)
	}
	if template.IsUndefined(err) {
		return value.DictOf("failed", true, "msg", t.excerpted(err), "changed", false)
	}
	return failure(err)
}

// attempt runs the action once.
func (t *taskRun) attempt(p *plan) *value.Dict {
	ctx := t.ctx
	if p.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(p.timeout*float64(time.Second)))
		defer cancel()
	}
	d, err := t.act(ctx, p)
	if err == nil && d == nil {
		d = value.NewDict()
	}
	if ctx.Err() != nil && t.ctx.Err() == nil {
		return value.DictOf("failed", true, "msg", fmt.Sprintf("The %s action failed to execute in the expected time frame (%d) and was terminated", t.task.Action, int(p.timeout)), "changed", false,
			"timedout", value.DictOf("frame", "Interrupted at 'run'", "period", int64(p.timeout)))
	}
	if err == nil {
		return d
	}
	var f *action.Failure
	if errors.As(err, &f) {
		out := value.NewDict()
		if f.Result != nil {
			out = f.Result.Copy()
		}
		out.SetStr("failed", true)
		out.SetStr("msg", f.Message)
		return out
	}
	return t.failed(err)
}

// act calls the action, or the module on the target.
func (t *taskRun) act(ctx context.Context, p *plan) (*value.Dict, error) {
	c := &action.Task{
		Context: ctx, Book: t.task, Host: t.host, Delegated: p.delegated, Args: p.args, Scope: t.scope, Engine: t.p.run.Engine,
		Check: p.check, Diff: p.diff, NoLog: t.noLog, Verbosity: t.p.run.Verbosity, Env: p.env, Name: p.fqcn, Async: p.async,
		Controller: t.controller(p),
	}
	c.Target = func() (target.Target, error) { return t.p.run.Connect(ctx, p.settings) }
	c.Run = func(name string, args *value.Dict) (*value.Dict, error) { return t.module(ctx, p, name, args, nil) }
	c.Stream = func(name string, args *value.Dict, upload action.Reader) (*value.Dict, error) {
		return t.module(ctx, p, name, args, upload)
	}
	if p.async > 0 && !t.p.run.inline(p.fqcn) {
		return t.background(ctx, p, c)
	}
	if p.action != nil {
		return p.action(c)
	}
	return c.Run(p.fqcn, p.args)
}

// inline says that an action does its work on the controller, where async means nothing.
func (r *Runner) inline(fqcn string) bool {
	if _, isModule := r.Modules.Find(fqcn); isModule {
		return false
	}
	return r.Actions[fqcn] != nil
}

// module runs a module on the target.
func (t *taskRun) module(ctx context.Context, p *plan, name string, args *value.Dict, upload action.Reader) (*value.Dict, error) {
	to, err := t.p.run.Connect(ctx, p.settings)
	if err != nil {
		return nil, err
	}
	if _, native := t.p.run.Modules.Find(name); !native {
		result, ok, err := t.p.run.Foreign(ctx, to, Foreign{Name: name, Args: args, Check: p.check, Diff: p.diff, NoLog: t.noLog, Verbosity: t.p.run.Verbosity, Env: p.env, Python: p.settings.Python})
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, value.Errorf("The module %s is not native here, and neither a collection nor Ansible's own packages on this machine have it", name)
		}
		return unsafeResult(result), nil
	}
	data, err := value.JSON(args, value.JSONOptions{Default: func(v value.Value) (value.Value, error) { return value.Str(v), nil }})
	if err != nil {
		return nil, fmt.Errorf("arguments of %s: %w", name, err)
	}
	r := target.Request{Module: name, Args: data, Check: p.check, Diff: p.diff, Verbosity: t.p.run.Verbosity, Env: maps.Clone(p.env), NoLog: t.noLog, Upload: upload}
	if p.async > 0 && p.starting {
		r.Async = &target.Async{JobID: p.job, Limit: p.async, Dir: t.asyncDir(p)}
	}
	result, err := to.Module(ctx, r)
	if err != nil {
		return nil, err
	}
	return unsafeResult(result), nil
}

// unsafeResult is a module's answer as a value that is never templated.
func unsafeResult(result module.Result) *value.Dict {
	for _, name := range []string{"stdout", "stderr"} {
		text, ok := result[name].(string)
		if _, split := result[name+"_lines"]; ok && !split {
			result[name+"_lines"] = linesOf(text)
		}
	}
	d, _ := value.MarkUnsafe(value.FromGo(map[string]any(result))).(*value.Dict)
	return d
}

func linesOf(text string) []any {
	out := []any{}
	for _, l := range value.SplitLines(text, false) {
		out = append(out, l)
	}
	return out
}

// judge decides whether an attempt changed something and whether it failed.
func (t *taskRun) judge(p *plan, d *value.Dict) error {
	if !d.Has("failed") {
		rc, ok := d.Str("rc")
		d.SetStr("failed", ok && value.Str(rc) != "0")
	}
	if !d.Has("changed") {
		d.SetStr("changed", false)
	}
	if d.Has("skipped") {
		return nil
	}
	scope := t.scope.With(resultVars(p.register, d))
	for _, name := range []string{"changed_when", "failed_when"} {
		raw, ok := t.task.Own(name)
		if !ok || raw == nil {
			continue
		}
		if l, isList := raw.(*value.List); isList && len(l.Items) == 0 {
			continue
		}
		if s, isText := raw.(string); isText && s == t.p.run.Engine.Omit {
			continue
		}
		holds, err := t.p.run.Engine.Holds(t.ctx, []value.Value{raw}, scope)
		if err != nil {
			d.SetStr("failed", true)
			d.SetStr(name+"_result", message(err))
			d.SetStr("msg", message(err))
			return err
		}
		if name == "changed_when" {
			d.SetStr("changed", holds)
			continue
		}
		d.SetStr("failed_when_result", holds)
		d.SetStr("failed", holds)
	}
	return nil
}

// resultVars are the variables by which conditions see a result.
func resultVars(register string, d *value.Dict) *value.Dict {
	out := value.NewDict()
	if facts, ok := d.Str("ansible_facts"); ok {
		if f := dictOf(facts); f != nil {
			for k, v := range f.All() {
				out.Set(k, v)
			}
		}
	}
	if register != "" {
		out.SetStr(register, d)
	}
	return out
}

// done evaluates until.
func (t *taskRun) done(p *plan, d *value.Dict) (bool, error) {
	return t.p.run.Engine.Holds(t.ctx, p.until, t.scope.With(resultVars(p.register, d)))
}

// describe adds who did the work.
func (p *plan) describe(d *value.Dict) {
	if p.delegated == "" {
		return
	}
	host := p.settings.Address
	d.SetStr("_ansible_delegated_vars", value.DictOf("ansible_delegated_host", p.delegated, "ansible_host", host))
}

func delegatedOf(d *value.Dict) string {
	if d == nil {
		return ""
	}
	v, ok := d.Str("_ansible_delegated_vars")
	if vars := dictOf(v); ok && vars != nil {
		host, _ := vars.Str("ansible_delegated_host")
		return value.Str(host)
	}
	return ""
}

package run

import (
	"context"
	"fmt"
	"strconv"

	"garboard.dev/garboard/capability/play/action"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/value"
)

func (t *taskRun) asyncDir(p *plan) string {
	if v, ok := t.scope.Raw("ansible_async_dir"); ok {
		return value.Str(v)
	}
	if dir := p.env["ANSIBLE_ASYNC_DIR"]; dir != "" {
		return dir
	}
	return "~/.ansible_async"
}

// inBackground are the actions that can run in the background.
var inBackground = map[string]bool{"ansible.builtin.package": true, "ansible.builtin.service": true, "ansible.builtin.uri": true, "ansible.builtin.gather_facts": true}

// background starts a job that outlives the call, and waits for it unless poll is 0.
func (t *taskRun) background(ctx context.Context, p *plan, c *action.Task) (*value.Dict, error) {
	if p.check {
		return nil, &action.Failure{Message: "check mode and async cannot be used on same task."}
	}
	if p.action != nil && !inBackground[p.fqcn] {
		return nil, &action.Failure{Message: "async is not supported for this task."}
	}
	own := *p
	own.starting = true
	own.job = "j" + strconv.FormatInt(t.p.run.Now().UnixNano()%1e12, 10) + "." + strconv.Itoa(t.p.run.number())
	c.Run = func(name string, args *value.Dict) (*value.Dict, error) { return t.module(ctx, &own, name, args, nil) }
	var started *value.Dict
	var err error
	if p.action != nil {
		started, err = p.action(c)
	} else {
		started, err = c.Run(p.fqcn, p.args)
	}
	if err != nil || p.poll <= 0 || truth(started, "failed") || truth(started, "skipped") || !started.Has("ansible_job_id") {
		return started, err
	}
	return t.poll(ctx, p, started)
}

// poll waits for a job.
func (t *taskRun) poll(ctx context.Context, p *plan, started *value.Dict) (*value.Dict, error) {
	job, _ := started.Str("ansible_job_id")
	left := float64(p.async)
	args := value.DictOf("jid", job, "_async_dir", t.asyncDir(p))
	var d *value.Dict
	for left > 0 {
		if err := t.sleep(p.poll); err != nil {
			return nil, err
		}
		var err error
		d, err = t.module(ctx, p, "ansible.builtin.async_status", args, nil)
		if err != nil {
			return nil, err
		}
		if v, ok := d.Str("finished"); ok && value.Truth(v) || truth(d, "failed") || truth(d, "skipped") {
			break
		}
		left -= p.poll
		t.p.run.emit(event.Event{Kind: event.AsyncPoll, Task: t.task, Host: t.host, Result: d})
	}
	if v, ok := d.Str("finished"); !ok || !value.Truth(v) {
		if ok && truth(d, "failed") {
			return d, nil
		}
		return nil, &action.Failure{Message: fmt.Sprintf("async task did not complete within the requested time - %ds", p.async), Result: value.DictOf("async_result", d)}
	}
	kind := event.AsyncOk
	if truth(d, "failed") {
		kind = event.AsyncFailed
	}
	t.p.run.emit(event.Event{Kind: kind, Task: t.task, Host: t.host, Result: d})
	cleanup := value.DictOf("jid", job, "mode", "cleanup", "_async_dir", t.asyncDir(p))
	_, err := t.module(ctx, p, "ansible.builtin.async_status", cleanup, nil)
	return d, err
}

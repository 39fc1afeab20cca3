package callback

import (
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/value"
)

// Minimal prints one result a host, as the command ansible does.
type Minimal struct {
	*Default
	OneLine bool
}

// Handle implements event.Sink.
func (c *Minimal) Handle(e event.Event) {
	switch e.Kind {
	case event.Ok, event.Failed, event.Skipped, event.Unreachable:
		c.result(e)
	case event.Diff:
		c.diff(e)
	case event.Message:
		c.Tell(e.Level, e.Text)
	case event.NoHostsMatched:
		c.Tell(event.Warning, "No hosts matched, nothing to do")
	}
}

// commands are the modules whose output is shown as it is.
var commands = map[string]bool{"ansible.builtin.command": true, "ansible.builtin.shell": true, "ansible.builtin.raw": true, "ansible.builtin.script": true}

func (c *Minimal) result(e event.Event) {
	r := shownResult(e)
	if e.Kind == event.Failed {
		c.exception(r)
	}
	c.warnings(r)
	cleanDebug(r, e.Task)
	state, color := "SUCCESS", c.Colors.Ok
	switch {
	case e.Kind == event.Failed:
		state, color = "FAILED", c.Colors.Error
	case e.Kind == event.Unreachable:
		c.Line(fmt.Sprintf("%s | UNREACHABLE!%s%s", e.Host, c.arrow(": "), c.text(r)), c.Colors.Unreachable)
		return
	case e.Kind == event.Skipped:
		c.Line(e.Host+" | SKIPPED", c.Colors.Skip)
		return
	case truth(e.Result, "changed"):
		state, color = "CHANGED", c.Colors.Changed
	}
	if commands[e.Task.FQCN] && !r.Has("ansible_job_id") {
		c.Line(c.command(e.Host, state, r), color)
		return
	}
	if state == "FAILED" {
		state = "FAILED!"
	}
	c.Line(fmt.Sprintf("%s | %s => %s", e.Host, state, c.text(r)), color)
}

func (c *Minimal) arrow(oneLine string) string {
	if c.OneLine {
		return oneLine
	}
	return " => "
}

func (c *Minimal) text(r *value.Dict) string {
	if c.OneLine { // Python's indent=0 without its line breaks
		data, err := value.JSON(c.abridged(r), value.JSONOptions{Sort: true, ItemSeparator: ",", Default: func(v value.Value) (value.Value, error) { return value.Str(v), nil }})
		if err == nil {
			return string(data)
		}
	}
	return c.dumped(r, 4)
}

// command is a command's result: its code and what it said.
func (c *Minimal) command(host, state string, r *value.Dict) string {
	get := func(key string) string {
		v, _ := r.Str(key)
		if v == nil {
			return ""
		}
		return value.Str(v)
	}
	rc := "-1"
	if r.Has("rc") {
		rc = get("rc")
	}
	if c.OneLine {
		escape := func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }
		out := fmt.Sprintf("%s | %s | rc=%s | (stdout) %s", host, state, rc, escape(get("stdout")))
		if s := get("stderr"); s != "" {
			out += " (stderr) " + escape(s)
		}
		return out
	}
	return fmt.Sprintf("%s | %s | rc=%s >>\n%s%s%s", host, state, rc, get("stdout"), get("stderr"), get("msg"))
}

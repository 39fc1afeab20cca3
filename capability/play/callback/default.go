package callback

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/value"
)

// Options are the settings of the default output (display_*, show_*).
type Options struct {
	SkippedHosts, OkHosts bool
	FailedStderr          bool
	CustomStats           bool
	PathOnFailure         bool
	PerHostStart          bool
	CheckMarkers          bool
	ArgsToStdout          bool
	YAML                  bool // result_format
	Pretty                *bool
	DiffContext           int
}

// Default prints what ansible-playbook prints.
type Default struct {
	*Display
	Options

	strategy string
	task     *book.Task // the last one that began
	name     string
	handler  bool
	shown    *book.Task // the last one whose banner was printed
	check    bool
}

// Handle implements event.Sink.
func (c *Default) Handle(e event.Event) {
	switch e.Kind {
	case event.PlaybookStart:
		if c.Verbosity > 1 {
			c.Banner("PLAYBOOK: " + filepath.Base(e.Playbook))
		}
	case event.PlayStart:
		c.playStart(e)
	case event.NoHostsMatched:
		c.Line("skipping: no hosts matched", c.Colors.Skip)
	case event.NoHostsRemaining:
		c.Banner("NO MORE HOSTS LEFT")
	case event.TaskStart, event.HostStart:
		c.taskStart(e)
	case event.Ok, event.Failed, event.Skipped, event.Unreachable:
		c.result(e)
	case event.ItemOk, event.ItemFailed, event.ItemSkipped:
		c.item(e)
	case event.Diff:
		c.diff(e)
	case event.Retry:
		c.retry(e)
	case event.Included:
		c.included(e)
	case event.AsyncPoll, event.AsyncOk, event.AsyncFailed:
		c.async(e)
	case event.Notified:
		if c.Verbosity > 1 {
			c.Line(fmt.Sprintf("NOTIFIED HANDLER %s for %s", e.Name, e.Host), c.Colors.Verbose)
		}
	case event.Message:
		c.Tell(e.Level, e.Text)
	case event.Finished:
		c.recap(e)
	}
}

func (c *Default) mark(check bool) string {
	if check && c.CheckMarkers {
		return " [CHECK MODE]"
	}
	return ""
}

func (c *Default) playStart(e event.Event) {
	c.shown, c.task = nil, nil
	c.strategy = ""
	if v, ok := e.Play.Get("strategy"); ok {
		c.strategy = strings.TrimPrefix(value.Str(v), "ansible.builtin.")
	}
	name := strings.TrimSpace(e.Name)
	if name == "" {
		c.Banner("PLAY" + c.mark(e.Check))
		return
	}
	c.Banner("PLAY [" + name + "]" + c.mark(e.Check))
}

func (c *Default) free() bool { return c.strategy == "free" || c.strategy == "host_pinned" }

func (c *Default) taskStart(e event.Event) {
	if c.task == e.Task && e.Kind == event.HostStart {
		return
	}
	c.task, c.name, c.handler, c.check = e.Task, e.Name, e.Handler, e.Check
	if c.free() || !c.SkippedHosts || !c.OkHosts {
		if c.free() {
			c.shown = nil
		}
		return
	}
	c.banner(e.Task)
}

// banner prints a task's line, where that has not been done.
func (c *Default) banner(t *book.Task) {
	if c.shown == t && t != nil {
		return
	}
	c.shown = t
	prefix := "TASK"
	if c.handler {
		prefix = "RUNNING HANDLER"
	}
	name := c.name
	if c.task != t && t != nil {
		name = t.Title(t.Name())
	}
	c.Banner(prefix + " [" + strings.TrimSpace(name) + "]" + c.mark(c.check))
	if c.Verbosity >= 2 && t != nil && t.Position.File != "" {
		c.Line(fmt.Sprintf("task path: %s:%d", t.Position.File, t.Position.Line), c.Colors.Debug)
	}
}

// label names a host, and who did its work.
func label(e event.Event) string {
	if e.Delegated == "" || e.Delegated == e.Host {
		return e.Host
	}
	out := e.Host + " -> " + e.Delegated
	if v, ok := e.Result.Str("_ansible_delegated_vars"); ok {
		if d, isDict := v.(*value.Dict); isDict {
			if address, ok := d.Str("ansible_host"); ok && value.Str(address) != e.Delegated {
				out += "(" + value.Str(address) + ")"
			}
		}
	}
	return out
}

func truth(d *value.Dict, key string) bool {
	v, ok := d.Str(key)
	return ok && value.Truth(v)
}

func (c *Default) result(e event.Event) {
	if e.Kind == event.Skipped && !c.SkippedHosts {
		return
	}
	changed := truth(e.Result, "changed")
	if e.Kind == event.Ok && !changed && !c.OkHosts {
		return
	}
	c.banner(e.Task)
	r := shownResult(e)
	if e.Kind == event.Failed {
		c.exception(r)
	}
	c.warnings(r)
	if e.Kind == event.Ok && strings.HasPrefix(e.Task.FQCN, "ansible.builtin.include") && e.Task.FQCN != "ansible.builtin.include_vars" {
		return
	}
	verbose := c.verbose(r)
	if e.Kind != event.Ok {
		cleanDebug(r, e.Task)
	}
	items := e.Task.Loop.Set && r.Has("results") && (e.Kind == event.Ok || e.Kind == event.Failed)
	cleanDebug(r, e.Task)
	switch {
	case e.Kind == event.Unreachable:
		c.Line(fmt.Sprintf("fatal: [%s]: UNREACHABLE! => %s", label(e), c.dump(r)), c.Colors.Unreachable)
	case items:
	case e.Kind == event.Failed:
		if c.PathOnFailure && c.Verbosity < 2 && e.Task.Position.File != "" {
			c.Line(fmt.Sprintf("task path: %s:%d", e.Task.Position.File, e.Task.Position.Line), c.Colors.Debug)
		}
		c.fail(fmt.Sprintf("fatal: [%s]: FAILED! => %s", label(e), c.dump(r)))
	case e.Kind == event.Skipped:
		c.Line("skipping: ["+e.Host+"]"+c.tail(verbose, r), c.Colors.Skip)
	case changed:
		c.Line("changed: ["+label(e)+"]"+c.tail(verbose, r), c.Colors.Changed)
	default:
		c.Line("ok: ["+label(e)+"]"+c.tail(verbose, r), c.Colors.Ok)
	}
	if e.Ignored {
		c.Line("...ignoring", c.Colors.Skip)
	}
}

func (c *Default) fail(text string) {
	if c.FailedStderr {
		fmt.Fprintln(c.Err, c.paint(text, c.Colors.Error))
		return
	}
	c.Line(text, c.Colors.Error)
}

func (c *Default) tail(verbose bool, r *value.Dict) string {
	if !verbose {
		return ""
	}
	return " => " + c.dump(r)
}

func (c *Default) verbose(r *value.Dict) bool {
	return (c.Verbosity > 0 || r.Has("_ansible_verbose_always")) && !r.Has("_ansible_verbose_override")
}

func (c *Default) item(e event.Event) {
	if e.Kind == event.ItemSkipped && !c.SkippedHosts {
		return
	}
	changed := truth(e.Result, "changed")
	if e.Kind == event.ItemOk && !changed && !c.OkHosts {
		return
	}
	c.banner(e.Task)
	r := shownResult(e)
	if e.Kind == event.ItemFailed {
		c.exception(r)
	}
	c.warnings(r)
	verbose := c.verbose(r)
	cleanDebug(r, e.Task)
	switch {
	case e.Kind == event.ItemFailed:
		c.fail(fmt.Sprintf("failed: [%s] (item=%s) => %s", label(e), e.Label, c.dump(r)))
	case e.Kind == event.ItemSkipped:
		c.Line(fmt.Sprintf("skipping: [%s] => (item=%s) %s", e.Host, e.Label, c.tail(verbose, r)), c.Colors.Skip)
	case changed:
		c.Line(fmt.Sprintf("changed: [%s] => (item=%s)%s", label(e), e.Label, c.tail(verbose, r)), c.Colors.Changed)
	default:
		c.Line(fmt.Sprintf("ok: [%s] => (item=%s)%s", label(e), e.Label, c.tail(verbose, r)), c.Colors.Ok)
	}
}

func (c *Default) retry(e event.Event) {
	number := func(key string) int64 {
		v, _ := e.Result.Str(key)
		n, _ := v.(int64)
		return n
	}
	name := c.name
	if name == "" {
		name = e.Task.Title(e.Task.Name())
	}
	text := fmt.Sprintf("FAILED - RETRYING: [%s]: %s (%d retries left).", label(e), name, number("retries")-number("attempts"))
	r := shownResult(e)
	if c.Verbosity > 1 || r.Has("_ansible_verbose_always") {
		text += "Result was: " + c.dump(r)
	}
	c.Line(text, c.Colors.Debug)
}

func (c *Default) included(e event.Event) {
	text := fmt.Sprintf("included: %s for %s", e.Name, strings.Join(e.Hosts, ", "))
	if e.Label != "" {
		text += fmt.Sprintf(" => (item=%s)", e.Label)
	}
	c.Line(text, c.Colors.Skip)
}

func (c *Default) async(e event.Event) {
	text := func(key string) string {
		v, _ := e.Result.Str(key)
		return value.Str(v)
	}
	switch e.Kind {
	case event.AsyncPoll:
		c.Line(fmt.Sprintf("ASYNC POLL on %s: jid=%s started=%s finished=%s", e.Host, text("ansible_job_id"), text("started"), text("finished")), c.Colors.Debug)
	case event.AsyncOk:
		c.Line(fmt.Sprintf("ASYNC OK on %s: jid=%s", e.Host, text("ansible_job_id")), c.Colors.Debug)
	case event.AsyncFailed:
		c.Line(fmt.Sprintf("ASYNC FAILED on %s: jid=%s", e.Host, text("ansible_job_id")), c.Colors.Debug)
	}
}

func (c *Default) diff(e event.Event) {
	if !truth(e.Result, "changed") || e.NoLog {
		return
	}
	raw, _ := e.Result.Str("diff")
	if text := c.Diff(raw); text != "" {
		c.banner(e.Task)
		fmt.Fprint(c.Out, strings.TrimSuffix(text, "\n")+"\n")
	}
}

// recap prints the counts of all hosts.
func (c *Default) recap(e event.Event) {
	c.Banner("PLAY RECAP")
	for _, host := range slices.Sorted(slices.Values(e.Stats.Hosts)) {
		n := e.Stats.Counts[host]
		c.Line(strings.Join([]string{
			c.hostColor(host, n) + " :", c.count("ok", n.Ok, c.Colors.Ok), c.count("changed", n.Changed, c.Colors.Changed),
			c.count("unreachable", n.Unreachable, c.Colors.Unreachable), c.count("failed", n.Failures, c.Colors.Error),
			c.count("skipped", n.Skipped, c.Colors.Skip), c.count("rescued", n.Rescued, c.Colors.Ok), c.count("ignored", n.Ignored, c.Colors.Warn),
		}, " "), "")
	}
	fmt.Fprintln(c.Out)
	if c.CustomStats && len(e.Stats.Custom) > 0 {
		c.customStats(e)
	}
}

func (c *Default) customStats(e event.Event) {
	c.Banner("CUSTOM STATS: ")
	oneLine := func(d *value.Dict) string {
		return strings.ReplaceAll(c.dump(d), "\n", "")
	}
	hosts := make([]string, 0, len(e.Stats.Custom))
	for h := range e.Stats.Custom {
		hosts = append(hosts, h)
	}
	slices.Sort(hosts)
	for _, h := range hosts {
		if h != "_run" {
			c.Line(fmt.Sprintf("\t%s: %s", h, oneLine(e.Stats.Custom[h])), "")
		}
	}
	if run, ok := e.Stats.Custom["_run"]; ok {
		fmt.Fprintln(c.Out)
		c.Line("\tRUN: "+oneLine(run), "")
	}
	fmt.Fprintln(c.Out)
}

func (c *Default) hostColor(host string, n *event.Counts) string {
	if !c.Color {
		return fmt.Sprintf("%-26s", host)
	}
	color := c.Colors.Ok
	switch {
	case n.Failures > 0 || n.Unreachable > 0:
		color = c.Colors.Error
	case n.Changed > 0:
		color = c.Colors.Changed
	}
	return fmt.Sprintf("%-37s", c.paint(host, color))
}

func (c *Default) count(name string, n int, color string) string {
	text := fmt.Sprintf("%s=%-4d", name, n)
	if n == 0 {
		return text
	}
	return c.paint(text, color)
}

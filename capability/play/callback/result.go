package callback

import (
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/filter"
	"garboard.dev/garboard/capability/play/value"

	"github.com/pmezard/go-difflib/difflib"
)

// censored stands for a result that no_log hides.
const censored = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"

// shownResult is a result as output may show it: a copy without what is for the
// executor alone, or what is left of it where it is secret.
func shownResult(e event.Event) *value.Dict {
	if e.NoLog {
		out := value.DictOf("censored", censored)
		for _, key := range []string{"attempts", "changed", "retries"} {
			if v, ok := e.Result.Str(key); ok {
				out.SetStr(key, v)
			}
		}
		return out
	}
	out := value.NewDict()
	for k, v := range e.Result.All() {
		switch name := value.Str(k); {
		case name == "failed" || name == "skipped":
		case name == "_ansible_verbose_always" || name == "_ansible_verbose_override":
			out.Set(k, v)
		case strings.HasPrefix(name, "_ansible_"):
		default:
			out.Set(k, v)
		}
	}
	return out
}

// cleanDebug leaves of a debug task's result what it was to show.
func cleanDebug(r *value.Dict, t *book.Task) {
	if t.FQCN != "ansible.builtin.debug" {
		return
	}
	if r.Has("msg") {
		for _, k := range r.Keys() {
			switch name := value.Str(k); {
			case name == "msg" || name == "exception" || name == "warnings" || name == "deprecations" || strings.HasPrefix(name, "_"):
			default:
				r.Delete(k)
			}
		}
		return
	}
	for _, name := range []string{"changed", "failed", "skipped", "invocation", "skip_reason"} {
		r.Delete(name)
	}
}

// dump is a result as text.
func (c *Default) dump(r *value.Dict) string {
	indent := 0
	if r.Has("_ansible_verbose_always") || c.Pretty != nil && *c.Pretty || c.Verbosity > 2 {
		indent = 4
	}
	if c.Pretty != nil && !*c.Pretty {
		indent = 0
	}
	if c.YAML {
		return "\n" + c.yaml(r)
	}
	return c.dumped(r, indent)
}

// dumped is a result as JSON, without what only more verbosity shows.
func (c *Default) dumped(r *value.Dict, indent int) string {
	return JSON(c.abridged(r), indent)
}

func (c *Default) abridged(r *value.Dict) *value.Dict {
	out := value.NewDict()
	for k, v := range r.All() {
		switch name := value.Str(k); {
		case strings.HasPrefix(name, "_ansible_") || name == "exception":
		case (name == "invocation" || name == "diff") && c.Verbosity < 3:
		default:
			out.Set(k, v)
		}
	}
	return out
}

// yaml is a result as an indented block of YAML.
func (c *Default) yaml(r *value.Dict) string {
	text := filter.YAML(c.abridged(r), 4)
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(text, "\n")) {
		b.WriteString("    " + line)
	}
	return b.String()
}

// JSON is a value as Ansible prints it: sorted keys, other characters than ASCII as they are.
func JSON(v value.Value, indent int) string {
	data, err := value.JSON(v, value.JSONOptions{Sort: true, Indent: indent, Default: func(v value.Value) (value.Value, error) { return value.Str(v), nil }})
	if err != nil {
		return value.Str(v)
	}
	return string(data)
}

func (c *Default) exception(r *value.Dict) {
	v, ok := r.Str("exception")
	if !ok {
		return
	}
	text := strings.TrimSpace(value.Str(v))
	if c.Verbosity >= 3 {
		c.Line("The full traceback is:\n"+text, c.Colors.Error)
		return
	}
	lines := strings.Split(text, "\n")
	c.Line("An exception occurred during task execution. To see the full traceback, use -vvv. The error was: "+lines[len(lines)-1], c.Colors.Error)
}

// warnings prints the warnings that a result brings, and takes them out of it.
func (c *Default) warnings(r *value.Dict) {
	if l, ok := listOf(r, "warnings"); ok {
		for _, w := range l.Items {
			c.Warn(value.Str(w))
		}
		r.Delete("warnings")
	}
	l, ok := listOf(r, "deprecations")
	if !ok {
		return
	}
	for _, item := range l.Items {
		if d, isDict := item.(*value.Dict); isDict {
			text, _ := d.Str("msg")
			version, _ := d.Str("version")
			if version == nil {
				version = ""
			}
			c.Deprecated(value.Str(text), value.Str(version))
		}
	}
	r.Delete("deprecations")
}

func listOf(d *value.Dict, key string) (*value.List, bool) {
	v, ok := d.Str(key)
	l, isList := v.(*value.List)
	return l, ok && isList
}

// Diff is what --diff prints of a result's diff: one, or a list of them.
func (c *Default) Diff(raw value.Value) string {
	var b strings.Builder
	switch v := raw.(type) {
	case *value.List:
		for _, i := range v.Items {
			if d, ok := i.(*value.Dict); ok {
				c.oneDiff(&b, d)
			}
		}
	case *value.Dict:
		c.oneDiff(&b, v)
	}
	return b.String()
}

func (c *Default) oneDiff(b *strings.Builder, d *value.Dict) {
	for _, why := range []struct{ key, text string }{
		{"dst_binary", "diff skipped: destination file appears to be binary\n"}, {"src_binary", "diff skipped: source file appears to be binary\n"},
		{"dst_larger", "diff skipped: destination file size is greater than %s\n"}, {"src_larger", "diff skipped: source file size is greater than %s\n"},
	} {
		v, ok := d.Str(why.key)
		if !ok {
			continue
		}
		if strings.Contains(why.text, "%s") {
			fmt.Fprintf(b, why.text, value.Str(v))
			continue
		}
		b.WriteString(why.text)
	}
	before, hasBefore := d.Str("before")
	after, hasAfter := d.Str("after")
	if hasBefore && hasAfter {
		b.WriteString(c.unified(side(before), side(after), header(d, "before"), header(d, "after")))
	}
	if prepared, ok := d.Str("prepared"); ok {
		b.WriteString(value.Str(prepared))
	}
}

func header(d *value.Dict, which string) string {
	if v, ok := d.Str(which + "_header"); ok && v != nil {
		return which + ": " + value.Str(v)
	}
	return which
}

// side is one side of a diff as text.
func side(v value.Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case *value.Dict, *value.List:
		data, err := value.JSON(v, value.JSONOptions{Sort: true, Indent: 4})
		if err != nil {
			return value.Str(v) + "\n"
		}
		return string(data) + "\n"
	}
	return value.Str(v)
}

func lines(text string) []string {
	out := value.SplitLines(text, true)
	if n := len(out); n > 0 && !strings.HasSuffix(out[n-1], "\n") {
		out[n-1] += "\n\\ No newline at end of file\n"
	}
	return out
}

func (c *Default) unified(before, after, from, to string) string {
	context := c.DiffContext
	if context == 0 {
		context = 3
	}
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{A: lines(before), B: lines(after), FromFile: from, ToFile: to, Context: context})
	if err != nil || text == "" {
		return ""
	}
	if !c.Color {
		return text + "\n"
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		body := strings.TrimSuffix(line, "\n")
		color := ""
		switch {
		case strings.HasPrefix(line, "+"):
			color = c.Colors.DiffAdd
		case strings.HasPrefix(line, "-"):
			color = c.Colors.DiffRemove
		case strings.HasPrefix(line, "@@"):
			color = c.Colors.DiffLines
		}
		if color != "" {
			body = c.paint(body, color)
		}
		b.WriteString(body + "\n")
	}
	return b.String() + "\n"
}

package run

import (
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// items returns what the task loops over, nil where it has no loop.
func (t *taskRun) items() ([]value.Value, error) {
	l := t.task.Loop
	if !l.Set {
		return nil, nil
	}
	if l.With == "" {
		return t.loopItems(l.Terms)
	}
	terms, err := t.lookupTerms(l)
	if err != nil {
		return nil, err
	}
	found, err := t.p.run.Engine.RunLookup(&template.LookupCall{Context: t.ctx, Terms: terms, Options: value.NewDict(), Scope: t.scope, Engine: t.p.run.Engine}, l.With)
	if err != nil {
		return nil, err
	}
	list, _ := value.MarkUnsafe(found).(*value.List)
	if l.With == "items" || l.With == "list" || l.With == "dict" { // their items were templates of the user's own
		list = found
	}
	return nonNil(list.Items), nil
}

func nonNil(items []value.Value) []value.Value {
	if items == nil {
		return []value.Value{}
	}
	return items
}

func (t *taskRun) loopItems(terms value.Value) ([]value.Value, error) {
	v, err := t.p.run.Engine.Value(t.ctx, terms, t.scope)
	if err != nil {
		return nil, err
	}
	if text, ok := v.(string); ok && text == t.p.run.Engine.Omit {
		return nil, nil
	}
	switch v := v.(type) {
	case *value.List:
		return nonNil(append([]value.Value(nil), v.Items...)), nil
	case *value.Tuple:
		return nonNil(append([]value.Value(nil), v.Items...)), nil
	}
	return nil, value.Errorf("Invalid data passed to 'loop', it requires a list, got this instead: %s. Hint: If you passed a list/dict of just one element, try adding wantlist=True to your lookup invocation or use q/query instead of lookup.", value.Str(v))
}

// lookupTerms templates what stands behind with_X. A bare text is one term;
// first_found takes what is not defined as not there.
func (t *taskRun) lookupTerms(l book.Loop) (*value.List, error) {
	v, err := t.p.run.Engine.Value(t.ctx, l.Terms, t.scope)
	if err != nil {
		if l.With == "first_found" && template.IsUndefined(err) {
			return t.definedTerms(l.Terms)
		}
		return nil, err
	}
	switch v := v.(type) {
	case *value.List:
		return v, nil
	case *value.Tuple:
		return value.NewList(v.Items...), nil
	}
	if l.With == "list" {
		return nil, value.Errorf("with_list expects a list")
	}
	return value.NewList(v), nil
}

func (t *taskRun) definedTerms(terms value.Value) (*value.List, error) {
	list, ok := terms.(*value.List)
	if !ok {
		return value.NewList(), nil
	}
	out := value.NewList()
	for _, term := range list.Items {
		v, err := t.p.run.Engine.Value(t.ctx, term, t.scope)
		if template.IsUndefined(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

// control is loop_control, templated.
type control struct {
	variable, index string
	label           value.Value
	hasLabel        bool
	pause           float64
	extended        bool
	allItems        bool
}

func (t *taskRun) control() (control, error) {
	c := control{variable: "item", allItems: true}
	raw, ok := t.task.Own("loop_control")
	d := dictOf(raw)
	if !ok || d == nil {
		return c, nil
	}
	if label, ok := d.Str("label"); ok {
		c.label, c.hasLabel = label, true
	}
	for key, set := range map[string]func(value.Value){
		"loop_var":          func(v value.Value) { c.variable = value.Str(v) },
		"index_var":         func(v value.Value) { c.index = value.Str(v) },
		"extended":          func(v value.Value) { c.extended = book.Boolean(v) },
		"extended_allitems": func(v value.Value) { c.allItems = book.Boolean(v) },
		"pause":             func(v value.Value) { c.pause, _ = value.Float(v) },
	} {
		raw, ok := d.Str(key)
		if !ok || raw == nil {
			continue
		}
		v, _, err := t.templated("loop_control."+key, raw)
		if err != nil {
			return c, err
		}
		set(v)
	}
	for key := range d.All() {
		switch value.Str(key) {
		case "loop_var", "index_var", "label", "pause", "extended", "extended_allitems":
		default:
			return c, fmt.Errorf("'%s' is not a valid attribute for a LoopControl%s", value.Str(key), t.p.run.where(t.task))
		}
	}
	return c, nil
}

// loop runs the task for each item and puts the results together.
func (t *taskRun) loop(items []value.Value, out *taskResult) *value.Dict {
	if len(items) == 0 {
		return value.DictOf("changed", false, "skipped", true, "skipped_reason", "No items in the list", "results", value.NewList())
	}
	c, err := t.control()
	if err != nil {
		return failure(err)
	}
	if _, defined := t.scope.Raw(c.variable); defined {
		t.warn(event.Warning, fmt.Sprintf("The loop variable '%s' is already in use. You should set the `loop_var` value in the `loop_control` option for the task to something else to avoid variable collisions and unexpected behavior.", c.variable))
	}
	carried := value.NewDict()
	outer := t.scope.With(carried)
	results := value.NewList()
	for i, item := range items {
		if i > 0 && c.pause > 0 {
			if err := t.sleep(c.pause); err != nil {
				return failure(err)
			}
		}
		t.scope = outer.With(c.locals(items, i))
		before := len(out.includes)
		d := t.once(nil, out)
		t.labelled(d, c, item, i)
		if len(out.includes) > before {
			label, _ := d.Str("_ansible_item_label")
			out.includes[before].label = value.Str(label)
		}
		t.finish(d)
		t.carry(d, carried)
		results.Items = append(results.Items, d)
		if !isInclude(t.task.FQCN) || truth(d, "failed") || truth(d, "skipped") {
			t.item(d)
		}
		if t.ctx.Err() != nil {
			break
		}
	}
	return summary(results, t.noLog)
}

// carry keeps the variables that one item gives to those after it: facts, and the
// registered result.
func (t *taskRun) carry(d, out *value.Dict) {
	if v, ok := t.task.Own("register"); ok && v != nil {
		out.SetStr(value.Str(v), d)
	}
	raw, _ := d.Str("ansible_facts")
	facts := dictOf(raw)
	if facts == nil {
		return
	}
	direct := t.task.FQCN == "ansible.builtin.set_fact" || t.task.FQCN == "ansible.builtin.include_vars"
	for k, v := range facts.All() {
		if direct || t.p.run.Options.InjectFacts && injected(value.Str(k)) {
			out.Set(k, v)
		}
	}
}

// locals are the variables of one item.
func (c control) locals(items []value.Value, i int) *value.Dict {
	d := value.DictOf(c.variable, items[i], "ansible_loop_var", c.variable)
	if c.index != "" {
		d.SetStr(c.index, int64(i))
		d.SetStr("ansible_index_var", c.index)
	}
	if !c.extended {
		return d
	}
	n := len(items)
	loop := value.DictOf("index", int64(i+1), "index0", int64(i), "first", i == 0, "last", i+1 == n, "length", int64(n),
		"revindex", int64(n-i), "revindex0", int64(n-i-1))
	if c.allItems {
		loop.SetStr("allitems", value.NewList(items...))
	}
	if i+1 < n {
		loop.SetStr("nextitem", items[i+1])
	}
	if i > 0 {
		loop.SetStr("previtem", items[i-1])
	}
	d.SetStr("ansible_loop", loop)
	return d
}

// labelled adds what a result tells of its item.
func (t *taskRun) labelled(d *value.Dict, c control, item value.Value, i int) {
	d.SetStr(c.variable, item)
	d.SetStr("ansible_loop_var", c.variable)
	if c.index != "" {
		d.SetStr(c.index, int64(i))
		d.SetStr("ansible_index_var", c.index)
	}
	if v, ok := t.scope.Raw("ansible_loop"); ok && c.extended {
		d.SetStr("ansible_loop", v)
	}
	label := item
	if c.hasLabel {
		if v, err := t.p.run.Engine.Value(t.ctx, c.label, t.scope); err == nil {
			label = v
		} else {
			d.SetStr("failed", true)
			d.SetStr("msg", fmt.Sprintf("Failed to template loop_control.label: %s", err))
		}
	}
	text := value.Str(label)
	if t.noLog {
		text = "(censored due to no_log)"
	}
	d.SetStr("_ansible_item_label", text)
	ignore, err := t.flag("ignore_errors")
	d.SetStr("_ansible_ignore_errors", err == nil && ignore)
	if t.noLog {
		d.SetStr("_ansible_no_log", true)
	}
}

// summary puts the results of a loop's items together.
func summary(results *value.List, noLog bool) *value.Dict {
	changed, failed, skipped, unreachable := false, false, true, false
	var warnings, deprecations []value.Value
	for _, r := range results.Items {
		d := dictOf(r)
		changed = changed || truth(d, "changed")
		failed = failed || truth(d, "failed")
		skipped = skipped && truth(d, "skipped")
		unreachable = unreachable || truth(d, "unreachable")
		warnings = append(warnings, moved(d, "warnings")...)
		deprecations = append(deprecations, moved(d, "deprecations")...)
	}
	out := value.DictOf("results", results, "changed", changed)
	switch {
	case failed:
		out.SetStr("failed", true)
		out.SetStr("msg", "One or more items failed")
	case skipped:
		out.SetStr("skipped", true)
		out.SetStr("msg", "All items skipped")
	default:
		out.SetStr("msg", "All items completed")
	}
	if unreachable {
		out.SetStr("unreachable", true)
	}
	if len(warnings) > 0 {
		out.SetStr("warnings", value.NewList(warnings...))
	}
	if len(deprecations) > 0 {
		out.SetStr("deprecations", value.NewList(deprecations...))
	}
	if noLog {
		out.SetStr("_ansible_no_log", true)
	}
	return out
}

// moved takes a list out of a result.
func moved(d *value.Dict, key string) []value.Value {
	v, ok := d.Str(key)
	l, isList := v.(*value.List)
	if !ok || !isList {
		return nil
	}
	d.Delete(key)
	return l.Items
}

// where shows where a task stands, below an error about its text.
func (r *Runner) where(t *book.Task) string {
	if t.Position.File == "" {
		return ""
	}
	data, err := r.Files.Read(t.Position.File)
	if err != nil {
		return ""
	}
	return "\n\n" + strings.TrimSuffix(source.Excerpt(t.Position, string(data)), "\n") + "\n"
}

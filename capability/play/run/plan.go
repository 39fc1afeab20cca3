package run

import (
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/action"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// plan is what a task wants, with its keywords templated.
type plan struct {
	fqcn      string
	action    action.Action // nil where the module of that name runs on the target
	args      *value.Dict
	delegated string
	host      string // whose machine does the work
	settings  target.Settings
	env       map[string]string
	check     bool
	diff      bool
	tries     int
	delay     float64
	until     []value.Value
	async     int
	poll      float64
	timeout   float64
	register  string

	starting bool   // a job in the background
	job      string // its id
}

func (t *taskRun) plan() (*plan, error) {
	p := &plan{host: t.host, tries: 1, check: t.p.run.Check, diff: t.p.run.Diff}
	if v, ok := t.task.Own("register"); ok {
		p.register = value.Str(v)
	}
	for _, step := range []func(*plan) error{t.planAction, t.planDelegate, t.planModes, t.planTries, t.planAsync, t.planArgs, t.planEnvironment, t.planConnection} {
		if err := step(p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// planAction finds what does the work. The name of an action may be a template.
func (t *taskRun) planAction(p *plan) error {
	p.fqcn = t.task.FQCN
	if template.IsTemplate(p.fqcn) {
		name, err := t.p.run.Engine.Text(t.ctx, t.task.Action, t.scope)
		if err != nil {
			return err
		}
		fqcn, ok := t.p.run.Loader.Resolve(name, nil)
		if !ok {
			return fmt.Errorf("couldn't resolve module/action '%s'. This often indicates a misspelling, missing collection, or incorrect module path.%s", name, t.p.run.where(t.task))
		}
		p.fqcn = fqcn
	}
	p.action = t.p.run.Actions[p.fqcn]
	return nil
}

func (t *taskRun) planDelegate(p *plan) error {
	v, ok, err := t.keyword("delegate_to")
	if err != nil || !ok || v == nil {
		return err
	}
	name := value.Str(v)
	if name == "" {
		return value.Errorf("Empty hostname produced from delegate_to: \"%s\"", value.Str(v))
	}
	p.delegated, p.host = name, name
	if !t.p.run.Inventory.Has(name) {
		t.p.run.Inventory.Localhost(name)
	}
	return nil
}

func (t *taskRun) planModes(p *plan) error {
	for name, into := range map[string]*bool{"check_mode": &p.check, "diff": &p.diff} {
		if v, ok := t.task.Get(name); !ok || v == nil {
			continue
		}
		if v, ok, err := t.keyword(name); err != nil || !ok || v == nil {
			if err != nil {
				return err
			}
			continue
		}
		on, err := t.flag(name)
		if err != nil {
			return err
		}
		*into = on
	}
	limit, err := t.inherited("timeout", float64(t.p.run.Options.TaskTimeout))
	p.timeout = limit
	return err
}

func (t *taskRun) inherited(name string, otherwise float64) (float64, error) {
	v, ok, err := t.keyword(name)
	if err != nil || !ok || v == nil {
		return otherwise, err
	}
	f, isNumber := value.Float(v)
	if !isNumber {
		return 0, fmt.Errorf("the field '%s' has an invalid value (%s), and could not be converted to an int", name, value.Str(v))
	}
	return f, nil
}

func (t *taskRun) planTries(p *plan) error {
	until, ok := t.task.Own("until")
	if !ok {
		return nil
	}
	p.until = []value.Value{until}
	tries, err := t.number("retries", 3)
	if err != nil {
		return err
	}
	switch _, given := t.task.Own("retries"); {
	case tries <= 0:
		p.tries = 1
	case given:
		p.tries = int(tries) + 1
	default:
		p.tries = 3
	}
	p.delay, err = t.number("delay", 5)
	if p.delay < 0 {
		p.delay = 1
	}
	return err
}

func (t *taskRun) planAsync(p *plan) error {
	async, err := t.number("async", 0)
	if err != nil {
		return err
	}
	p.async = int(async)
	p.poll, err = t.number("poll", 15)
	return err
}

// planArgs templates the arguments over those that module_defaults gives, and
// leaves out what is omitted.
func (t *taskRun) planArgs(p *plan) error {
	raw := t.task.Args
	if t.task.RawArgs != "" {
		v, err := t.p.run.Engine.Value(t.ctx, t.task.RawArgs, t.scope)
		if err != nil {
			return err
		}
		base := dictOf(v)
		if base == nil {
			return fmt.Errorf("invalid or malformed argument: '%s'%s", value.Str(v), t.p.run.where(t.task))
		}
		base = base.Copy()
		for k, v := range raw.All() {
			base.Set(k, v)
		}
		raw = base
	}
	args, err := t.moduleDefaults(p.fqcn)
	if err != nil {
		return err
	}
	if lazyArgs[p.fqcn] { // these look at their arguments themselves
		p.args = raw
		return nil
	}
	for k, v := range raw.All() {
		templated, err := t.p.run.Engine.Value(t.ctx, v, t.scope)
		if err != nil {
			return err
		}
		args.Set(k, templated)
	}
	given := args
	if v, ok := args.Str("_raw_params"); ok && p.fqcn != "ansible.builtin.set_fact" {
		if more := dictOf(v); more != nil { // _raw_params: "{{ dictionary }}"
			given = more.Copy()
			for k, v := range args.All() {
				if value.Str(k) != "_raw_params" {
					given.Set(k, v)
				}
			}
		}
	}
	p.args, _ = t.withoutOmitted(given).(*value.Dict)
	return nil
}

// lazyArgs are actions whose arguments are expressions.
var lazyArgs = map[string]bool{"ansible.builtin.assert": true}

// withoutOmitted takes away what is the variable omit.
func (t *taskRun) withoutOmitted(v value.Value) value.Value {
	omit := t.p.run.Engine.Omit
	isOmit := func(v value.Value) bool { s, ok := v.(string); return ok && s == omit }
	d, ok := v.(*value.Dict)
	if !ok {
		return v
	}
	out := value.NewDict()
	for k, item := range d.All() {
		if isOmit(item) {
			continue
		}
		switch i := item.(type) {
		case *value.Dict:
			item = t.withoutOmitted(i)
		case *value.List:
			item = t.listWithoutOmitted(i, isOmit)
		}
		out.Set(k, item)
	}
	return out
}

func (t *taskRun) listWithoutOmitted(l *value.List, isOmit func(value.Value) bool) *value.List {
	out := &value.List{Items: make([]value.Value, 0, len(l.Items))}
	for _, item := range l.Items {
		if isOmit(item) {
			continue
		}
		out.Items = append(out.Items, t.withoutOmitted(item))
	}
	return out
}

// moduleDefaults returns what module_defaults gives an action.
func (t *taskRun) moduleDefaults(fqcn string) (*value.Dict, error) {
	out := value.NewDict()
	short := strings.TrimPrefix(fqcn, "ansible.builtin.")
	for _, raw := range t.task.All("module_defaults") {
		for _, d := range dictsOf(raw) {
			for k, v := range d.All() {
				name := value.Str(k)
				if name != fqcn && name != short && name != "ansible.legacy."+short && name != t.task.Action && !template.IsTemplate(name) {
					continue
				}
				if template.IsTemplate(name) {
					if text, err := t.p.run.Engine.Text(t.ctx, name, t.scope); err != nil || text != fqcn && text != short {
						continue
					}
				}
				templated, err := t.p.run.Engine.Value(t.ctx, v, t.scope)
				if err != nil {
					return nil, err
				}
				if more := dictOf(templated); more != nil {
					for k, v := range more.All() {
						out.Set(k, v)
					}
				}
			}
		}
	}
	return out, nil
}

func dictsOf(v value.Value) []*value.Dict {
	switch v := v.(type) {
	case *value.Dict:
		return []*value.Dict{v}
	case *value.List:
		var out []*value.Dict
		for _, i := range v.Items {
			out = append(out, dictsOf(i)...)
		}
		return out
	}
	return nil
}

func (t *taskRun) planEnvironment(p *plan) error {
	p.env = map[string]string{}
	for _, raw := range t.task.All("environment") {
		v, err := t.p.run.Engine.Value(t.ctx, raw, t.scope)
		if err != nil {
			return err
		}
		if s, ok := v.(string); ok && (s == t.p.run.Engine.Omit || s == "") {
			continue
		}
		list := dictsOf(v)
		if len(list) == 0 && v != nil && value.Truth(v) {
			t.warn(event.Warning, fmt.Sprintf("could not parse environment value, skipping: [%s]", value.Repr(v)))
		}
		for _, d := range list {
			for k, v := range d.All() {
				if s, ok := v.(string); ok && s == t.p.run.Engine.Omit {
					continue
				}
				p.env[value.Str(k)] = value.Str(v)
			}
		}
	}
	return nil
}

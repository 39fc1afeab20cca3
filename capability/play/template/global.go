package template

import (
	"fmt"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

// global returns what templates have beside variables.
func (e *Engine) global(name string, r *resolver) (value.Value, bool) {
	switch name {
	case "lookup":
		return &value.Func{Name: name, Call: jinja.Wrap(func(c *jinja.Call) (value.Value, error) { return r.lookup(c, false) })}, true
	case "query", "q":
		return &value.Func{Name: name, Call: jinja.Wrap(func(c *jinja.Call) (value.Value, error) { return r.lookup(c, true) })}, true
	case "omit":
		return e.Omit, true
	case "vars":
		return r.all(), true
	}
	v, ok := e.Plugins.Global[name]
	return v, ok
}

// all is the variable vars: everything by name, as written.
func (r *resolver) all() value.Value {
	out := value.NewDict()
	for _, name := range r.scope.Vars.Names() {
		if v, ok := r.scope.Raw(name); ok {
			out.SetStr(name, v)
		}
	}
	for _, l := range r.scope.Locals {
		for k, v := range l.All() {
			out.Set(k, v)
		}
	}
	return out
}

// lookup runs a lookup. lookup() joins what is found with commas unless wantlist
// is set; query() gives the list. What comes back is unsafe unless allow_unsafe is set.
func (r *resolver) lookup(c *jinja.Call, wantList bool) (value.Value, error) {
	if len(c.Args) == 0 {
		return nil, fmt.Errorf("lookup() needs the name of a lookup")
	}
	name := value.Str(c.Args[0])
	options := value.NewDict()
	if c.Kwargs != nil {
		options = c.Kwargs.Copy()
	}
	wantList = take(options, "wantlist", wantList)
	safe := take(options, "allow_unsafe", false)
	onError := "strict"
	if v, ok := options.Str("errors"); ok {
		onError = value.Str(v)
		options.Delete("errors")
	}
	terms := value.NewList(c.Args[1:]...)
	found, err := r.engine.RunLookup(&LookupCall{Context: r.ctx, Terms: terms, Options: options, Scope: r.scope, Engine: r.engine}, name)
	if err != nil && onError == "strict" {
		//lint:ignore ST1005 Ansible's sentence
		return nil, fmt.Errorf("An unhandled exception occurred while running the lookup plugin '%s'. Error was a <class 'ansible.errors.AnsibleError'>, original message: %w", name, err)
	}
	if err != nil {
		if wantList {
			return value.NewList(), nil
		}
		return nil, nil
	}
	var out value.Value = found
	if !wantList {
		out = commas(found)
	}
	if safe {
		return out, nil
	}
	return value.MarkUnsafe(out), nil
}

// commas gives lookup()'s answer: one value as it is, several texts joined.
func commas(l *value.List) value.Value {
	if len(l.Items) == 1 {
		return l.Items[0]
	}
	texts := make([]string, 0, len(l.Items))
	for _, i := range l.Items {
		switch i.(type) {
		case string, value.Unsafe:
			texts = append(texts, value.Str(i))
		default:
			return l
		}
	}
	return strings.Join(texts, ",")
}

func take(d *value.Dict, option string, otherwise bool) bool {
	v, ok := d.Str(option)
	if !ok {
		return otherwise
	}
	d.Delete(option)
	return value.Truth(v)
}

// RunLookup finds and runs a lookup by its name, short or fully qualified.
func (e *Engine) RunLookup(c *LookupCall, name string) (*value.List, error) {
	short := name
	for _, prefix := range []string{"ansible.builtin.", "ansible.legacy."} {
		short = strings.TrimPrefix(short, prefix)
	}
	l, ok := e.Plugins.Lookup(short)
	if !ok {
		return nil, fmt.Errorf("lookup plugin (%s) not found", name)
	}
	return l(c)
}

// Names returns the names of all variables that s has, sorted.
func (s *Scope) Names() []string {
	names := s.Vars.Names()
	for _, l := range s.Locals {
		for k := range l.All() {
			names = append(names, value.Str(k))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

package jinja

import (
	"errors"
	"fmt"

	"garboard.dev/garboard/capability/play/value"
)

type includeNode struct {
	name            expr
	ignore, context bool
	line            int
}

func (n *includeNode) exec(f *frame, o *output) (signal, error) {
	v, err := n.name.eval(f)
	if err != nil {
		return ended, f.located(err, n.line)
	}
	t, err := n.first(f, v)
	if err != nil {
		return ended, f.located(err, n.line)
	}
	if t == nil {
		return ended, nil
	}
	if f.calls++; f.calls > maxCalls {
		return ended, f.located(&Error{Kind: Limit, Message: "templates include each other without end"}, n.line)
	}
	defer func() { f.calls-- }()
	inner := f.other(t, n.context)
	var text output
	if err := t.render(inner, &text); err != nil {
		return ended, err
	}
	o.data(text.builder.String())
	return ended, nil
}

// other returns the frame that another template is rendered in.
func (f *frame) other(t *Template, context bool) *frame {
	inner := *f
	inner.name, inner.block = t.name, ""
	if context {
		// A loop's variables are handed on, the loop itself is not.
		inner.scope = &scope{parent: f.scope, vars: map[string]value.Value{"loop": undefinedName("loop")}}
	} else {
		inner.scope, inner.vars = &scope{}, nil
		shared := *f.run
		shared.known = nil
		inner.run = &shared
	}
	inner.scope = &scope{parent: inner.scope}
	inner.top = inner.scope
	return &inner
}

// first loads the template, or of a list of names the first that there is.
func (n *includeNode) first(f *frame, v value.Value) (*Template, error) {
	names := []value.Value{v}
	switch l := v.(type) {
	case *value.List:
		names = l.Items
	case *value.Tuple:
		names = l.Items
	}
	for i, name := range names {
		t, err := f.load(name)
		var missing *Error
		if err == nil || !errors.As(err, &missing) || missing.Kind != NotFound {
			return t, err
		}
		if i == len(names)-1 && !n.ignore {
			return nil, err
		}
	}
	return nil, nil
}

type imported struct{ name, as string }

type importNode struct {
	name    expr
	as      string // "" for from ... import
	names   []imported
	context bool
	line    int
}

func (n *importNode) exec(f *frame, o *output) (signal, error) {
	v, err := n.name.eval(f)
	if err != nil {
		return ended, f.located(err, n.line)
	}
	t, err := f.load(v)
	if err != nil {
		return ended, f.located(err, n.line)
	}
	inner := f.other(t, n.context)
	var text output
	if err := t.render(inner, &text); err != nil {
		return ended, err
	}
	if n.as != "" {
		f.scope.set(n.as, &module{name: t.name, vars: inner.top.vars, text: text.builder.String()})
		return ended, nil
	}
	for _, i := range n.names {
		v, ok := inner.top.vars[i.name]
		if !ok {
			v = &value.Undefined{Hint: fmt.Sprintf("the template %s (imported on line %d in %s) does not export the requested name %s", quoted(t.name), n.line, quoted(f.name), quoted(i.name)), Chainable: f.env.Chainable}
		}
		f.scope.set(i.as, v)
	}
	return ended, nil
}

// module is an imported template: what it sets are its attributes.
type module struct {
	name string
	vars map[string]value.Value
	text string
}

// Attr returns what the template has set.
func (m *module) Attr(name string) (value.Value, bool) {
	v, ok := m.vars[name]
	return v, ok && name[0] != '_'
}

// String is what the template printed.
func (m *module) String() string { return m.text }

package jinja

import (
	"fmt"

	"garboard.dev/garboard/capability/play/value"
)

// global finds what every template can call. lipsum, which makes up text, is left out.
func global(name string) (value.Value, bool) {
	switch name {
	case "range":
		return &value.Func{Name: name, Call: rangeOf}, true
	case "dict":
		return &value.Func{Name: name, Call: dictOf}, true
	case "namespace":
		return &value.Func{Name: name, Call: func(args []value.Value, kwargs *value.Dict) (value.Value, error) {
			d, err := dictOf(args, kwargs)
			if err != nil {
				return nil, err
			}
			return &namespace{vars: d.(*value.Dict)}, nil
		}}, true
	case "cycler":
		return &value.Func{Name: name, Call: func(args []value.Value, _ *value.Dict) (value.Value, error) {
			if len(args) == 0 {
				return nil, value.Errorf("at least one item has to be provided")
			}
			return &cycler{items: args}, nil
		}}, true
	case "joiner":
		return &value.Func{Name: name, Call: func(args []value.Value, kwargs *value.Dict) (value.Value, error) {
			a := &value.Args{Name: name, Items: args, Named: kwargs}
			glue, used := a.Take("sep", ", "), false
			return &value.Func{Name: name, Call: func([]value.Value, *value.Dict) (value.Value, error) {
				if used {
					return glue, nil
				}
				used = true
				return "", nil
			}}, nil
		}}, true
	}
	return nil, false
}

// maxRange is how many numbers a range may have, as in Jinja2's sandbox but larger.
const maxRange = maxItems

func rangeOf(args []value.Value, _ *value.Dict) (value.Value, error) {
	if len(args) > 3 {
		return nil, &value.TypeError{Message: fmt.Sprintf("range expected at most 3 arguments, got %d", len(args))}
	}
	if len(args) == 0 {
		return nil, &value.TypeError{Message: fmt.Sprintf("range expected at least 1 argument, got %d", len(args))}
	}
	var n [3]int64
	for i, a := range args {
		if u, ok := a.(*value.Undefined); ok {
			return nil, &value.UndefinedError{Message: u.Hint}
		}
		b, ok := value.Integer(a)
		if !ok || !b.IsInt64() {
			return nil, &value.TypeError{Message: fmt.Sprintf("'%s' object cannot be interpreted as an integer", value.TypeName(a))}
		}
		n[i] = b.Int64()
	}
	r := &value.Range{Stop: n[0], Step: 1}
	if len(args) > 1 {
		r.Start, r.Stop = n[0], n[1]
	}
	if len(args) > 2 {
		r.Step = n[2]
	}
	if r.Step == 0 {
		return nil, value.Errorf("range() arg 3 must not be zero")
	}
	if r.Len() > maxRange {
		return nil, &Error{Kind: Limit, Message: fmt.Sprintf("Range too big. The sandbox blocks ranges larger than %d.", maxRange)}
	}
	return r, nil
}

func dictOf(args []value.Value, kwargs *value.Dict) (value.Value, error) {
	out := value.NewDict()
	if len(args) > 0 {
		d, err := value.ToDict(args[0])
		if err != nil {
			return nil, err
		}
		out = d
	}
	for k, v := range kwargs.All() {
		out.Set(k, v)
	}
	return out, nil
}

// namespace is an object whose attributes templates may set.
type namespace struct{ vars *value.Dict }

// Attr returns an attribute.
func (n *namespace) Attr(name string) (value.Value, bool) { return n.vars.Str(name) }

// SetAttr sets an attribute.
func (n *namespace) SetAttr(name string, v value.Value) error {
	n.vars.SetStr(name, v)
	return nil
}

// String is what printing it shows.
func (n *namespace) String() string { return "<Namespace " + value.Repr(n.vars) + ">" }

// cycler gives its items in turn.
type cycler struct {
	items []value.Value
	at    int
}

// Attr returns next, reset and current.
func (c *cycler) Attr(name string) (value.Value, bool) {
	switch name {
	case "next":
		return &value.Func{Name: name, Call: func([]value.Value, *value.Dict) (value.Value, error) {
			v := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return v, nil
		}}, true
	case "reset":
		return &value.Func{Name: name, Call: func([]value.Value, *value.Dict) (value.Value, error) { c.at = 0; return nil, nil }}, true
	case "current":
		return c.items[c.at], true
	}
	return nil, false
}

package jinja

import (
	"fmt"

	"garboard.dev/garboard/capability/play/value"
)

type forNode struct {
	target    target
	over      expr
	test      expr
	body      []node
	otherwise []node
	hasElse   bool
	recursive bool
	keeps     bool // something in the body may keep an iteration's variables
	line      int
}

func (n *forNode) exec(f *frame, o *output) (signal, error) {
	v, err := n.over.eval(f)
	if err == nil {
		err = n.run(f, o, v, 0)
	}
	if err != nil {
		return ended, f.located(err, n.line)
	}
	return ended, nil
}

// items are what the loop goes over, after its condition.
func (n *forNode) items(f *frame, over value.Value) ([]value.Value, error) {
	if err := f.use(over); err != nil {
		return nil, err
	}
	if _, ok := over.(*value.Undefined); ok {
		return nil, nil
	}
	items, err := value.Items(over)
	if err != nil || n.test == nil {
		return items, err
	}
	var out []value.Value
	for _, item := range items {
		inner := f.inner()
		if err := n.target.assign(inner, item); err != nil {
			return nil, err
		}
		v, err := n.test.eval(inner)
		if err != nil {
			return nil, err
		}
		yes, err := f.truth(v)
		if err != nil {
			return nil, err
		}
		if yes {
			out = append(out, item)
		}
	}
	return out, nil
}

func (n *forNode) run(f *frame, o *output, over value.Value, depth int) error {
	if depth > maxNesting {
		return &Error{Kind: Limit, Message: "the loop calls itself without end"}
	}
	items, err := n.items(f, over)
	if err != nil {
		return err
	}
	l := &loop{items: items, depth: depth}
	if n.recursive {
		l.again = func(over value.Value) (value.Value, error) {
			var inner output
			err := n.run(f, &inner, over, depth+1)
			return inner.builder.String(), err
		}
	}
	this := l.value()
	var inner *frame
	through := false
	for i, item := range items {
		l.index = i
		if inner == nil || n.keeps {
			inner = f.inner()
			inner.scope.vars = map[string]value.Value{}
		} else {
			clear(inner.scope.vars)
		}
		inner.scope.vars["loop"] = this
		if err := n.target.assign(inner, item); err != nil {
			return err
		}
		s, err := execute(inner, n.body, o)
		if err != nil {
			return err
		}
		through = through || s == ended
		if s == broke {
			break
		}
	}
	if through {
		return nil
	}
	_, err = execute(f.inner(), n.otherwise, o) // Jinja2 asks whether one turn came to its end
	return err
}

// loop is the variable loop.
type loop struct {
	items []value.Value
	index int
	depth int
	last  []value.Value // what changed() was asked for
	asked bool
	again func(over value.Value) (value.Value, error)
}

func (l *loop) value() value.Value {
	return &frameFunc{name: "LoopContext", attr: l.attr, text: l.text, call: func(_ *frame, args []value.Value, _ *value.Dict) (value.Value, error) {
		if l.again == nil {
			return nil, &value.TypeError{Message: "The loop must have the 'recursive' marker to be called recursively."}
		}
		if len(args) != 1 {
			return nil, &value.TypeError{Message: "loop() takes one argument"}
		}
		return l.again(args[0])
	}}
}

func (l *loop) text() string { return fmt.Sprintf("<LoopContext %d/%d>", l.index+1, len(l.items)) }

func (l *loop) attr(name string) (value.Value, bool) {
	n, i := int64(len(l.items)), int64(l.index)
	switch name {
	case "index":
		return i + 1, true
	case "index0":
		return i, true
	case "revindex":
		return n - i, true
	case "revindex0":
		return n - i - 1, true
	case "first":
		return i == 0, true
	case "last":
		return i == n-1, true
	case "length":
		return n, true
	case "depth":
		return int64(l.depth + 1), true
	case "depth0":
		return int64(l.depth), true
	case "previtem":
		if i > 0 {
			return l.items[i-1], true
		}
		return &value.Undefined{Hint: "there is no previous item"}, true
	case "nextitem":
		if i+1 < n {
			return l.items[i+1], true
		}
		return &value.Undefined{Hint: "there is no next item"}, true
	case "cycle":
		return &value.Func{Name: name, Call: l.cycle}, true
	case "changed":
		return &value.Func{Name: name, Call: l.changed}, true
	}
	return nil, false
}

func (l *loop) cycle(args []value.Value, _ *value.Dict) (value.Value, error) {
	if len(args) == 0 {
		return nil, &value.TypeError{Message: "no items for cycling given"}
	}
	return args[l.index%len(args)], nil
}

func (l *loop) changed(args []value.Value, _ *value.Dict) (value.Value, error) {
	same := l.asked && value.Equal(value.NewTuple(args...), value.NewTuple(l.last...))
	l.asked, l.last = true, args
	return !same, nil
}

// macroNode is a macro, or the body of a call tag.
type macroNode struct {
	name            string
	args            []string
	defaults        []expr // of the last arguments
	body            []node
	varargs, kwargs bool
	caller          bool
	line            int
}

func (n *macroNode) exec(f *frame, o *output) (signal, error) {
	f.scope.set(n.name, n.function(f))
	return ended, nil
}

// uses finds out which of varargs, kwargs and caller the body's tokens name.
func (n *macroNode) uses(body []token) {
	for _, t := range body {
		if t.kind != tokenName {
			continue
		}
		switch t.text {
		case "varargs":
			n.varargs = true
		case "kwargs":
			n.kwargs = true
		case "caller":
			n.caller = true
		}
	}
}

func (n *macroNode) function(defined *frame) *frameFunc {
	return &frameFunc{
		name: "Macro " + quoted(n.name),
		call: func(f *frame, args []value.Value, kwargs *value.Dict) (value.Value, error) {
			return n.run(defined, args, kwargs)
		},
		attr: func(name string) (value.Value, bool) {
			switch name {
			case "name":
				return n.name, true
			case "arguments":
				out := make([]value.Value, len(n.args))
				for i, a := range n.args {
					out[i] = a
				}
				return value.NewTuple(out...), true
			case "catch_varargs":
				return n.varargs, true
			case "catch_kwargs":
				return n.kwargs, true
			case "caller":
				return n.caller, true
			}
			return nil, false
		},
	}
}

func (n *macroNode) run(defined *frame, args []value.Value, kwargs *value.Dict) (value.Value, error) {
	if defined.calls++; defined.calls > maxCalls {
		return nil, &Error{Kind: Limit, Message: "macros call each other without end"}
	}
	defer func() { defined.calls-- }()
	f := defined.inner()
	rest := value.NewDict()
	if kwargs != nil {
		rest = kwargs.Copy()
	}
	if err := n.bind(f, args, rest); err != nil {
		return nil, err
	}
	v, _, err := captured(f, n.body)
	return v, err
}

func (n *macroNode) bind(f *frame, args []value.Value, rest *value.Dict) error {
	for i, name := range n.args {
		if i < len(args) {
			if _, twice := rest.Str(name); twice {
				return &value.TypeError{Message: fmt.Sprintf("macro %s got multiple values for argument %s", quoted(n.name), quoted(name))}
			}
			f.scope.set(name, args[i])
			continue
		}
		if v, ok := rest.Str(name); ok {
			rest.Delete(name)
			f.scope.set(name, v)
			continue
		}
		if d := i - (len(n.args) - len(n.defaults)); d >= 0 {
			v, err := n.defaults[d].eval(f)
			if err != nil {
				return err
			}
			f.scope.set(name, v)
			continue
		}
		f.scope.set(name, &value.Undefined{Hint: fmt.Sprintf("parameter %s was not provided", quoted(name)), Chainable: f.env.Chainable})
	}
	if c, ok := rest.Str("caller"); ok {
		if !n.caller {
			return &value.TypeError{Message: fmt.Sprintf("macro %s was invoked with two values for the special caller argument. This is most likely a bug.", quoted(n.name))}
		}
		rest.Delete("caller")
		f.scope.set("caller", c)
	} else if n.caller {
		f.scope.set("caller", &value.Undefined{Hint: "No caller defined", Chainable: f.env.Chainable})
	}
	return n.extra(f, args, rest)
}

func (n *macroNode) extra(f *frame, args []value.Value, rest *value.Dict) error {
	more := args[min(len(n.args), len(args)):]
	if n.varargs {
		f.scope.set("varargs", value.NewTuple(more...))
	} else if len(more) > 0 {
		return &value.TypeError{Message: fmt.Sprintf("macro %s takes not more than %d argument(s)", quoted(n.name), len(n.args))}
	}
	if n.kwargs {
		f.scope.set("kwargs", rest)
	} else if rest.Len() > 0 {
		return &value.TypeError{Message: fmt.Sprintf("macro %s takes no keyword argument %s", quoted(n.name), value.Repr(rest.Keys()[0]))}
	}
	return nil
}

type callNode struct {
	call   *callExpr
	caller *macroNode
	line   int
}

func (n *callNode) exec(f *frame, o *output) (signal, error) {
	v, err := n.call.evalWith(f, n.caller.function(f))
	if err == nil {
		err = o.print(f, v)
	}
	if err != nil {
		return ended, f.located(err, n.line)
	}
	return ended, nil
}

package jinja

import (
	"errors"
	"fmt"

	"garboard.dev/garboard/capability/play/value"
)

// signal says how a list of nodes ended.
type signal int

const (
	ended signal = iota
	broke
	continued
)

// node is a piece of a template.
type node interface {
	exec(f *frame, o *output) (signal, error)
}

func execute(f *frame, body []node, o *output) (signal, error) {
	for _, n := range body {
		if err := f.step(); err != nil {
			return ended, err
		}
		if s, err := n.exec(f, o); err != nil || s != ended {
			return s, err
		}
	}
	return ended, nil
}

type dataNode struct{ text string }

func (n *dataNode) exec(f *frame, o *output) (signal, error) {
	o.data(n.text)
	return ended, nil
}

type printNode struct {
	expr expr
	line int
}

func (n *printNode) exec(f *frame, o *output) (signal, error) {
	f.line = n.line
	v, err := n.expr.eval(f)
	if err == nil {
		err = o.print(f, v)
	}
	if err != nil {
		return ended, f.located(err, n.line)
	}
	return ended, nil
}

// target is what is assigned to.
type target struct {
	name, attr string
	items      []target
	tuple      bool
}

func (t target) assign(f *frame, v value.Value) error {
	switch {
	case t.tuple:
		return t.unpack(f, v)
	case t.attr != "":
		o, err := f.lookup(t.name)
		if err != nil {
			return err
		}
		s, ok := o.(value.Setter)
		if !ok {
			return &Error{Kind: Runtime, Message: "cannot assign attribute on non-namespace object"}
		}
		return s.SetAttr(t.attr, v)
	}
	f.scope.set(t.name, v)
	return nil
}

func (t target) unpack(f *frame, v value.Value) error {
	if err := f.use(v); err != nil {
		return err
	}
	items, err := value.Items(v)
	if err != nil {
		var wrong *value.TypeError
		if errors.As(err, &wrong) {
			return &value.TypeError{Message: fmt.Sprintf("cannot unpack non-iterable %s object", value.TypeName(v))}
		}
		return err
	}
	if len(items) > len(t.items) {
		return value.Errorf("too many values to unpack (expected %d)", len(t.items))
	}
	if len(items) < len(t.items) {
		return value.Errorf("not enough values to unpack (expected %d, got %d)", len(t.items), len(items))
	}
	for i, to := range t.items {
		if err := to.assign(f, items[i]); err != nil {
			return err
		}
	}
	return nil
}

type setNode struct {
	target target
	expr   expr
	line   int
}

func (n *setNode) exec(f *frame, o *output) (signal, error) {
	v, err := n.expr.eval(f)
	if err == nil {
		err = n.target.assign(f, v)
	}
	if err != nil {
		return ended, f.located(err, n.line)
	}
	return ended, nil
}

type setBlockNode struct {
	target  target
	filters []call
	body    []node
	line    int
}

func (n *setBlockNode) exec(f *frame, o *output) (signal, error) {
	v, s, err := captured(f.inner(), n.body)
	for _, c := range n.filters {
		if err == nil {
			v, err = c.filter(f, v)
		}
	}
	if err == nil {
		err = n.target.assign(f, v)
	}
	if err != nil {
		return s, f.located(err, n.line)
	}
	return s, nil
}

type branch struct {
	test expr
	body []node
}

type ifNode struct {
	branches  []branch
	otherwise []node
	line      int
}

func (n *ifNode) exec(f *frame, o *output) (signal, error) {
	for _, b := range n.branches {
		v, err := b.test.eval(f)
		if err != nil {
			return ended, f.located(err, n.line)
		}
		yes, err := f.truth(v)
		if err != nil {
			return ended, f.located(err, n.line)
		}
		if yes {
			return execute(f, b.body, o)
		}
	}
	return execute(f, n.otherwise, o)
}

type filterNode struct {
	filters []call
	body    []node
	line    int
}

func (n *filterNode) exec(f *frame, o *output) (signal, error) {
	v, s, err := captured(f.inner(), n.body)
	for _, c := range n.filters {
		if err == nil {
			v, err = c.filter(f, v)
		}
	}
	if err == nil {
		err = o.print(f, v)
	}
	if err != nil {
		return s, f.located(err, n.line)
	}
	return s, nil
}

type withNode struct {
	targets []target
	values  []expr
	body    []node
	line    int
}

func (n *withNode) exec(f *frame, o *output) (signal, error) {
	inner := f.inner()
	for i, to := range n.targets {
		v, err := n.values[i].eval(f)
		if err == nil {
			err = to.assign(inner, v)
		}
		if err != nil {
			return ended, f.located(err, n.line)
		}
	}
	return execute(inner, n.body, o)
}

type autoescapeNode struct {
	on   expr
	body []node
}

func (n *autoescapeNode) exec(f *frame, o *output) (signal, error) {
	v, err := n.on.eval(f)
	if err != nil {
		return ended, err
	}
	inner := f.inner()
	inner.autoescape = value.Truth(v)
	return execute(inner, n.body, o)
}

type doNode struct {
	expr expr
	line int
}

func (n *doNode) exec(f *frame, o *output) (signal, error) {
	if _, err := n.expr.eval(f); err != nil {
		return ended, f.located(err, n.line)
	}
	return ended, nil
}

type jumpNode struct{ to string }

func (n *jumpNode) exec(f *frame, o *output) (signal, error) {
	if n.to == "break" {
		return broke, nil
	}
	return continued, nil
}

type extendsNode struct {
	name expr
	line int
}

// exec is for an extends inside of another tag: it counts at run time only.
func (n *extendsNode) exec(f *frame, o *output) (signal, error) {
	return ended, f.located(&Error{Kind: Runtime, Message: "extends has to stand at the template's own level"}, n.line)
}

type blockNode struct {
	name             string
	body             []node
	scoped, required bool
	line             int
}

func (n *blockNode) exec(f *frame, o *output) (signal, error) {
	chain := f.blocks[n.name]
	if len(chain) == 0 {
		chain = []*blockNode{n}
	}
	inner := f.inner()
	if !n.scoped { // it sees what the template has set at its own level, but no loop's variables
		inner.scope = &scope{parent: f.top}
	}
	return chain[0].run(inner, o, chain, 0)
}

func (n *blockNode) run(f *frame, o *output, chain []*blockNode, depth int) (signal, error) {
	if n.required {
		return ended, f.located(&Error{Kind: Runtime, Message: fmt.Sprintf("Required block %s not found", quoted(n.name))}, n.line)
	}
	f.block, f.depth = n.name, depth
	if depth+1 < len(chain) {
		f.scope.set("super", blockCall(f, chain, depth+1))
	} else {
		f.scope.set("super", &value.Undefined{Hint: fmt.Sprintf("there is no parent block called %s.", quoted(n.name))})
	}
	return execute(f, n.body, o)
}

// self is the variable self: the template's blocks, to be called.
func (f *frame) self() value.Value {
	return &frameFunc{name: "self", attr: func(name string) (value.Value, bool) {
		chain := f.blocks[name]
		if len(chain) == 0 {
			return nil, false
		}
		return blockCall(f, chain, 0), true
	}}
}

// blockCall is a function that renders a block.
func blockCall(f *frame, chain []*blockNode, depth int) value.Value {
	render := func() (value.Value, error) {
		inner := f.inner()
		if inner.calls++; inner.calls > maxCalls {
			return nil, &Error{Kind: Limit, Message: "blocks call each other without end"}
		}
		defer func() { inner.calls-- }()
		var o output
		if _, err := chain[depth].run(inner, &o, chain, depth); err != nil {
			return nil, err
		}
		return value.Markup(o.builder.String()), nil
	}
	return &frameFunc{name: "block", call: func(*frame, []value.Value, *value.Dict) (value.Value, error) {
		v, err := render()
		if m, ok := v.(value.Markup); ok && !f.autoescape {
			return string(m), err
		}
		return v, err
	}, attr: func(name string) (value.Value, bool) {
		if name == "super" && depth+1 < len(chain) {
			return blockCall(f, chain, depth+1), true
		}
		return nil, false
	}}
}

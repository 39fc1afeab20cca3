package jinja

import (
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// expr is an expression.
type expr interface {
	eval(f *frame) (value.Value, error)
}

type constExpr struct{ value value.Value }

func (x *constExpr) eval(*frame) (value.Value, error) { return x.value, nil }

type nameExpr struct {
	name string
	line int
}

func (x *nameExpr) eval(f *frame) (value.Value, error) {
	v, err := f.lookup(x.name)
	if u, ok := v.(*value.Undefined); ok && f.env.Chainable {
		u.Chainable = true
	}
	return v, err
}

type attrExpr struct {
	of   expr
	name string
	line int
}

func (x *attrExpr) eval(f *frame) (value.Value, error) {
	o, err := x.of.eval(f)
	if err != nil {
		return nil, err
	}
	return f.attribute(o, x.name)
}

type itemExpr struct {
	of, key expr
	line    int
}

func (x *itemExpr) eval(f *frame) (value.Value, error) {
	o, err := x.of.eval(f)
	if err != nil {
		return nil, err
	}
	k, err := x.key.eval(f)
	if err != nil {
		return nil, err
	}
	return f.item(o, k)
}

type sliceExpr struct{ of, start, stop, step expr }

func (x *sliceExpr) eval(f *frame) (value.Value, error) {
	o, err := x.of.eval(f)
	if err != nil {
		return nil, err
	}
	if u, ok := o.(*value.Undefined); ok {
		return f.onUndefined(u)
	}
	var bounds [3]value.Value
	for i, b := range []expr{x.start, x.stop, x.step} {
		if b == nil {
			continue
		}
		if bounds[i], err = b.eval(f); err != nil {
			return nil, err
		}
		if err := f.use(bounds[i]); err != nil {
			return nil, err
		}
	}
	return value.Slice(o, bounds[0], bounds[1], bounds[2])
}

func evalAll(f *frame, items []expr) ([]value.Value, error) {
	out := make([]value.Value, len(items))
	for i, x := range items {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

type listExpr struct{ items []expr }

func (x *listExpr) eval(f *frame) (value.Value, error) {
	items, err := evalAll(f, x.items)
	return value.NewList(items...), err
}

type tupleExpr struct{ items []expr }

func (x *tupleExpr) eval(f *frame) (value.Value, error) {
	items, err := evalAll(f, x.items)
	return value.NewTuple(items...), err
}

type dictExpr struct{ keys, values []expr }

func (x *dictExpr) eval(f *frame) (value.Value, error) {
	d := value.NewDict()
	for i := range x.keys {
		k, err := x.keys[i].eval(f)
		if err != nil {
			return nil, err
		}
		v, err := x.values[i].eval(f)
		if err != nil {
			return nil, err
		}
		if err := f.use(k); err != nil {
			return nil, err
		}
		if !value.Hashable(k) {
			return nil, &value.TypeError{Message: fmt.Sprintf("unhashable type: '%s'", value.TypeName(k))}
		}
		d.Set(k, v)
	}
	return d, nil
}

type conditionalExpr struct{ test, then, otherwise expr }

func (x *conditionalExpr) eval(f *frame) (value.Value, error) {
	v, err := x.test.eval(f)
	if err != nil {
		return nil, err
	}
	yes, err := f.truth(v)
	switch {
	case err != nil:
		return nil, err
	case yes:
		return x.then.eval(f)
	case x.otherwise == nil:
		return &value.Undefined{Hint: "the inline if-expression evaluated to false and no else section was defined.", Chainable: f.env.Chainable, Lenient: true}, nil
	}
	return x.otherwise.eval(f)
}

type orExpr struct{ left, right expr }

func (x *orExpr) eval(f *frame) (value.Value, error) {
	v, err := x.left.eval(f)
	if err != nil {
		return nil, err
	}
	if yes, err := f.truth(v); yes || err != nil {
		return v, err
	}
	return x.right.eval(f)
}

type andExpr struct{ left, right expr }

func (x *andExpr) eval(f *frame) (value.Value, error) {
	v, err := x.left.eval(f)
	if err != nil {
		return nil, err
	}
	if yes, err := f.truth(v); !yes || err != nil {
		return v, err
	}
	return x.right.eval(f)
}

type notExpr struct{ of expr }

func (x *notExpr) eval(f *frame) (value.Value, error) {
	v, err := x.of.eval(f)
	if err != nil {
		return nil, err
	}
	yes, err := f.truth(v)
	return !yes, err
}

type compareExpr struct {
	first expr
	ops   []string
	rest  []expr
}

func (x *compareExpr) eval(f *frame) (value.Value, error) {
	left, err := x.first.eval(f)
	if err != nil {
		return nil, err
	}
	for i, op := range x.ops {
		right, err := x.rest[i].eval(f)
		if err != nil {
			return nil, err
		}
		yes, err := f.compare(op, left, right)
		if err != nil || !yes {
			return false, err
		}
		left = right
	}
	return true, nil
}

func (f *frame) compare(op string, left, right value.Value) (bool, error) {
	if op == "in" || op == "not in" { // what is asked speaks first
		if err := f.use(right); err != nil {
			return false, err
		}
		if _, undefined := left.(*value.Undefined); undefined {
			if _, ok := value.Text(right); ok {
				return false, &value.TypeError{Message: "'in <string>' requires string as left operand, not " + f.undefinedType()}
			}
		}
	}
	for _, v := range []value.Value{left, right} {
		if err := f.use(v); err != nil {
			return false, err
		}
	}
	switch op {
	case "==":
		return value.Equal(left, right), nil
	case "!=":
		return !value.Equal(left, right), nil
	case "in", "not in":
		if _, ok := right.(*value.Undefined); ok { // not strict: it is empty
			return op == "not in", nil
		}
		yes, err := value.Contains(right, left)
		return yes == (op == "in"), err
	}
	order, err := value.Compare(left, right, op)
	if err != nil {
		return false, err
	}
	switch op {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	}
	return order >= 0, nil
}

// undefinedType is the name of the type that undefined values have.
func (f *frame) undefinedType() string {
	switch {
	case f.env.Strict:
		return "StrictUndefined"
	case f.env.Chainable:
		return "ChainableUndefined"
	}
	return "Undefined"
}

type concatExpr struct{ items []expr }

func (x *concatExpr) eval(f *frame) (value.Value, error) {
	var b strings.Builder
	markup := false
	for _, item := range x.items {
		v, err := item.eval(f)
		if err != nil {
			return nil, err
		}
		if err := f.use(v); err != nil {
			return nil, err
		}
		if _, ok := v.(value.Markup); ok {
			markup = true
		}
		b.WriteString(value.Str(v))
		if b.Len() > maxText {
			return nil, &Error{Kind: Limit, Message: "the text gets too long"}
		}
	}
	if markup && f.autoescape {
		return value.Markup(b.String()), nil
	}
	return b.String(), nil
}

type negateExpr struct {
	of       expr
	positive bool
}

func (x *negateExpr) eval(f *frame) (value.Value, error) {
	v, err := x.of.eval(f)
	if err != nil {
		return nil, err
	}
	if u, ok := v.(*value.Undefined); ok {
		return nil, &value.UndefinedError{Message: u.Hint}
	}
	if _, ok := value.Float(v); !ok && value.TypeName(v) != "int" {
		sign := "-"
		if x.positive {
			sign = "+"
		}
		return nil, &value.TypeError{Message: fmt.Sprintf("bad operand type for unary %s: '%s'", sign, value.TypeName(v))}
	}
	if x.positive {
		return arithmetic("+", int64(0), v)
	}
	return arithmetic("-", int64(0), v)
}

type binaryExpr struct {
	op          string
	left, right expr
}

func (x *binaryExpr) eval(f *frame) (value.Value, error) {
	left, err := x.left.eval(f)
	if err != nil {
		return nil, err
	}
	right, err := x.right.eval(f)
	if err != nil {
		return nil, err
	}
	for _, v := range []value.Value{left, right} {
		u, ok := v.(*value.Undefined)
		if _, text := value.Text(left); ok && text && x.op == "%" && !f.env.Strict {
			right, ok = "", false // formatting prints it, as nothing
		}
		if ok {
			return nil, &value.UndefinedError{Message: u.Hint}
		}
	}
	return arithmetic(x.op, left, right)
}

// arguments are those of a call.
type arguments struct {
	items          []expr
	names          []string
	named          []expr
	star, starStar expr
}

func (a *arguments) eval(f *frame, first ...value.Value) ([]value.Value, *value.Dict, error) {
	args := append(make([]value.Value, 0, len(first)+len(a.items)), first...)
	for _, x := range a.items {
		v, err := x.eval(f)
		if err != nil {
			return nil, nil, err
		}
		args = append(args, v)
	}
	if a.star != nil {
		v, err := a.star.eval(f)
		if err != nil {
			return nil, nil, err
		}
		more, err := value.Items(v)
		if err != nil {
			return nil, nil, err
		}
		args = append(args, more...)
	}
	if len(a.names) == 0 && a.starStar == nil {
		return args, nil, nil
	}
	kwargs := value.NewDict()
	for i, name := range a.names {
		v, err := a.named[i].eval(f)
		if err != nil {
			return nil, nil, err
		}
		kwargs.SetStr(name, v)
	}
	if a.starStar != nil {
		v, err := a.starStar.eval(f)
		if err != nil {
			return nil, nil, err
		}
		more, err := value.ToDict(v)
		if err != nil {
			return nil, nil, err
		}
		for k, v := range more.All() {
			kwargs.Set(k, v)
		}
	}
	return args, kwargs, nil
}

type callExpr struct {
	of expr
	arguments
	line int
}

func (x *callExpr) eval(f *frame) (value.Value, error) { return x.evalWith(f, nil) }

// evalWith calls with a caller, which a call tag gives.
func (x *callExpr) evalWith(f *frame, caller *frameFunc) (value.Value, error) {
	if err := f.step(); err != nil {
		return nil, err
	}
	fn, err := x.of.eval(f)
	if err != nil {
		return nil, err
	}
	args, kwargs, err := x.arguments.eval(f)
	if err != nil {
		return nil, err
	}
	if caller != nil {
		if kwargs == nil {
			kwargs = value.NewDict()
		}
		kwargs.SetStr("caller", caller)
	}
	return f.called(fn, args, kwargs)
}

// call is the use of a filter or a test.
type call struct {
	name string
	arguments
	unknown bool
	line    int
}

func (c *call) filter(f *frame, v value.Value) (value.Value, error) {
	if err := f.step(); err != nil {
		return nil, err
	}
	fn, ok := f.env.filter(c.name)
	if !ok {
		return nil, &Error{Kind: Syntax, Line: c.line, Name: f.name, Message: "No filter named " + quoted(c.name) + "."}
	}
	args, kwargs, err := c.arguments.eval(f, v)
	if err != nil {
		return nil, err
	}
	return fn(&Call{Context: f.ctx, Environment: f.env, Name: c.name, Args: args, Kwargs: kwargs, Vars: f.vars, frame: f})
}

type filterExpr struct {
	of expr
	call
}

func (x *filterExpr) eval(f *frame) (value.Value, error) {
	v, err := x.of.eval(f)
	if err != nil {
		return nil, err
	}
	return x.filter(f, v)
}

type testExpr struct {
	of expr
	call
}

func (x *testExpr) eval(f *frame) (value.Value, error) {
	v, err := x.of.eval(f)
	if err != nil {
		return nil, err
	}
	fn, ok := f.env.test(x.name)
	if !ok {
		return nil, &Error{Kind: Syntax, Line: x.line, Name: f.name, Message: "No test named " + quoted(x.name) + "."}
	}
	args, kwargs, err := x.arguments.eval(f, v)
	if err != nil {
		return nil, err
	}
	out, err := fn(&Call{Context: f.ctx, Environment: f.env, Name: x.name, Args: args, Kwargs: kwargs, Vars: f.vars, frame: f})
	if err != nil {
		return nil, err
	}
	return value.Truth(out), nil
}

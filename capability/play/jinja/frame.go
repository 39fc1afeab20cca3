package jinja

import (
	"context"
	"errors"
	"fmt"

	"garboard.dev/garboard/capability/play/value"
)

const (
	defaultSteps  = 100_000_000
	defaultOutput = 256 << 20
	maxCalls      = 200 // macros and includes in each other
)

// scope holds the variables that a template has set itself.
type scope struct {
	parent *scope
	vars   map[string]value.Value
}

func (s *scope) find(name string) (value.Value, bool) {
	for ; s != nil; s = s.parent {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s *scope) set(name string, v value.Value) {
	if s.vars == nil {
		s.vars = map[string]value.Value{}
	}
	s.vars[name] = v
}

// run is what all frames of one rendering share.
type run struct {
	ctx    context.Context
	steps  int
	output int
	calls  int
	native bool                   // values stay values, as in Jinja2's NativeEnvironment
	known  map[string]value.Value // variables that were asked for already
}

// frame is where nodes are evaluated.
type frame struct {
	*run
	env        *Environment
	vars       Resolver
	scope      *scope
	top        *scope // variables of the template's own level, which blocks see and imports give
	name       string
	line       int
	blocks     map[string][]*blockNode // the outermost child's first
	block      string
	depth      int // of block in blocks, for super()
	autoescape bool
}

func newFrame(ctx context.Context, env *Environment, vars Resolver, name string) *frame {
	top := &scope{}
	return &frame{run: &run{ctx: ctx}, env: env, vars: vars, scope: top, top: top, name: name}
}

// inner returns a frame with a scope of its own.
func (f *frame) inner() *frame {
	out := *f
	out.scope = &scope{parent: f.scope}
	return &out
}

// step counts one node, and ends templates that take too long.
func (f *frame) step() error {
	f.steps++
	if f.steps&1023 == 0 {
		if err := f.ctx.Err(); err != nil {
			return err
		}
	}
	limit := f.env.Limits.Steps
	if limit == 0 {
		limit = defaultSteps
	}
	if f.steps > limit {
		return &Error{Kind: Limit, Name: f.name, Line: f.line, Message: "the template takes too many steps"}
	}
	return nil
}

// located gives an error the place where it happened.
func (f *frame) located(err error, line int) error {
	var e *Error
	if errors.As(err, &e) {
		if e.Line == 0 {
			e.Line, e.Name = line, f.name
		}
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	kind := Runtime
	var u *value.UndefinedError
	if errors.As(err, &u) {
		kind = Undefined
	}
	return &Error{Kind: kind, Name: f.name, Line: line, Message: err.Error(), Cause: err}
}

// lookup returns a variable, or what stands for one that is not there.
func (f *frame) lookup(name string) (value.Value, error) {
	if v, ok := f.scope.find(name); ok {
		return v, nil
	}
	if v, ok := f.known[name]; ok {
		return v, nil
	}
	v, err := f.resolve(name)
	if err != nil {
		return nil, err
	}
	if f.known == nil {
		f.known = map[string]value.Value{}
	}
	f.known[name] = v
	return v, nil
}

func (f *frame) resolve(name string) (value.Value, error) {
	if name == "self" && len(f.blocks) > 0 {
		return f.self(), nil
	}
	if f.vars != nil {
		v, ok, err := f.vars.Resolve(name)
		if ok || err != nil {
			return v, err
		}
	}
	if v, ok := f.env.Global[name]; ok {
		return v, nil
	}
	if v, ok := global(name); ok {
		return v, nil
	}
	return undefinedName(name), nil
}

// use checks a value that is about to be used: with Strict an undefined one is an error.
func (f *frame) use(v value.Value) error {
	if u, ok := v.(*value.Undefined); ok && f.env.Strict && !u.Lenient {
		return &value.UndefinedError{Message: u.Hint}
	}
	return nil
}

// truth is whether v holds.
func (f *frame) truth(v value.Value) (bool, error) {
	if err := f.use(v); err != nil {
		return false, err
	}
	return value.Truth(v), nil
}

// attribute is o.name: a method or attribute first, then an item.
func (f *frame) attribute(o value.Value, name string) (value.Value, error) {
	o, err := value.Force(o)
	if err != nil {
		return nil, err
	}
	if u, ok := o.(*value.Undefined); ok {
		return f.onUndefined(u)
	}
	if len(name) > 1 && name[0] == '_' && name[1] == '_' {
		return nil, value.Errorf("access to attribute '%s' of '%s' object is unsafe.", name, value.TypeName(o))
	}
	if v, ok := value.GetAttr(o, name); ok {
		return v, nil
	}
	if v, err := value.GetItem(o, name); err == nil {
		return v, nil
	}
	return &value.Undefined{Hint: fmt.Sprintf("'%s' has no attribute '%s'", typeText(o), name), Chainable: f.env.Chainable}, nil
}

func typeText(o value.Value) string {
	if o == nil {
		return "None"
	}
	if _, ok := o.(*namespace); ok {
		return "jinja2.utils.Namespace object"
	}
	return value.TypeName(o) + " object"
}

func (f *frame) onUndefined(u *value.Undefined) (value.Value, error) {
	if f.env.Chainable {
		return u, nil
	}
	return nil, &value.UndefinedError{Message: u.Hint}
}

// item is o[key]: an item first, then for text a method or attribute.
func (f *frame) item(o, key value.Value) (value.Value, error) {
	o, err := value.Force(o)
	if err != nil {
		return nil, err
	}
	if u, ok := o.(*value.Undefined); ok {
		return f.onUndefined(u)
	}
	_, isDict := o.(*value.Dict)
	if u, ok := key.(*value.Undefined); ok && !isDict {
		return &value.Undefined{Hint: typeText(o) + " has no element Undefined", Chainable: f.env.Chainable}, nil
	} else if ok {
		return &value.Undefined{Hint: u.Hint, Chainable: f.env.Chainable}, nil
	}
	v, err := value.GetItem(o, key)
	if err == nil {
		return v, nil
	}
	if text, ok := value.Text(key); ok {
		if v, ok := value.GetAttr(o, text); ok && (len(text) < 2 || text[:2] != "__") {
			return v, nil
		}
		return &value.Undefined{Hint: fmt.Sprintf("'%s' has no attribute '%s'", typeText(o), text), Chainable: f.env.Chainable}, nil
	}
	return &value.Undefined{Hint: fmt.Sprintf("%s has no element %s", typeText(o), value.Repr(key)), Chainable: f.env.Chainable}, nil
}

// called calls v.
func (f *frame) called(v value.Value, args []value.Value, kwargs *value.Dict) (value.Value, error) {
	switch fn := v.(type) {
	case *value.Func:
		return fn.Call(args, kwargs)
	case *frameFunc:
		return fn.call(f, args, kwargs)
	case *value.Undefined:
		return nil, &value.UndefinedError{Message: fn.Hint}
	}
	return nil, &value.TypeError{Message: fmt.Sprintf("'%s' object is not callable", value.TypeName(v))}
}

// frameFunc is a function that works with the frame it is called in: a macro, super, loop.
type frameFunc struct {
	name string
	call func(f *frame, args []value.Value, kwargs *value.Dict) (value.Value, error)
	attr func(name string) (value.Value, bool)
	text func() string // what printing one shows, where it is not the name
}

// Attr gives a macro's or a loop's attributes.
func (m *frameFunc) Attr(name string) (value.Value, bool) {
	if m.attr == nil {
		return nil, false
	}
	return m.attr(name)
}

// String is what printing one shows.
func (m *frameFunc) String() string {
	if m.text != nil {
		return m.text()
	}
	return "<" + m.name + ">"
}

// Package jinja is Jinja2 in Go: its syntax, its tags, filters and tests, over
// the Python-like values of package value. A template is parsed once and may be
// rendered often, also at the same time.
//
// The reference is the documentation of Jinja2 3.1 ("Template Designer
// Documentation"); doc/compatibility/jinja.md says where it differs.
package jinja

import (
	"context"
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// Environment says how templates are read and what they can use. Its zero value
// is Jinja2's default environment.
type Environment struct {
	BlockStart, BlockEnd       string // "{%" and "%}" where they are empty
	VariableStart, VariableEnd string
	CommentStart, CommentEnd   string
	LineStatementPrefix        string
	LineCommentPrefix          string
	TrimBlocks, LstripBlocks   bool
	KeepTrailingNewline        bool
	Newline                    string // "\n" where it is empty
	Strict                     bool   // using an undefined variable is an error (StrictUndefined)
	Chainable                  bool   // attributes of what is undefined are undefined too (ChainableUndefined)
	Extensions                 []string
	// Filter and Test find those that Jinja2 does not have, or has otherwise.
	Filter func(name string) (Callable, bool)
	Test   func(name string) (Callable, bool)
	Global map[string]value.Value
	// Load returns the source of another template, for include, import and extends.
	Load   func(name string) (source, file string, err error)
	Limits Limits
}

// Limits bound what a template may take; 0 stands for the defaults.
type Limits struct {
	Steps  int // evaluated nodes: 100 million
	Output int // bytes: 256 MiB
}

// Resolver gives templates their variables, when they are asked for.
type Resolver interface {
	// Resolve returns a variable; ok is false where there is none.
	Resolve(name string) (v value.Value, ok bool, err error)
}

// Call is one call of a filter, a test or a global function.
type Call struct {
	Context     context.Context
	Environment *Environment
	Name        string
	Args        []value.Value // the filtered value first
	Kwargs      *value.Dict   // nil where there are none
	Vars        Resolver
	frame       *frame
}

// Callable is a filter, a test or a global function.
type Callable func(c *Call) (value.Value, error)

// Arguments returns the arguments to take one by one.
func (c *Call) Arguments() *value.Args {
	return &value.Args{Name: c.Name, Items: c.Args, Named: c.Kwargs}
}

// Filtered applies another filter by its name.
func (c *Call) Filtered(name string, args []value.Value, kwargs *value.Dict) (value.Value, error) {
	f, ok := c.Environment.filter(name)
	if !ok {
		return nil, &Error{Kind: Runtime, Message: "No filter named " + quoted(name) + "."}
	}
	return f(&Call{Context: c.Context, Environment: c.Environment, Name: name, Args: args, Kwargs: kwargs, Vars: c.Vars, frame: c.frame})
}

// Tested asks another test by its name.
func (c *Call) Tested(name string, args []value.Value, kwargs *value.Dict) (bool, error) {
	t, ok := c.Environment.test(name)
	if !ok {
		return false, &Error{Kind: Runtime, Message: "No test named " + quoted(name) + "."}
	}
	v, err := t(&Call{Context: c.Context, Environment: c.Environment, Name: name, Args: args, Kwargs: kwargs, Vars: c.Vars, frame: c.frame})
	return value.Truth(v), err
}

// NativeText is text that stays text whatever it looks like.
type NativeText string

// String returns the text.
func (t NativeText) String() string { return string(t) }

// Kind is the kind of an Error.
type Kind int

// The kinds of errors.
const (
	Syntax Kind = iota
	Undefined
	Runtime
	NotFound
	Limit
)

// Error is an error in a template.
type Error struct {
	Kind    Kind
	Name    string // of the template
	Line    int
	Column  int
	Message string // as Jinja2 words it
	Cause   error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Cause }

// Wrap makes a Callable one that a value.Func can hold.
func Wrap(f Callable) func(args []value.Value, kwargs *value.Dict) (value.Value, error) {
	return func(args []value.Value, kwargs *value.Dict) (value.Value, error) {
		return f(&Call{Args: args, Kwargs: kwargs})
	}
}

func quoted(s string) string { return value.Repr(s) }

// Template is a parsed template.
type Template struct {
	env    *Environment
	name   string
	body   []node
	blocks map[string]*blockNode
	parent bool // it extends another one
}

// Parse reads a template. name stands in errors.
func (e *Environment) Parse(name, source string) (*Template, error) {
	p, err := e.parser(name, source)
	if err != nil {
		return nil, err
	}
	body, err := p.template()
	if err != nil {
		return nil, err
	}
	return &Template{env: e, name: name, body: body, blocks: p.blocks, parent: p.extends}, nil
}

// Expression is a parsed expression.
type Expression struct {
	env  *Environment
	expr expr
}

// Expression reads one expression, as it stands between "{{" and "}}".
func (e *Environment) Expression(source string) (*Expression, error) {
	p := &parser{env: e, name: "<expression>", lexer: &lexer{env: e, name: "<expression>", source: source, line: 1}, blocks: map[string]*blockNode{}}
	tokens, err := p.lexer.expressionTokens()
	if err != nil {
		return nil, err
	}
	p.tokens = tokens
	x, err := p.expression(true)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, p.fail(t, "expected token 'end of template', got %s", t.describe())
	}
	return &Expression{env: e, expr: x}, nil
}

// Eval evaluates the expression. An undefined result is an error with Strict.
func (x *Expression) Eval(ctx context.Context, vars Resolver) (value.Value, error) {
	f := newFrame(ctx, x.env, vars, "<expression>")
	v, err := x.expr.eval(f)
	if err != nil {
		return nil, f.located(err, 1)
	}
	if u, ok := v.(*value.Undefined); ok && x.env.Strict {
		return nil, &Error{Kind: Undefined, Message: u.Hint, Line: 1}
	}
	return v, nil
}

func (e *Environment) has(extension string) bool {
	for _, x := range e.Extensions {
		if x == extension || strings.HasSuffix(x, "."+extension) {
			return true
		}
	}
	return false
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func undefinedName(name string) *value.Undefined {
	return &value.Undefined{Hint: fmt.Sprintf("'%s' is undefined", name)}
}

package jinja

import (
	"context"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// Render returns the text that the template prints.
func (t *Template) Render(ctx context.Context, vars Resolver) (string, error) {
	var o output
	err := t.render(newFrame(ctx, t.env, vars, t.name), &o)
	return o.builder.String(), err
}

// Pieces returns what the template prints, value by value: text between tags, and
// the values of print statements as they are.
func (t *Template) Pieces(ctx context.Context, vars Resolver) ([]value.Value, error) {
	o := output{values: true}
	err := t.render(newFrame(ctx, t.env, vars, t.name), &o)
	return o.pieces, err
}

// Native returns the template's value as Jinja2's NativeEnvironment does: that of
// a single expression, else the text, read as a Python literal where it is one.
// What macros and block sets give is read in the same way.
func (t *Template) Native(ctx context.Context, vars Resolver) (value.Value, error) {
	f := newFrame(ctx, t.env, vars, t.name)
	f.native = true
	o := output{values: true}
	if err := t.render(f, &o); err != nil {
		return nil, err
	}
	return native(o.pieces), nil
}

// native is the value of printed pieces.
func native(pieces []value.Value) value.Value {
	if len(pieces) == 0 {
		return nil
	}
	var text strings.Builder
	for _, p := range pieces {
		if _, isText := value.Text(p); len(pieces) == 1 && !isText {
			return p
		}
		text.WriteString(value.Str(p))
	}
	s := text.String()
	if strings.HasPrefix(s, " ") || strings.HasPrefix(s, "\t") { // Python takes it for an indented line
		return s
	}
	if v, err := value.Literal(s); err == nil {
		return v
	}
	return s
}

func (t *Template) render(f *frame, o *output) error {
	f.blocks = map[string][]*blockNode{}
	return t.renderWith(f, o)
}

func (t *Template) renderWith(f *frame, o *output) error {
	for name, b := range t.blocks {
		f.blocks[name] = append(f.blocks[name], b)
	}
	if !t.parent {
		_, err := execute(f, t.body, o)
		return err
	}
	// Of a template that extends another one only what changes variables counts,
	// up to where the parent is named; then the parent is rendered.
	parent, err := t.child(f)
	if err != nil || parent == nil {
		return err
	}
	if f.calls++; f.calls > maxCalls {
		return &Error{Kind: Limit, Message: "templates extend each other without end"}
	}
	f.name = parent.name
	return parent.renderWith(f, o)
}

// child executes a template that extends another one, without printing, and
// returns that other one.
func (t *Template) child(f *frame) (*Template, error) {
	var nothing output
	var parent *Template
	for _, n := range t.body {
		if e, ok := n.(*extendsNode); ok {
			if parent != nil {
				return nil, &Error{Kind: Runtime, Line: e.line, Name: t.name, Message: "extended multiple times"}
			}
			v, err := e.name.eval(f)
			if err != nil {
				return nil, f.located(err, e.line)
			}
			if parent, err = f.load(v); err != nil {
				return nil, f.located(err, e.line)
			}
			continue
		}
		if _, isBlock := n.(*blockNode); isBlock {
			continue
		}
		if _, err := n.exec(f, &nothing); err != nil {
			return nil, err
		}
	}
	return parent, nil
}

// load parses another template by its name, or takes one that is given as a value.
func (f *frame) load(name value.Value) (*Template, error) {
	if u, ok := name.(*value.Undefined); ok {
		return nil, &value.UndefinedError{Message: u.Hint}
	}
	text, ok := value.Text(name)
	if !ok {
		return nil, &value.TypeError{Message: "no loader for this environment specified"}
	}
	if f.env.Load == nil {
		return nil, &Error{Kind: NotFound, Message: "no loader for this environment specified"}
	}
	source, file, err := f.env.Load(text)
	if err != nil {
		return nil, &Error{Kind: NotFound, Message: text, Cause: err}
	}
	return f.env.Parse(orElse(file, text), source)
}

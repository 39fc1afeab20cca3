package template

import (
	"context"
	"strings"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

// convert renders a template the way ansible-core 2.14 does without jinja2_native:
// what it prints is text, and text that reads like a list, a dictionary or a truth
// becomes one. A list or dictionary that is all there is does not take the way
// through text, for it would come back the same.
func (e *Engine) convert(ctx context.Context, t *jinja.Template, r *resolver, m mode) (value.Value, error) {
	pieces, err := t.Pieces(ctx, r)
	if err != nil {
		return nil, err
	}
	if len(pieces) == 1 {
		switch v := pieces[0].(type) {
		case bool:
			if m&convert != 0 {
				return v, nil
			}
		case *value.List, *value.Dict:
			if m&convert != 0 && literal(v, 0) {
				return v, nil
			}
		case value.Unsafe, jinja.NativeText:
			return v, nil
		}
	}
	text, unsafe := joined(pieces)
	if m&convert == 0 || !(strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || text == "True" || text == "False") {
		return marked(text, unsafe), nil
	}
	v, err := value.JSONLiteral(text)
	if err != nil { // it only looked like one
		return marked(text, unsafe), nil
	}
	if unsafe {
		return value.MarkUnsafe(v), nil
	}
	return v, nil
}

// native gives a template's value as Ansible does with jinja2_native: text that is
// a Python literal is read as one, but a literal that is text keeps its quotes.
func (e *Engine) native(ctx context.Context, t *jinja.Template, r *resolver) (value.Value, error) {
	pieces, err := t.Pieces(ctx, r)
	if err != nil || len(pieces) == 0 {
		return nil, err
	}
	if len(pieces) == 1 {
		switch v := pieces[0].(type) {
		case jinja.NativeText:
			return string(v), nil
		case string:
		default:
			return v, nil
		}
	}
	text, unsafe := joined(pieces)
	v, err := value.Literal(text)
	if err != nil {
		return marked(text, unsafe), nil // it is text then
	}
	if s, ok := v.(string); ok {
		return text[:1] + s + text[:1], nil
	}
	return v, nil
}

func joined(pieces []value.Value) (text string, unsafe bool) {
	if len(pieces) == 1 {
		_, unsafe = pieces[0].(value.Unsafe)
		return printed(pieces[0]), unsafe
	}
	var b strings.Builder
	for _, p := range pieces {
		if _, ok := p.(value.Unsafe); ok {
			unsafe = true
		}
		b.WriteString(printed(p))
	}
	return b.String(), unsafe
}

// printed is a value as a template prints it: None is nothing.
func printed(v value.Value) string {
	if v == nil {
		return ""
	}
	return value.Str(v)
}

func marked(text string, unsafe bool) value.Value {
	if unsafe {
		return value.Unsafe(text)
	}
	return text
}

// maxLiteral bounds the depth of what literal looks at.
const maxLiteral = 200

// literal says whether Python could read v back from its repr.
func literal(v value.Value, depth int) bool {
	if depth > maxLiteral {
		return false
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string, value.Unsafe:
		return true
	case *value.List:
		for _, i := range v.Items {
			if !literal(i, depth+1) {
				return false
			}
		}
		return true
	case *value.Dict:
		for k, i := range v.All() {
			if !literal(k, depth+1) || !literal(i, depth+1) {
				return false
			}
		}
		return true
	}
	return false
}

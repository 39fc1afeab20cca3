package jinja

import (
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// output collects what a template prints: text, or at the template's own level
// the values themselves.
type output struct {
	pieces  []value.Value
	builder strings.Builder
	values  bool
}

func (o *output) data(text string) {
	if !o.values {
		o.builder.WriteString(text)
		return
	}
	o.pieces = append(o.pieces, text)
}

func (o *output) print(f *frame, v value.Value) error {
	if err := f.use(v); err != nil {
		return err
	}
	if o.values {
		o.pieces = append(o.pieces, v)
		return nil
	}
	text := value.Str(v)
	if t, ok := v.(NativeText); ok {
		text = string(t)
	}
	if l, ok := v.(value.Lazy); ok {
		r, err := l.Resolve()
		if err != nil {
			return err
		}
		text = value.Str(r)
	}
	if f.autoescape {
		text = escaped(v, text)
	}
	return o.text(f, text)
}

// text adds text, up to the limit of what a template may print.
func (o *output) text(f *frame, text string) error {
	limit := f.env.Limits.Output
	if limit == 0 {
		limit = defaultOutput
	}
	if f.output += len(text); f.output > limit {
		return &Error{Kind: Limit, Message: "the template prints too much"}
	}
	o.builder.WriteString(text)
	return nil
}

func escaped(v value.Value, text string) string {
	if _, ok := v.(value.Markup); ok {
		return text
	}
	return Escape(text)
}

var escapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")

// Escape makes text safe for HTML, as Jinja2's escape filter does.
func Escape(text string) string { return escapes.Replace(text) }

// captured is what a block of nodes prints, as the value that a variable gets.
func captured(f *frame, body []node) (value.Value, signal, error) {
	o := output{values: f.native}
	s, err := execute(f, body, &o)
	if err != nil {
		return nil, s, err
	}
	if f.native {
		return native(o.pieces), s, nil
	}
	if f.autoescape {
		return value.Markup(o.builder.String()), s, nil
	}
	return o.builder.String(), s, nil
}

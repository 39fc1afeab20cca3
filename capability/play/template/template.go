// Package template gives Jinja2 the meaning that Ansible gives it: values are
// passed and not only text, variables are templated when they are looked up,
// and only then, what is unsafe is left alone, and an undefined variable is an error.
package template

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

// Vars are the variables of one host and task as they are written: their values
// may hold templates.
type Vars interface {
	Lookup(name string) (value.Value, bool)
	Names() []string
}

// Lookup is a lookup plugin: it gets the terms and options of one call.
type Lookup func(c *LookupCall) (*value.List, error)

// LookupCall is one call of a lookup.
type LookupCall struct {
	Context context.Context
	Terms   *value.List
	Options *value.Dict
	Scope   *Scope
	Engine  *Engine
}

// Plugins are what Ansible adds to Jinja2. Package filter and package lookup hold them.
type Plugins struct {
	Filter func(name string) (jinja.Callable, bool)
	Test   func(name string) (jinja.Callable, bool)
	Lookup func(name string) (Lookup, bool)
	Global map[string]value.Value
}

// Engine templates values. It is safe for concurrent use.
type Engine struct {
	Native  bool // jinja2_native
	Plugins Plugins
	Omit    string // the value of the variable omit

	environment jinja.Environment
	parsed      sync.Map // template -> *entry
	expressions sync.Map // expression -> *expressionEntry
}

type expressionEntry struct {
	expression *jinja.Expression
	mutates    bool
	err        error
}

type entry struct {
	template *jinja.Template
	text     bool // what it gives is text, whatever it looks like
	mutates  bool
	err      error
}

// New returns an engine.
func New(native bool, plugins Plugins, omit string) *Engine {
	e := &Engine{Native: native, Plugins: plugins, Omit: omit}
	e.environment = jinja.Environment{
		TrimBlocks: true, Strict: true, Chainable: true, Extensions: []string{"do", "loopcontrols"},
		Filter: plugins.Filter, Test: plugins.Test,
	}
	return e
}

// Scope is where a template is evaluated.
type Scope struct {
	Vars    Vars
	Dirs    []string // where files and templates are looked for, the nearest first
	BaseDir string   // of the playbook
	depth   int
	Locals  []*value.Dict // variables of this evaluation, over Vars; the last counts most
	mutates bool
}

// With returns a scope with more local variables. vars is not copied: whoever
// makes it may add to it as long as nobody else uses the scope.
func (s *Scope) With(vars *value.Dict) *Scope {
	out := *s
	out.Locals = append(s.Locals[:len(s.Locals):len(s.Locals)], vars)
	return &out
}

// maxDepth bounds templates whose variables are templates.
const maxDepth = 100

// Raw returns a variable as it is written.
func (s *Scope) Raw(name string) (value.Value, bool) {
	for _, l := range slices.Backward(s.Locals) {
		if v, ok := l.Str(name); ok {
			return v, true
		}
	}
	return s.Vars.Lookup(name)
}

// IsTemplate says whether text holds anything for Jinja2.
func IsTemplate(text string) bool {
	for {
		at := strings.IndexByte(text, '{')
		if at < 0 || at+1 >= len(text) {
			return false
		}
		switch text[at+1] {
		case '{', '%', '#':
			return true
		}
		text = text[at+1:]
	}
}

// Value templates v and all that it holds. Text that is one expression gives the
// expression's value; other text stays text, but for what looks like a list, a
// dictionary or a truth, as with ansible-core 2.14.
func (e *Engine) Value(ctx context.Context, v value.Value, s *Scope) (value.Value, error) {
	return e.value(ctx, v, s, convert)
}

// Text templates v to text without turning it into lists, dictionaries or truths.
func (e *Engine) Text(ctx context.Context, v value.Value, s *Scope) (string, error) {
	out, err := e.value(ctx, v, s, 0)
	if err != nil {
		return "", err
	}
	return value.Str(out), nil
}

type mode int

const convert mode = 1

func (e *Engine) value(ctx context.Context, v value.Value, s *Scope, m mode) (value.Value, error) {
	switch v := v.(type) {
	case string:
		if !IsTemplate(v) {
			return v, nil
		}
		return e.render(ctx, v, s, m)
	case *value.List:
		return e.list(ctx, v, s, m)
	case *value.Tuple:
		items, err := e.list(ctx, value.NewList(v.Items...), s, m)
		if err != nil {
			return nil, err
		}
		return items, nil
	case *value.Dict:
		return e.dict(ctx, v, s, m)
	case value.Lazy:
		return v.Resolve()
	}
	return v, nil
}

// list templates a list; one without templates is given back as it is.
func (e *Engine) list(ctx context.Context, l *value.List, s *Scope, m mode) (value.Value, error) {
	var out *value.List
	for i, item := range l.Items {
		v, err := e.value(ctx, item, s, m)
		if err != nil {
			return nil, err
		}
		if out == nil && !same(v, item) {
			out = &value.List{Items: append(make([]value.Value, 0, len(l.Items)), l.Items[:i]...)}
		}
		if out != nil {
			out.Items = append(out.Items, v)
		}
	}
	if out == nil {
		return l, nil
	}
	return out, nil
}

func (e *Engine) dict(ctx context.Context, d *value.Dict, s *Scope, m mode) (value.Value, error) {
	out, changed := value.NewDict(), false
	for k, item := range d.All() {
		key := k
		if text, ok := k.(string); ok && IsTemplate(text) {
			templated, err := e.value(ctx, text, s, m)
			if err != nil {
				return nil, err
			}
			key, changed = templated, true
		}
		v, err := e.value(ctx, item, s, m)
		if err != nil {
			return nil, err
		}
		changed = changed || !same(v, item)
		out.Set(key, v)
	}
	if !changed {
		return d, nil
	}
	return out, nil
}

// same says whether templating left v alone. Containers come back as the very
// same pointer then; scalars that are no text are never templated.
func same(v, before value.Value) bool {
	switch b := before.(type) {
	case string:
		s, ok := v.(string)
		return ok && s == b
	case *value.List, *value.Dict:
		return v == before
	case *value.Tuple, value.Lazy:
		return false
	}
	return true
}

func (e *Engine) parse(text string) (*entry, error) {
	if found, ok := e.parsed.Load(text); ok {
		en := found.(*entry)
		return en, en.err
	}
	en := &entry{mutates: mutates(text), text: givesText(text)}
	env, source, err := e.header(text)
	if err == nil {
		en.template, err = env.Parse("<unknown>", literalBackslashes(source))
	}
	en.err = err
	e.parsed.Store(text, en)
	return en, err
}

// textFilters are filters whose result is text, whatever it looks like (the
// setting STRING_TYPE_FILTERS).
var textFilters = regexp.MustCompile(`\|\s*(?:string|to_json|to_nice_json|to_yaml|to_nice_yaml|ppretty|json)\s*(?:\([^|]*\))?\s*\}\}\s*$`)

// givesText says whether a template is one expression that such a filter ends.
func givesText(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{{") && strings.Count(text, "{{") == 1 && textFilters.MatchString(text)
}

// literalBackslashes doubles the backslashes in the strings of print statements:
// in playbooks they stand for themselves, unlike in template files.
func literalBackslashes(text string) string {
	if !strings.Contains(text, "\\") {
		return text
	}
	var b strings.Builder
	inside, quote := false, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case !inside:
			inside = strings.HasPrefix(text[i:], "{{")
		case quote == 0 && strings.HasPrefix(text[i:], "}}"):
			inside = false
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote != 0 && c == '\\' && i+1 < len(text) && text[i+1] == quote:
			b.WriteString(text[i : i+2]) // an escaped quote stays one
			i++
			continue
		case quote != 0 && c == '\\':
			b.WriteByte('\\')
		case c == quote:
			quote = 0
		}
		b.WriteByte(c)
	}
	return b.String()
}

// mutates says whether a template may change lists and dictionaries in place.
// Those that variables hold are copied for it then.
func mutates(text string) bool {
	for _, method := range []string{".append", ".update", ".extend", ".pop", ".insert", ".remove", ".sort", ".reverse", ".clear", ".setdefault", ".add", "import"} {
		if strings.Contains(text, method) {
			return true
		}
	}
	return false
}

func (e *Engine) render(ctx context.Context, text string, s *Scope, m mode) (value.Value, error) {
	if s.depth > maxDepth {
		return nil, fmt.Errorf("recursive loop detected in template string: %s", text)
	}
	if name, ok := singleName(text); ok {
		if v, found := s.Raw(name); found {
			switch v := v.(type) {
			case bool, int64, float64:
				return v, nil
			case nil:
				return nil, nil
			}
		}
	}
	en, err := e.parse(text)
	if err != nil {
		return nil, e.syntax(text, err)
	}
	inner := *s
	inner.depth++
	inner.mutates = en.mutates
	r := &resolver{engine: e, ctx: ctx, scope: &inner}
	if en.text {
		m = 0
	} else if e.Native {
		return e.native(ctx, en.template, r)
	}
	out, err := e.convert(ctx, en.template, r, m)
	switch s := out.(type) {
	case string:
		return ended(s, text, ""), err
	case value.Unsafe:
		return value.Unsafe(ended(string(s), text, "")), err
	}
	return out, err
}

func (e *Engine) syntax(text string, err error) error {
	var j *jinja.Error
	if errors.As(err, &j) {
		return &Error{Message: fmt.Sprintf("template error while templating string: %s. String: %s", strings.TrimSuffix(j.Message, "."), text), Cause: err}
	}
	return err
}

// Error says that a template cannot be evaluated.
type Error struct {
	Message string
	Cause   error
}

func (e *Error) Error() string { return e.Message }
func (e *Error) Unwrap() error { return e.Cause }

// IsUndefined says whether err stands for an undefined variable.
func IsUndefined(err error) bool {
	var j *jinja.Error
	return errors.As(err, &j) && j.Kind == jinja.Undefined
}

// singleName returns the name in "{{ name }}".
func singleName(text string) (string, bool) {
	inner, ok := strings.CutPrefix(text, "{{")
	inner, ok2 := strings.CutSuffix(inner, "}}")
	inner = strings.TrimSpace(inner)
	if !ok || !ok2 || inner == "" {
		return "", false
	}
	for i := 0; i < len(inner); i++ {
		c := inner[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return "", false
		}
	}
	return inner, true
}

// resolver gives Jinja2 the variables of a scope, templated when they are asked for.
type resolver struct {
	engine *Engine
	ctx    context.Context
	scope  *Scope
}

func (r *resolver) Resolve(name string) (value.Value, bool, error) {
	v, ok := r.scope.Raw(name)
	if !ok {
		if f, ok := r.engine.global(name, r); ok {
			return f, true, nil
		}
		return nil, false, nil
	}
	out, err := r.engine.value(r.ctx, v, r.scope, convert)
	if err != nil {
		return nil, false, err
	}
	if r.scope.mutates {
		out = copied(out)
	}
	return out, true, nil
}

func copied(v value.Value) value.Value {
	switch v := v.(type) {
	case *value.List:
		out := &value.List{Items: make([]value.Value, len(v.Items))}
		for i, item := range v.Items {
			out.Items[i] = copied(item)
		}
		return out
	case *value.Dict:
		out := value.NewDict()
		for k, item := range v.All() {
			out.Set(k, copied(item))
		}
		return out
	}
	return v
}

package template

import (
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

// headerMark begins a line that changes Jinja2's settings for one template.
const headerMark = "#jinja2:"

// header takes a "#jinja2: key:value, ..." line off a template's beginning.
func (e *Engine) header(text string) (*jinja.Environment, string, error) {
	if !strings.HasPrefix(text, headerMark) {
		return &e.environment, text, nil
	}
	line, rest, found := strings.Cut(text, "\n")
	if !found {
		rest = ""
	}
	env := e.environment
	for pair := range strings.SplitSeq(strings.TrimPrefix(line, headerMark), ",") {
		key, raw, ok := strings.Cut(pair, ":")
		if !ok {
			return nil, "", fmt.Errorf("failed to parse jinja2 override %q. Did you use something different from colon as key-value separator?", strings.TrimSpace(pair))
		}
		v, err := value.Literal(strings.TrimSpace(raw))
		if err != nil {
			return nil, "", fmt.Errorf("jinja2 override %s: %w", strings.TrimSpace(key), err)
		}
		if err := Override(&env, strings.TrimSpace(key), v); err != nil {
			return nil, "", err
		}
	}
	return &env, rest, nil
}

// Override changes one of Jinja2's settings by its Python name.
func Override(env *jinja.Environment, name string, v value.Value) error {
	switch name {
	case "trim_blocks":
		env.TrimBlocks = value.Truth(v)
	case "lstrip_blocks":
		env.LstripBlocks = value.Truth(v)
	case "keep_trailing_newline":
		env.KeepTrailingNewline = value.Truth(v)
	case "block_start_string":
		env.BlockStart = value.Str(v)
	case "block_end_string":
		env.BlockEnd = value.Str(v)
	case "variable_start_string":
		env.VariableStart = value.Str(v)
	case "variable_end_string":
		env.VariableEnd = value.Str(v)
	case "comment_start_string":
		env.CommentStart = value.Str(v)
	case "comment_end_string":
		env.CommentEnd = value.Str(v)
	case "line_statement_prefix":
		env.LineStatementPrefix = value.Str(v)
	case "line_comment_prefix":
		env.LineCommentPrefix = value.Str(v)
	case "newline_sequence":
		env.Newline = value.Str(v)
	default:
		return fmt.Errorf("jinja2 has no setting %q", name)
	}
	return nil
}

// File renders a template file's text, with settings over the engine's own.
func (e *Engine) File(r FileRequest) (string, error) {
	env := e.environment
	for k, v := range r.Settings.All() {
		if err := Override(&env, value.Str(k), v); err != nil {
			return "", err
		}
	}
	env.Load = r.Load
	own := Engine{Native: e.Native, Plugins: e.Plugins, Omit: e.Omit, environment: env}
	chosen, source, err := own.header(r.Text)
	if err != nil {
		return "", err
	}
	t, err := chosen.Parse(r.Name, source)
	if err != nil {
		return "", own.syntax(r.Text, err)
	}
	scope := *r.Scope
	scope.mutates = mutates(r.Text)
	pieces, err := t.Pieces(r.Context, &resolver{engine: e, ctx: r.Context, scope: &scope})
	text, _ := joined(pieces)
	return ended(text, r.Text, env.Newline), err
}

// ended gives a text back the line breaks that its template ended with: Jinja2
// takes the last one away, of included templates too.
func ended(text, source, newline string) string {
	breaks := func(s string) int { return len(s) - len(strings.TrimRight(s, "\n")) }
	if newline == "" {
		newline = "\n"
	}
	if missing := breaks(source) - breaks(text); missing > 0 {
		text += strings.Repeat(newline, missing)
	}
	return text
}

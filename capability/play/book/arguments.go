package book

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

// freeForm are the actions that take what stands behind their name as it is.
var freeForm = fully("command win_command shell win_shell script raw include include_vars include_tasks include_role "+
	"import_tasks import_role add_host group_by set_fact meta", "ansible.builtin.", "ansible.legacy.", "ansible.windows.")

// rawForm are those of them whose text is a command line: only their own options are taken out of it.
var rawForm = fully("command win_command shell win_shell script raw", "ansible.builtin.", "ansible.legacy.", "ansible.windows.")

var commandOptions = []string{"creates", "removes", "chdir", "executable", "warn", "stdin", "stdin_add_newline", "strip_empty_ends"}

func fully(names string, prefixes ...string) map[string]bool {
	out := map[string]bool{}
	for n := range strings.FieldsSeq(names) {
		out[n] = true
		for _, p := range prefixes {
			out[p+n] = true
		}
	}
	return out
}

// variableParams stands for text that is a template for all arguments.
const variableParams = "_variable_params"

// ParseArguments reads the text behind a module's name: key=value pairs, and for
// free-form actions the rest as _raw_params.
func ParseArguments(action, text string, at source.Position) (*value.Dict, error) {
	free := freeForm[action]
	words, err := SplitWords(text)
	if err != nil {
		return nil, wrong(at, "failed at splitting arguments, either an unbalanced jinja2 block or quotes: %s", text)
	}
	args := value.NewDict()
	var raw []string
	for _, word := range words {
		name, v, found := cutPair(decode(word))
		if found && (!rawForm[action] || slices.Contains(commandOptions, name)) {
			args.SetStr(name, unquote(strings.TrimSpace(unescape(v))))
			continue
		}
		raw = append(raw, word)
	}
	rest := strings.TrimSpace(joinWords(raw))
	if rest == "" {
		return args, nil
	}
	if !free && (strings.Contains(rest, "{{") || strings.Contains(rest, "{%")) {
		args.SetStr(variableParams, rest)
		return args, nil
	}
	if !free {
		return nil, wrong(at, "this task '%s' has extra params, which is only allowed in the following modules: %s", action, freeFormNames())
	}
	args.SetStr("_raw_params", rest)
	return args, nil
}

func freeFormNames() string {
	names := make([]string, 0, len(freeForm))
	for n := range freeForm {
		names = append(names, n)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

var escape = regexp.MustCompile(`\\(?:U[0-9a-fA-F]{8}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[\\'"abfnrtv])`)

// decode reads the escapes that key=value text may hold.
func decode(word string) string {
	if !strings.Contains(word, "\\") {
		return word
	}
	return escape.ReplaceAllStringFunc(word, func(e string) string {
		switch e[1] {
		case '\\', '\'', '"':
			return e[1:]
		}
		if text, err := strconv.Unquote("\"" + e + "\""); err == nil {
			return text
		}
		return e
	})
}

// cutPair splits key=value at the first "=" that no backslash stands before.
func cutPair(word string) (key, v string, found bool) {
	for i := 1; i < len(word); i++ {
		if word[i] == '=' && word[i-1] != '\\' {
			return word[:i], word[i+1:], true
		}
	}
	return "", "", false
}

func unescape(s string) string {
	return strings.ReplaceAll(s, `\=`, "=")
}

func unquote(s string) string {
	if len(s) > 1 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] && s[len(s)-2] != '\\' {
		return s[1 : len(s)-1]
	}
	return s
}

// joinWords puts words together with one blank, but not where a line ended.
func joinWords(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 && !strings.HasSuffix(words[i-1], "\n") {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

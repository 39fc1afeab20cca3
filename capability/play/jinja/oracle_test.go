package jinja

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"garboard.dev/garboard/capability/play/value"
)

// oracleCase is one template, for us and for Python's Jinja2.
type oracleCase struct {
	Source  string            `json:"source"`
	Vars    json.RawMessage   `json:"vars"`
	Files   map[string]string `json:"files,omitempty"`
	Options map[string]any    `json:"options,omitempty"`
	name    string
}

type oracleAnswer struct {
	Text    string `json:"text"`
	Kind    string `json:"kind"`
	Message string `json:"message"`
	Line    int    `json:"line"`
}

const oracleVars = `{"number": 42, "text": "foo bar", "list": [1, 2, 3], "dict": {"a": 1, "b": "x"}, "nested": {"a": {"b": [{"c": "deep"}]}}, "x": 1, "y": 2, "foo": null}`

// TestOracle compares with Python's Jinja2 (Debian's python3-jinja2).
func TestOracle(t *testing.T) {
	t.Parallel()
	cases := oracleCases(t)
	answers := askOracle(t, cases)
	equal := 0
	for i, c := range cases {
		got, want := render(t, c), answers[i]
		if got.Kind != want.Kind || got.Text != want.Text || got.Kind != "runtime" && got.Message != want.Message {
			t.Errorf("%s\n  source  %q\n  we say  %q %s %q\n  python  %q %s %q", c.name, c.Source, got.Text, got.Kind, got.Message, want.Text, want.Kind, want.Message)
			continue
		}
		equal++
	}
	t.Logf("%d of %d equal", equal, len(cases))
}

func oracleCases(t *testing.T) []oracleCase {
	t.Helper()
	var out []oracleCase
	text, err := os.ReadFile("testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) { // an expression a line
		line = strings.TrimSuffix(line, "\n")
		for name, options := range map[string]map[string]any{"lenient": nil, "strict": {"strict": true}} {
			out = append(out, oracleCase{Source: "{{ " + line + " }}", Vars: json.RawMessage(oracleVars), Options: options, name: name})
		}
	}
	native, err := os.ReadFile("testdata/native.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(native)) {
		source := strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\\n", "\n")
		out = append(out, oracleCase{Source: source, Vars: json.RawMessage(oracleVars), Options: map[string]any{"native": true}, name: "native"})
	}
	archives, err := os.ReadFile("testdata/templates.txtar")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, templateCases(t, txtar.Parse(archives))...)
}

// templateCases reads an archive: a file NAME is a template, NAME/x belongs to
// it under the name x, and a first line "#options {...}" changes settings.
func templateCases(t *testing.T, a *txtar.Archive) []oracleCase {
	t.Helper()
	files := map[string]map[string]string{}
	var out []oracleCase
	for _, f := range a.Files {
		if name, inner, ok := strings.Cut(f.Name, "/"); ok {
			if files[name] == nil {
				files[name] = map[string]string{}
			}
			files[name][inner] = string(f.Data)
		}
	}
	for _, f := range a.Files {
		if strings.Contains(f.Name, "/") {
			continue
		}
		c := oracleCase{Source: string(f.Data), Vars: json.RawMessage(oracleVars), Files: files[f.Name], name: f.Name}
		if rest, ok := strings.CutPrefix(c.Source, "#options "); ok {
			line, body, _ := strings.Cut(rest, "\n")
			if err := json.Unmarshal([]byte(line), &c.Options); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			c.Source = body
		}
		out = append(out, c)
	}
	return out
}

func askOracle(t *testing.T, cases []oracleCase) []oracleAnswer {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import jinja2").Run(); err != nil {
		t.Skipf("SKIPPED: no Python with Jinja2 to compare with (apt-get install python3-jinja2): %v", err)
	}
	var in bytes.Buffer
	for _, c := range cases {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.Command(python, "testdata/oracle.py")
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	said, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var out []oracleAnswer
	for lines := bufio.NewScanner(bytes.NewReader(said)); lines.Scan(); {
		var a oracleAnswer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatal(err)
		}
		a.Text = addresses.ReplaceAllString(a.Text, " at 0x0>")
		out = append(out, a)
	}
	if len(out) != len(cases) {
		t.Fatalf("Python answered %d of %d", len(out), len(cases))
	}
	return out
}

var addresses = regexp.MustCompile(` at 0x[0-9a-f]+>`)

// dictVars are variables from a dictionary.
type dictVars struct{ *value.Dict }

func (d dictVars) Resolve(name string) (value.Value, bool, error) {
	v, ok := d.Str(name)
	return v, ok, nil
}

func render(t *testing.T, c oracleCase) oracleAnswer {
	t.Helper()
	vars, err := value.FromJSON(c.Vars)
	if err != nil {
		t.Fatal(err)
	}
	env := &Environment{Extensions: []string{"do", "loopcontrols"}}
	env.Strict, _ = c.Options["strict"].(bool)
	env.Chainable, _ = c.Options["chainable"].(bool)
	env.TrimBlocks, _ = c.Options["trim_blocks"].(bool)
	env.LstripBlocks, _ = c.Options["lstrip_blocks"].(bool)
	env.KeepTrailingNewline, _ = c.Options["keep_trailing_newline"].(bool)
	env.LineStatementPrefix, _ = c.Options["line_statement_prefix"].(string)
	env.LineCommentPrefix, _ = c.Options["line_comment_prefix"].(string)
	env.VariableStart, _ = c.Options["variable_start_string"].(string)
	env.VariableEnd, _ = c.Options["variable_end_string"].(string)
	env.BlockStart, _ = c.Options["block_start_string"].(string)
	env.BlockEnd, _ = c.Options["block_end_string"].(string)
	env.Load = func(name string) (string, string, error) {
		text, ok := c.Files[name]
		if !ok {
			return "", "", errors.New("no such template")
		}
		return text, name, nil
	}
	template, err := env.Parse("<template>", c.Source)
	text := ""
	if native, _ := c.Options["native"].(bool); native && err == nil {
		var v value.Value
		v, err = template.Native(context.Background(), dictVars{vars.(*value.Dict)})
		text = value.Repr(v)
	} else if err == nil {
		text, err = template.Render(context.Background(), dictVars{vars.(*value.Dict)})
	}
	if err != nil {
		return failed(err)
	}
	return oracleAnswer{Text: addresses.ReplaceAllString(text, " at 0x0>")}
}

func failed(err error) oracleAnswer {
	var e *Error
	if !errors.As(err, &e) {
		return oracleAnswer{Kind: "runtime", Message: err.Error()}
	}
	kind := map[Kind]string{Syntax: "syntax", Undefined: "undefined"}[e.Kind]
	if kind == "" {
		kind = "runtime"
	}
	return oracleAnswer{Kind: kind, Message: e.Message, Line: e.Line}
}

package book

import (
	"slices"
	"testing"

	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

func TestSplitWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                           nil,
		"a=b c":                      {"a=b", "c"},
		`msg="two words" x`:          {`msg="two words"`, "x"},
		"a={{ b c }} d":              {"a={{ b c }}", "d"},
		"echo one\\\ntwo":            {"echo", "one\\\n", "two"},
		"{% if a %}b c{% endif %} d": {"{% if a %}b", "c{% endif %}", "d"},
		`it\'s one`:                  {`it\'s`, "one"},
	} {
		if got, err := SplitWords(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{`a="b`, "a={{ b", "'"} {
		if got, err := SplitWords(text); err == nil {
			t.Errorf("%q gives %q", text, got)
		}
	}
}

func TestParseArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ action, text, want string }{
		{"ansible.builtin.file", `path=/a mode="0644" state=touch`, "{'path': '/a', 'mode': '0644', 'state': 'touch'}"},
		{"ansible.builtin.command", "echo a=b chdir=/tmp", "{'chdir': '/tmp', '_raw_params': 'echo a=b'}"},
		{"ansible.builtin.debug", `msg="one\ttwo"`, `{'msg': 'one\ttwo'}`},
		{"ansible.builtin.debug", "{{ all }}", "{'_variable_params': '{{ all }}'}"},
		{"ansible.builtin.set_fact", "a=1 b='{{ c d }}'", "{'a': '1', 'b': '{{ c d }}'}"},
	} {
		got, err := ParseArguments(c.action, c.text, source.Position{})
		if err != nil || value.Repr(got) != c.want {
			t.Errorf("%s %s: %s, %v; want %s", c.action, c.text, value.Repr(got), err, c.want)
		}
	}
	if _, err := ParseArguments("ansible.builtin.file", "path=/a stray", source.Position{}); err == nil {
		t.Error("a stray word is taken")
	}
}

func FuzzSplitWords(f *testing.F) {
	for _, s := range []string{"a=b c", `"x y" z`, "{{ a }}b", "\\", "'{{"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = ParseArguments("ansible.builtin.command", text, source.Position{}) // must end, and not panic
	})
}

func TestTags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		only, skip, tags []string
		want             bool
	}{
		{[]string{"all"}, nil, nil, true}, {[]string{"all"}, nil, []string{"never"}, false}, {[]string{"a"}, nil, []string{"a", "never"}, true},
		{[]string{"a"}, nil, []string{"b"}, false}, {[]string{"a"}, nil, []string{"always"}, true}, {[]string{"tagged"}, nil, nil, false},
		{[]string{"untagged"}, nil, nil, true}, {[]string{"all"}, []string{"a"}, []string{"a"}, false}, {[]string{"all"}, []string{"all"}, []string{"always"}, true},
		{[]string{"all"}, []string{"tagged"}, []string{"x"}, false}, {[]string{"all"}, []string{"always"}, []string{"always"}, false},
	} {
		if got := (Choice{c.only, c.skip}).Takes(c.tags); got != c.want {
			t.Errorf("--tags %v --skip-tags %v with %v: %v", c.only, c.skip, c.tags, got)
		}
	}
}

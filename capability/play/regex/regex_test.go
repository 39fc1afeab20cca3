package regex_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"garboard.dev/garboard/capability/play/regex"
)

// case_ is one re.subn and what it gives.
type case_ struct {
	Pattern, Template, Text string
	Flags                   int // Python's
	Want                    string
	Count                   int
	Bad                     bool
}

var cases = []case_{
	{`a`, `b`, `aXa`, 0, `bXb`, 2, false},
	{`(\w+) (\w+)`, `\2 \1`, `ab cd`, 0, `cd ab`, 1, false},
	{`(?P<k>\w+)=(\w+)`, `\g<2>:\g<k>:\1`, `a=b`, 0, `b:a:a`, 1, false},
	{`(x)(?P<n>y)(z)`, `\3\2\1`, `xyz`, 0, `zyx`, 1, false},
	{`(?P<q>['"]).*?(?P=q)`, `S`, `a"b"c'd'`, 0, `aScS`, 2, false},
	{`x*`, `-`, `abxd`, 0, `-a-b--d-`, 5, false},
	{`^`, `> `, "a\nb\n", 8, "> a\n> b\n> ", 3, false},
	{`^(.)$`, `\1\1`, "a\nb", 8, "aa\nbb", 2, false},
	{`a.b`, `_`, "a\nb", 0, "a\nb", 0, false},
	{`a.b`, `_`, "a\nb", 16, "_", 1, false},
	{`(?s)a.b`, `_`, "a\nb", 0, "_", 1, false},
	{`(?i)A`, `_`, "aA", 0, "__", 2, false},
	{`b\Z`, `_`, "ab\nb", 0, "ab\n_", 1, false},
	{`b$`, `_`, "b\n", 0, "_\n", 1, false},
	{`[\w.-]+`, `_`, "a-b.c d", 0, "_ _", 2, false},
	{`[^]a]`, `_`, "a]b", 0, "a]_", 1, false},
	{`[a-z-[x]]`, `_`, "x]", 0, "_", 1, false},
	{`[]-a]+`, `_`, "^]a", 0, "_", 1, false},
	{`a{,2}b`, `_`, "aab ab b", 0, "_ _ _", 3, false},
	{`(a)|(b)`, `[\1\2]`, "ab", 0, "[a][b]", 2, false},
	{`(?<=a)b(?!c)`, `_`, "abc ab", 0, "abc a_", 1, false},
	{`(a)?b(?(1)c|d)`, `_`, "abc bd ac", 0, "_ _ ac", 2, false},
	{`a\_b\/c\-`, `_`, "a_b/c-", 0, "_", 1, false},
	{`(?x) a b # c
	  \ d`, `_`, "ab d", 0, "_", 1, false},
	{`é\w`, `_`, "éü", 0, "_", 1, false},
	{`(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)`, `\11\10`, "abcdefghijk", 0, "kj", 1, false},
	{`a`, `\n\t\\\101\0`, "a", 0, "\n\t\\A\x00", 1, false},
	{`a`, `\.\-`, "a", 0, `\.\-`, 1, false},
	{`a`, `\q`, "a", 0, "", 0, true},
	{`a`, `\1`, "a", 0, "", 0, true},
	{`a`, `\g<x>`, "a", 0, "", 0, true},
	{`(a`, ``, "a", 0, "", 0, true},
	{`[a`, ``, "a", 0, "", 0, true},
	{`a\`, ``, "a", 0, "", 0, true},
	{`\1`, ``, "a", 0, "", 0, true},
	{`*`, ``, "a", 0, "", 0, true},
	{`\x41\u0042\103`, `_`, "ABC", 0, "_", 1, false},
	{`(?:a|b)+?c`, `_`, "abc", 0, "_", 1, false},
	{`(?i:A)B`, `_`, "aB ab", 0, "_ ab", 1, false},
	{`a(?#note)b`, `_`, "ab", 0, "_", 1, false},
	{`#?\s*key = (.*)`, `key=\1`, "# key = v w", 0, "key=v w", 1, false},
}

func flagsOf(python int) regex.Flags {
	var f regex.Flags
	for bit, flag := range map[int]regex.Flags{2: regex.IgnoreCase, 8: regex.MultiLine, 16: regex.DotAll, 64: regex.Verbose} {
		if python&bit != 0 {
			f |= flag
		}
	}
	return f
}

func TestSub(t *testing.T) {
	t.Parallel()
	for _, c := range cases {
		got, n := "", 0
		r, err := regex.Compile(c.Pattern, flagsOf(c.Flags))
		if err == nil {
			got, n, err = r.Sub(c.Template, c.Text, 0)
		}
		if (err != nil) != c.Bad || err == nil && (got != c.Want || n != c.Count) {
			t.Errorf("%q by %q in %q gives %q, %d, %v, want %q, %d", c.Pattern, c.Template, c.Text, got, n, err, c.Want, c.Count)
		}
	}
}

// TestPython holds the expectations above against Python itself.
func TestPython(t *testing.T) {
	t.Parallel()
	const script = `
import json, re, sys
for c in json.load(sys.stdin):
    try:
        got, n = re.subn(c["Pattern"], c["Template"], c["Text"], flags=c["Flags"])
        ok = not c["Bad"] and (got, n) == (c["Want"], c["Count"])
    except (re.error, IndexError) as e:
        got, n, ok = str(e), 0, c["Bad"]
    if not ok:
        print(c["Pattern"], repr(got), n)
`
	if exec.Command("python3", "-c", "import sys; sys.exit(sys.version_info < (3, 7))").Run() != nil {
		t.Skip("SKIPPED: there is no python3 here to compare with")
	}
	data, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", script)
	cmd.Stdin = strings.NewReader(string(data))
	out, err := cmd.CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("Python says %s, %v", out, err)
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	r, err := regex.Compile("\xc3.(\\W)", regex.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	got, n, err := r.Sub(`<\1>`, "a\xc3\xa9\xff\xfe", 0)
	if err != nil || n != 1 || got != "a<\xff>\xfe" {
		t.Errorf("got %q, %d, %v", got, n, err)
	}
	m, err := r.Search("\xff\xc3\xa9-")
	if err != nil || m == nil {
		t.Fatalf("no match: %v", err)
	}
	if start, end, ok := m.Span(1); start != 3 || end != 4 || !ok {
		t.Errorf("the group spans %d to %d, %v", start, end, ok)
	}
}

// FuzzRegex holds that replacing every match by itself changes nothing.
func FuzzRegex(f *testing.F) {
	for _, c := range cases {
		f.Add(c.Pattern, c.Text)
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 20 || len(text) > 20 {
			return
		}
		r, err := regex.Compile(pattern, 0)
		if err != nil {
			return
		}
		got, _, err := r.Sub(`\g<0>`, text, 0)
		if err != nil || got != text {
			t.Errorf("%q changes %q to %q, %v", pattern, text, got, err)
		}
	})
}

// FuzzExpand holds that text without escapes stands for itself, and that
// nothing else than an error or text comes of the rest.
func FuzzExpand(f *testing.F) {
	for _, c := range cases {
		f.Add(c.Template)
	}
	f.Fuzz(func(t *testing.T, template string) {
		r, err := regex.Compile(`(?P<a>x)(y)?`, 0)
		if err != nil {
			t.Fatal(err)
		}
		m, err := r.Search("x")
		if m == nil || err != nil {
			t.Fatalf("no match: %v", err)
		}
		got, err := m.Expand(template)
		if !strings.Contains(template, `\`) && (err != nil || got != template) {
			t.Errorf("%q became %q, %v", template, got, err)
		}
	})
}

package jinja

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"garboard.dev/garboard/capability/play/value"
)

func ExampleEnvironment_Parse() {
	env := &Environment{TrimBlocks: true, Strict: true}
	t, err := env.Parse("hosts", "{% for name, address in hosts.items() %}\n{{ address }} {{ name | lower }}\n{% endfor %}")
	if err != nil {
		fmt.Println(err)
		return
	}
	hosts := value.DictOf("WEB", "10.0.0.1", "DB", "10.0.0.2")
	text, err := t.Render(context.Background(), dictVars{value.DictOf("hosts", hosts)})
	fmt.Print(text, err)
	// Output:
	// 10.0.0.1 web
	// 10.0.0.2 db
	// <nil>
}

func ExampleEnvironment_Expression() {
	env := &Environment{}
	x, err := env.Expression("(ports | select('odd') | list)[0] + 1")
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := x.Eval(context.Background(), dictVars{value.DictOf("ports", value.NewList(int64(80), int64(443)))})
	fmt.Println(v, err)
	// Output: 444 <nil>
}

// The value of a template that is one expression is the value itself.
func TestNative(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"{{ [1, 2] }}": "[1, 2]", "{{ 1 }}": "1", "{{ '1' }}": "1", "{{ 'a' }}": "'a'", "a{{ 1 }}": "'a1'", "{{ 1 }}{{ 2 }}": "12",
		"": "None", "[{{ 1 }}]": "[1]", "{{ none }}": "None", "{{ {'a': 1} }}": "{'a': 1}",
	} {
		tpl, err := (&Environment{}).Parse("t", source)
		if err != nil {
			t.Fatal(err)
		}
		v, err := tpl.Native(t.Context(), dictVars{value.NewDict()})
		if got := value.Repr(v); err != nil || got != want {
			t.Errorf("%q gives %s (%v), want %s", source, got, err, want)
		}
	}
}

// What would run without end, or take all memory, ends with an error.
func TestLimits(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000)
	for name, source := range map[string]string{
		"a long range":       "{{ range(1000000000) | list }}",
		"long text":          "{{ 'a' * 1000000000000 }}",
		"a long list":        "{{ [1] * 1000000000000 }}",
		"a large number":     "{{ 10 ** (10 ** 10) }}",
		"a large product":    "{{ (2 ** 1000000) * (2 ** 1000000) }}",
		"endless macros":     "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
		"a wide field":       "{{ '%1000000000d' % 1 }}",
		"a wide brace":       "{{ '{:1000000000}'.format(1) }}",
		"deep parentheses":   "{{ " + deep + " }}",
		"deep unary":         "{{ " + strings.Repeat("-", 100000) + "1 }}",
		"deep tags":          strings.Repeat("{% if 1 %}", 10000),
		"doubling text":      "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(100) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
		"doubling by plus":   "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
		"an endless include": "{% include 'self' %}",
	} {
		env := &Environment{Load: func(string) (string, string, error) { return source, "self", nil }}
		tpl, err := env.Parse("t", source)
		if err == nil {
			_, err = tpl.Render(t.Context(), dictVars{value.NewDict()})
		}
		if err == nil {
			t.Errorf("%s is no error", name)
		}
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	tpl, err := (&Environment{}).Parse("t", "{% for i in range(10000) %}{% for j in range(10000) %}{{ i * j }}{% endfor %}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := tpl.Render(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after its time the template ends with %v", err)
	}
}

// Names that Python keeps for itself cannot be reached.
func TestUnsafeAttributes(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"{{ ''.__class__ }}", "{{ [].__class__.__mro__ }}", "{{ '{0.__class__}'.format(1) }}", "{{ ''|attr('__class__') }}"} {
		tpl, err := (&Environment{Strict: true}).Parse("t", source)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := tpl.Render(t.Context(), nil); err == nil {
			t.Errorf("%s gives %q", source, text)
		}
	}
}

// One template may be rendered many times at once.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	tpl, err := (&Environment{}).Parse("t", "{% macro f(a) %}{{ a }}{% endmacro %}{% for i in range(50) %}{{ f(i) }}{{ n }}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	for n := range int64(8) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			text, err := tpl.Render(t.Context(), dictVars{value.DictOf("n", n)})
			if err != nil || !strings.HasPrefix(text, fmt.Sprintf("0%d1%d", n, n)) {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{{ a }}", "{% for i in a %}{{ i }}{% endfor %}", "{% macro f(a, b=1) %}{% endmacro %}{{ f(1) }}", "{#", "{% raw %}{{", "{{ 'a' | indent(3) }}", "{{ a[1:2] }}", "{%- set x = 1 -%}", "{{ '%s' % a }}"} {
		f.Add(s)
	}
	env := &Environment{Extensions: []string{"do", "loopcontrols"}, Limits: Limits{Steps: 20_000, Output: 1 << 20}}
	f.Fuzz(func(t *testing.T, source string) {
		tpl, err := env.Parse("fuzz", source)
		if err != nil {
			return
		}
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
		defer stop()
		_, _ = tpl.Render(ctx, dictVars{value.DictOf("a", value.NewList(int64(1), "b"))}) // must end, and not panic
	})
}

func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"[1, 'a', {'b': None}]", "(1,)", "-1.5e3", "b'x'", "'\\u00e9'", "{1, 2}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := value.Literal(text)
		if err != nil || !utf8.ValidString(text) {
			return
		}
		again, err := value.Literal(value.Repr(v))
		if err != nil {
			t.Skip() // infinite numbers have no literal
		}
		if value.Repr(again) != value.Repr(v) {
			t.Errorf("%q reads as %s and then as %s", text, value.Repr(v), value.Repr(again))
		}
	})
}

// BenchmarkRender renders the templates that bench/jinja compares with Python's Jinja2.
func BenchmarkRender(b *testing.B) {
	data, err := os.ReadFile("testdata/benchmarks.json")
	if err != nil {
		b.Fatal(err)
	}
	v, err := value.FromJSON(data)
	if err != nil {
		b.Fatal(err)
	}
	vars, _ := v.(*value.Dict).Str("vars")
	templates, _ := v.(*value.Dict).Str("templates")
	for name, source := range templates.(*value.Dict).All() {
		tpl, err := (&Environment{}).Parse("t", value.Str(source))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(value.Str(name), func(b *testing.B) {
			for b.Loop() {
				if _, err := tpl.Render(b.Context(), dictVars{vars.(*value.Dict)}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A template that is twice as long takes about twice as long: reading and
// rendering grow with the size and not with its square.
func TestGrowth(t *testing.T) {
	t.Parallel()
	piece := "{% if a %}{{ a | upper }}{% endif %}{# c #} text\n{% set b = [a] + [a] %}{% for i in b %}{{ i }}{% endfor %}"
	took := func(n int) time.Duration {
		source, least := strings.Repeat(piece, n), time.Hour
		for range 3 {
			start := time.Now()
			tpl, err := (&Environment{}).Parse("t", source)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tpl.Render(t.Context(), dictVars{value.DictOf("a", "x")}); err != nil {
				t.Fatal(err)
			}
			least = min(least, time.Since(start))
		}
		return least
	}
	small, large := took(500), took(8000)
	if large > 80*small { // 16 times the size; the square would be 256
		t.Errorf("500 pieces take %v, 8000 take %v", small, large)
	}
}

package value

import (
	"math/big"
	"strings"
	"testing"
)

func TestDictKeepsOrder(t *testing.T) {
	t.Parallel()
	d := NewDict()
	for i := range int64(100) {
		d.Set(i, i*i)
	}
	for i := int64(0); i < 100; i += 2 {
		if !d.Delete(i) {
			t.Fatalf("%d was not there", i)
		}
	}
	d.Set("last", true)
	if d.Len() != 51 || Repr(d.Keys()[0]) != "1" || Repr(d.Keys()[50]) != "'last'" {
		t.Errorf("%d keys: %v", d.Len(), d.Keys())
	}
	if v, ok := d.Get(int64(99)); !ok || v != int64(9801) {
		t.Errorf("99 has %v, %v", v, ok)
	}
	if _, ok := d.Get(int64(98)); ok {
		t.Error("98 was deleted and is there")
	}
}

// One key has many forms, as in Python.
func TestKeys(t *testing.T) {
	t.Parallel()
	d := DictOf(int64(1), "one", "a", "text")
	for _, k := range []Value{true, 1.0, int64(1)} {
		if v, ok := d.Get(k); !ok || v != "one" {
			t.Errorf("%s has %v", Repr(k), v)
		}
	}
	if v, _ := d.Get(Unsafe("a")); v != "text" {
		t.Errorf("unsafe text is another key: %v", v)
	}
	for _, v := range []Value{NewList(), NewDict(), NewTuple(NewList())} {
		if Hashable(v) {
			t.Errorf("%s can be a key", Repr(v))
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	v := DictOf("b", NewList(int64(1), 1.0, nil, true, "é\"\n\x01"), "a", NewDict(), int64(2), NewTuple())
	for want, o := range map[string]JSONOptions{
		`{"b": [1, 1.0, null, true, "é\"\n\u0001"], "a": {}, "2": []}`:                                                       {},
		`{"b": [1, 1.0, null, true, "\u00e9\"\n\u0001"], "a": {}, "2": []}`:                                                  {ASCII: true},
		"{\n  \"b\": [\n    1,\n    1.0,\n    null,\n    true,\n    \"é\\\"\\n\\u0001\"\n  ],\n  \"a\": {},\n  \"2\": []\n}": {Indent: 2},
	} {
		got, err := JSON(v, o)
		if err != nil || string(got) != want {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
	if _, err := JSON(NewList(&Undefined{Hint: "'x' is undefined"}), JSONOptions{}); err == nil {
		t.Error("an undefined value has JSON")
	}
}

func TestFromJSON(t *testing.T) {
	t.Parallel()
	v, err := FromJSON([]byte(`{"z": 1, "a": [1.0, 12345678901234567890, null, "x"], "e": 1e3}`))
	if want := "{'z': 1, 'a': [1.0, 12345678901234567890, None, 'x'], 'e': 1000.0}"; err != nil || Repr(v) != want {
		t.Errorf("%s (%v), want %s", Repr(v), err, want)
	}
	for _, bad := range []string{"", "{", "[1,]", "{} {}", strings.Repeat("[", 100_000)} {
		if v, err := FromJSON([]byte(bad)); err == nil {
			t.Errorf("%.20q is %s", bad, Repr(v))
		}
	}
}

func TestGoAndBack(t *testing.T) {
	t.Parallel()
	large, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	in := DictOf("a", NewList(int64(1), Unsafe("u"), large), "b", DictOf("c", 1.5))
	if got := Repr(FromGo(ToGo(in))); got != Repr(in) {
		t.Errorf("%s came back as %s", Repr(in), got)
	}
	if v, _ := MarkUnsafe(in).(*Dict).Str("b"); Repr(v) != "{'c': 1.5}" {
		t.Errorf("marking changed %s", Repr(v))
	}
}

func TestLiteralRefuses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "foo", "[1", "{1: }", "'a", "1 2", "010", "f()", "[1 2]", "{'a' 1}", strings.Repeat("[", 10_000), "--1x"} {
		if v, err := Literal(bad); err == nil {
			t.Errorf("%.20q is %s", bad, Repr(v))
		}
	}
}

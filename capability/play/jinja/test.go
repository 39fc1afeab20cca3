package jinja

import (
	"math/big"
	"strings"
	"unicode"

	"garboard.dev/garboard/capability/play/value"
)

// test finds a test: the environment's own first.
func (e *Environment) test(name string) (Callable, bool) {
	if e.Test != nil {
		if t, ok := e.Test(name); ok {
			return t, true
		}
	}
	return Tests(name)
}

var operatorTests = map[string]string{
	"==": "==", "eq": "==", "equalto": "==", "!=": "!=", "ne": "!=", "<": "<", "lt": "<", "lessthan": "<", "<=": "<=", "le": "<=",
	">": ">", "gt": ">", "greaterthan": ">", ">=": ">=", "ge": ">=", "in": "in",
}

// Tests finds one of Jinja2's own tests.
func Tests(name string) (Callable, bool) {
	if op, ok := operatorTests[name]; ok {
		return func(c *Call) (value.Value, error) {
			a := c.Arguments()
			left, right := a.Need("a"), a.Need("b")
			if a.Err != nil {
				return nil, a.Err
			}
			f := c.frame
			if f == nil {
				f = newFrame(c.Context, c.Environment, c.Vars, "")
			}
			yes, err := f.compare(op, left, right)
			return yes, err
		}, true
	}
	if is, ok := kindTest(name); ok {
		return func(c *Call) (value.Value, error) {
			v, err := value.Force(c.Args[0])
			if u, ok := v.(*value.Undefined); ok && c.Environment.Strict {
				switch name {
				case "iterable":
					return nil, &value.UndefinedError{Message: u.Hint}
				case "sequence":
					return false, nil
				}
			}
			return err == nil && is(v), err
		}, true
	}
	return otherTest(name)
}

// kindTest finds a test of a value's kind.
func kindTest(name string) (func(v value.Value) bool, bool) {
	kind := func(names ...string) (func(v value.Value) bool, bool) {
		return func(v value.Value) bool {
			t := value.TypeName(v)
			for _, n := range names {
				if t == n {
					return true
				}
			}
			return false
		}, true
	}
	switch name {
	case "defined":
		return func(v value.Value) bool { _, undefined := v.(*value.Undefined); return !undefined }, true
	case "undefined":
		return func(v value.Value) bool { _, undefined := v.(*value.Undefined); return undefined }, true
	case "none":
		return func(v value.Value) bool { return v == nil }, true
	case "boolean":
		return kind("bool")
	case "false":
		return func(v value.Value) bool { return v == false }, true
	case "true":
		return func(v value.Value) bool { return v == true }, true
	case "integer":
		return kind("int")
	case "float":
		return kind("float")
	case "number":
		return kind("int", "float", "bool")
	case "string":
		return kind("str", "Markup")
	case "mapping":
		return kind("dict")
	case "sequence":
		return sequence, true
	case "iterable":
		return iterable, true
	case "callable":
		return func(v value.Value) bool {
			switch v.(type) {
			case *value.Func, *frameFunc:
				return true
			}
			return false
		}, true
	case "escaped":
		return kind("Markup")
	}
	return nil, false
}

// sequence says whether v has a length and items by number.
func sequence(v value.Value) bool {
	switch v.(type) {
	case *value.Dict, value.Mapping, *value.Undefined:
		return true
	}
	_, err := value.Slice(v, nil, nil, nil)
	return err == nil
}

func iterable(v value.Value) bool {
	switch v.(type) {
	case *value.List, *value.Tuple, *value.Dict, *value.Range, *value.Iterator, value.Bytes, value.Mapping, *value.Undefined:
		return true
	}
	_, ok := value.Text(v)
	return ok
}

func otherTest(name string) (Callable, bool) {
	switch name {
	case "odd", "even", "divisibleby":
		return func(c *Call) (value.Value, error) { return divisible(c, name) }, true
	case "lower", "upper":
		wrong := unicode.IsUpper
		if name == "upper" {
			wrong = unicode.IsLower
		}
		return func(c *Call) (value.Value, error) {
			s := value.Str(c.Args[0])
			return strings.ContainsFunc(s, unicode.IsLetter) && !strings.ContainsFunc(s, wrong), nil
		}, true
	case "sameas":
		return func(c *Call) (value.Value, error) {
			a := c.Arguments()
			x, y := a.Need("value"), a.Need("other")
			return same(x, y), a.Err
		}, true
	case "filter":
		return func(c *Call) (value.Value, error) {
			_, ok := c.Environment.filter(value.Str(c.Args[0]))
			return ok, nil
		}, true
	case "test":
		return func(c *Call) (value.Value, error) { _, ok := c.Environment.test(value.Str(c.Args[0])); return ok, nil }, true
	}
	return nil, false
}

func same(x, y value.Value) bool {
	switch x.(type) {
	case nil, bool, int64, string, float64, *value.List, *value.Dict, *value.Tuple:
		return value.TypeName(x) == value.TypeName(y) && value.Hashable(x) && value.Equal(x, y) || x == nil && y == nil || pointer(x, y)
	}
	return false
}

func pointer(x, y value.Value) bool {
	switch a := x.(type) {
	case *value.List:
		b, ok := y.(*value.List)
		return ok && a == b
	case *value.Dict:
		b, ok := y.(*value.Dict)
		return ok && a == b
	}
	return false
}

func divisible(c *Call, name string) (value.Value, error) {
	a := c.Arguments()
	v := a.Need("value")
	by, want := big.NewInt(2), int64(0)
	switch name {
	case "odd":
		want = 1
	case "divisibleby":
		n, ok := value.Integer(a.Need("num"))
		if !ok || a.Err != nil {
			return nil, &value.TypeError{Message: "divisibleby needs a number"}
		}
		by = n
	}
	if u, ok := v.(*value.Undefined); ok {
		return nil, &value.UndefinedError{Message: u.Hint}
	}
	i, ok := value.Integer(v)
	if f, isFloat := v.(float64); isFloat {
		r, err := arithmetic("%", f, value.Int(by))
		return err == nil && value.Equal(r, want), err
	}
	if !ok {
		return nil, &value.TypeError{Message: "not all arguments converted during string formatting"}
	}
	if by.Sign() == 0 {
		return nil, zero("%", false)
	}
	r := new(big.Int).Sub(i, new(big.Int).Mul(floorDivision(i, by), by))
	return r.Cmp(big.NewInt(want)) == 0, nil
}

package jinja

import (
	"fmt"
	"math"
	"math/big"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// Bounds of what arithmetic may make.
const (
	maxText  = 64 << 20
	maxItems = 10_000_000
	maxBits  = 1 << 20
)

// arithmetic is a binary operator on two values, as Python has it.
func arithmetic(op string, a, b value.Value) (value.Value, error) {
	x, okX := a.(int64)
	y, okY := b.(int64)
	if okX && okY {
		if v, done := small(op, x, y); done {
			return v, nil
		}
	}
	a, err := value.Force(a)
	if err != nil {
		return nil, err
	}
	if b, err = value.Force(b); err != nil {
		return nil, err
	}
	if v, ok, err := sequences(op, a, b); ok {
		return v, err
	}
	i, aInt := value.Integer(a)
	j, bInt := value.Integer(b)
	if aInt && bInt {
		return integers(op, i, j)
	}
	f, okF := value.Float(a)
	g, okG := value.Float(b)
	if okF && okG {
		return floats(op, f, g)
	}
	return nil, unsupported(op, a, b)
}

// small is the operator on integers whose result fits; done is false where it may not.
func small(op string, x, y int64) (v value.Value, done bool) {
	const half = 1 << 31
	switch op {
	case "+":
		sum := x + y
		return sum, (sum > x) == (y > 0)
	case "-":
		difference := x - y
		return difference, (difference < x) == (y > 0)
	case "*":
		return x * y, x > -half && x < half && y > -half && y < half
	}
	return nil, false
}

func unsupported(op string, a, b value.Value) error {
	if op == "+" {
		for _, kind := range []string{"str", "list", "tuple"} {
			if value.TypeName(a) == kind {
				return &value.TypeError{Message: fmt.Sprintf("can only concatenate %s (not %q) to %s", kind, value.TypeName(b), kind)}
			}
		}
	}
	if op == "*" {
		switch a.(type) {
		case string, value.Unsafe, value.Markup, *value.List, *value.Tuple:
			return &value.TypeError{Message: fmt.Sprintf("can't multiply sequence by non-int of type '%s'", value.TypeName(b))}
		}
	}
	if op == "**" {
		op = "** or pow()"
	}
	return &value.TypeError{Message: fmt.Sprintf("unsupported operand type(s) for %s: '%s' and '%s'", op, value.TypeName(a), value.TypeName(b))}
}

// sequences handles text, lists and tuples; ok is false where a and b are none.
func sequences(op string, a, b value.Value) (v value.Value, ok bool, err error) {
	s, isText := value.Text(a)
	switch op {
	case "%":
		if isText {
			out, err := formatted(a, s, b)
			return out, true, err
		}
	case "+":
		t, isTextToo := value.Text(b)
		if isText && isTextToo {
			if len(s)+len(t) > maxText {
				return nil, true, &Error{Kind: Limit, Message: "the text gets too long"}
			}
			return added(a, b, s, t), true, nil
		}
		return joined(a, b)
	case "*":
		if n, isInt := value.Integer(b); isInt {
			return repeated(a, n)
		}
		if n, isInt := value.Integer(a); isInt {
			return repeated(b, n)
		}
	}
	return nil, false, nil
}

// marked gives text the mark of what it was made of: unsafe if a part was.
func marked(a, b value.Value, text string) value.Value {
	_, unsafeA := a.(value.Unsafe)
	_, unsafeB := b.(value.Unsafe)
	_, markupA := a.(value.Markup)
	_, markupB := b.(value.Markup)
	switch {
	case unsafeA || unsafeB:
		return value.Unsafe(text)
	case markupA && markupB:
		return value.Markup(text)
	}
	return text
}

// added is marked for a + b: what is added to markup is escaped.
func added(a, b value.Value, s, t string) value.Value {
	_, markupA := a.(value.Markup)
	_, markupB := b.(value.Markup)
	switch {
	case markupA && !markupB:
		return value.Markup(s + Escape(t))
	case markupB && !markupA:
		return value.Markup(Escape(s) + t)
	}
	return marked(a, b, s+t)
}

func joined(a, b value.Value) (value.Value, bool, error) {
	switch x := a.(type) {
	case *value.List:
		if y, ok := b.(*value.List); ok {
			if len(x.Items)+len(y.Items) > maxItems {
				return nil, true, &Error{Kind: Limit, Message: "the list gets too long"}
			}
			return value.NewList(append(append(make([]value.Value, 0, len(x.Items)+len(y.Items)), x.Items...), y.Items...)...), true, nil
		}
	case *value.Tuple:
		if y, ok := b.(*value.Tuple); ok {
			return value.NewTuple(append(append([]value.Value{}, x.Items...), y.Items...)...), true, nil
		}
	}
	return nil, false, nil
}

func repeated(v value.Value, times *big.Int) (value.Value, bool, error) {
	n := 0
	if times.Sign() > 0 {
		if !times.IsInt64() || times.Int64() > maxText {
			return nil, true, &Error{Kind: Limit, Message: "it is repeated too often"}
		}
		n = int(times.Int64())
	}
	if text, ok := value.Text(v); ok {
		if len(text)*n > maxText {
			return nil, true, &Error{Kind: Limit, Message: "the text gets too long"}
		}
		return marked(v, nil, strings.Repeat(text, n)), true, nil
	}
	items, tuple := []value.Value(nil), false
	switch s := v.(type) {
	case *value.List:
		items = s.Items
	case *value.Tuple:
		items, tuple = s.Items, true
	default:
		return nil, false, nil
	}
	if len(items)*n > maxItems {
		return nil, true, &Error{Kind: Limit, Message: "the list gets too long"}
	}
	out := make([]value.Value, 0, len(items)*n)
	for range n {
		out = append(out, items...)
	}
	if tuple {
		return value.NewTuple(out...), true, nil
	}
	return value.NewList(out...), true, nil
}

func integers(op string, x, y *big.Int) (value.Value, error) {
	out := new(big.Int)
	switch op {
	case "+":
		return value.Int(out.Add(x, y)), nil
	case "-":
		return value.Int(out.Sub(x, y)), nil
	case "*":
		if x.BitLen()+y.BitLen() > maxBits {
			return nil, &Error{Kind: Limit, Message: "the number gets too large"}
		}
		return value.Int(out.Mul(x, y)), nil
	case "**":
		return power(x, y)
	}
	if y.Sign() == 0 {
		return nil, zero(op, false)
	}
	switch op {
	case "/":
		q, _ := new(big.Rat).SetFrac(x, y).Float64()
		return q, nil
	case "//":
		return value.Int(floorDivision(x, y)), nil
	}
	return value.Int(out.Sub(x, new(big.Int).Mul(floorDivision(x, y), y))), nil
}

func zero(op string, float bool) error {
	switch {
	case op == "/" && float:
		return value.Errorf("float division by zero")
	case op == "/":
		return value.Errorf("division by zero")
	case float && op == "//":
		return value.Errorf("float floor division by zero")
	case float:
		return value.Errorf("float modulo")
	case op == "%":
		return value.Errorf("integer modulo by zero")
	}
	return value.Errorf("integer division or modulo by zero")
}

func floorDivision(x, y *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(x, y, new(big.Int))
	if r.Sign() != 0 && (r.Sign() < 0) != (y.Sign() < 0) {
		q.Sub(q, big.NewInt(1))
	}
	return q
}

func power(x, y *big.Int) (value.Value, error) {
	if y.Sign() < 0 {
		f, _ := new(big.Float).SetInt(x).Float64()
		g, _ := new(big.Float).SetInt(y).Float64()
		if f == 0 {
			return nil, value.Errorf("0.0 cannot be raised to a negative power")
		}
		return math.Pow(f, g), nil
	}
	if !y.IsInt64() || y.Int64()*int64(max(x.BitLen(), 1)) > maxBits {
		return nil, &Error{Kind: Limit, Message: "the number gets too large"}
	}
	return value.Int(new(big.Int).Exp(x, y, nil)), nil
}

func floats(op string, f, g float64) (value.Value, error) {
	switch op {
	case "+":
		return f + g, nil
	case "-":
		return f - g, nil
	case "*":
		return f * g, nil
	case "**":
		return math.Pow(f, g), nil
	}
	if g == 0 {
		return nil, zero(op, true)
	}
	switch op {
	case "/":
		return f / g, nil
	case "//":
		return math.Floor(f / g), nil
	}
	r := math.Mod(f, g)
	if r != 0 && (r < 0) != (g < 0) {
		r += g
	}
	return r, nil
}

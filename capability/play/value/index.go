package value

import (
	"fmt"
	"math/big"
	"unicode/utf8"
)

// KeyError is Python's KeyError or IndexError: nothing stands under a key.
type KeyError struct{ Message string }

func (e *KeyError) Error() string { return e.Message }

// GetItem is Python's o[k]. The error is *KeyError where nothing stands there.
func GetItem(o, k Value) (Value, error) {
	switch c := forced(o).(type) {
	case *Dict:
		if !Hashable(k) {
			return nil, &TypeError{fmt.Sprintf("unhashable type: '%s'", TypeName(k))}
		}
		if v, ok := c.Get(k); ok {
			return v, nil
		}
		return nil, &KeyError{Repr(k)}
	case Mapping:
		if v, ok := c.Get(k); ok {
			return v, nil
		}
		return nil, &KeyError{Repr(k)}
	case *List:
		if c.kind != "" {
			break
		}
		return at(c.Items, k, "list")
	case *Tuple:
		return at(c.Items, k, "tuple")
	case string, Unsafe, Markup:
		return character(o, k)
	case *Range:
		i, err := position(k, int(c.Len()), "range object")
		if err != nil {
			return nil, err
		}
		return c.Start + int64(i)*c.Step, nil
	case Bytes:
		i, err := position(k, len(c), "byte")
		if err != nil {
			return nil, err
		}
		return int64(c[i]), nil
	case *Undefined:
		return nil, &UndefinedError{c.Hint}
	}
	return nil, &TypeError{fmt.Sprintf("'%s' object is not subscriptable", TypeName(o))}
}

func at(items []Value, k Value, kind string) (Value, error) {
	i, err := position(k, len(items), kind)
	if err != nil {
		return nil, err
	}
	return items[i], nil
}

func position(k Value, n int, kind string) (int, error) {
	i, ok := Integer(k)
	if !ok {
		return 0, &TypeError{fmt.Sprintf("%s indices must be integers or slices, not %s", kind, TypeName(k))}
	}
	if !i.IsInt64() {
		return 0, &KeyError{kind + " index out of range"}
	}
	at := i.Int64()
	if at < 0 {
		at += int64(n)
	}
	if at < 0 || at >= int64(n) {
		return 0, &KeyError{kind + " index out of range"}
	}
	return int(at), nil
}

func character(o, k Value) (Value, error) {
	text, _ := Text(o)
	i, ok := Integer(k)
	if !ok {
		return nil, &TypeError{fmt.Sprintf("string indices must be integers, not '%s'", TypeName(k))}
	}
	runes := []rune(text)
	p, err := position(Int(i), len(runes), "string")
	if err != nil {
		return nil, err
	}
	return like(o, string(runes[p])), nil
}

// like gives text the kind of string that o is.
func like(o Value, text string) Value {
	switch o.(type) {
	case Unsafe:
		return Unsafe(text)
	case Markup:
		return Markup(text)
	}
	return text
}

// Slice is Python's o[start:stop:step]; nil stands for what is not given.
func Slice(o, start, stop, step Value) (Value, error) {
	o = forced(o)
	n, err := Len(o)
	if l, ok := o.(*List); err != nil || ok && l.kind != "" {
		return nil, &TypeError{fmt.Sprintf("'%s' object is not subscriptable", TypeName(o))}
	}
	picked, err := indices(start, stop, step, n)
	if err != nil {
		return nil, err
	}
	switch c := o.(type) {
	case *List:
		return &List{Items: pick(c.Items, picked)}, nil
	case *Tuple:
		return &Tuple{Items: pick(c.Items, picked)}, nil
	case string, Unsafe, Markup:
		text, _ := Text(o)
		if utf8.RuneCountInString(text) == len(text) {
			return like(o, string(pick([]byte(text), picked))), nil
		}
		return like(o, string(pick([]rune(text), picked))), nil
	case *Range:
		return c.cut(start, stop, step)
	}
	return nil, &TypeError{fmt.Sprintf("'%s' object is not subscriptable", TypeName(o))}
}

func pick[T any](items []T, picked []int) []T {
	out := make([]T, len(picked))
	for i, p := range picked {
		out[i] = items[p]
	}
	return out
}

// cut is the part of a range that a slice names: a range too.
func (r *Range) cut(start, stop, step Value) (Value, error) {
	from, to, by, err := bounds(start, stop, step, int(r.Len()))
	return &Range{Start: r.Start + int64(from)*r.Step, Stop: r.Start + int64(to)*r.Step, Step: r.Step * int64(by)}, err
}

func indices(start, stop, step Value, n int) ([]int, error) {
	from, to, by, err := bounds(start, stop, step, n)
	var out []int
	for i := from; err == nil && (by > 0 && i < to || by < 0 && i > to); i += by {
		out = append(out, i)
	}
	return out, err
}

// bounds is Python's slice.indices.
func bounds(start, stop, step Value, n int) (from, to, by int, err error) {
	if by, err = bound(step, 1); err != nil {
		return 0, 0, 0, err
	}
	if by == 0 {
		return 0, 0, 0, Errorf("slice step cannot be zero")
	}
	low, high := 0, n
	if by < 0 {
		low, high = -1, n-1
	}
	from, to = low, high
	if by < 0 {
		from, to = high, low
	}
	if from, err = clamp(start, from, low, high, n); err != nil {
		return 0, 0, 0, err
	}
	to, err = clamp(stop, to, low, high, n)
	return from, to, by, err
}

func bound(v Value, otherwise int) (int, error) {
	if v == nil {
		return otherwise, nil
	}
	i, ok := Integer(v)
	if !ok {
		return 0, &TypeError{"slice indices must be integers or None or have an __index__ method"}
	}
	const far = 1 << 40
	switch {
	case i.Cmp(big.NewInt(far)) > 0:
		return far, nil
	case i.Cmp(big.NewInt(-far)) < 0:
		return -far, nil
	}
	return int(i.Int64()), nil
}

func clamp(v Value, otherwise, low, high, n int) (int, error) {
	if v == nil {
		return otherwise, nil
	}
	i, err := bound(v, 0)
	if err != nil {
		return 0, err
	}
	if i < 0 {
		i += n
	}
	return min(max(i, low), high), nil
}

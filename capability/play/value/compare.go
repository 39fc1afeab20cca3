package value

import (
	"fmt"
	"math/big"
	"strings"
)

// Truth is Python's bool(v).
func Truth(v Value) bool {
	switch v := v.(type) {
	case nil, *Undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case int:
		return v != 0
	case *big.Int:
		return v.Sign() != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case Unsafe:
		return v != ""
	case Markup:
		return v != ""
	case Bytes:
		return v != ""
	case *List:
		return len(v.Items) > 0
	case *Tuple:
		return len(v.Items) > 0
	case *Dict:
		return v.Len() > 0
	case *Range:
		return v.Len() > 0
	case Lazy:
		r, err := v.Resolve()
		return err == nil && Truth(r)
	case Mapping:
		return len(v.Keys()) > 0
	}
	return true
}

// Equal is Python's a == b.
func Equal(a, b Value) bool {
	a, b = forced(a), forced(b)
	if x, ok := Text(a); ok {
		y, ok := Text(b)
		return ok && x == y
	}
	if order, ok := numeric(a, b); ok {
		return order == 0
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case *List:
		y, ok := b.(*List)
		return ok && (x == y || equalItems(x.Items, y.Items))
	case *Tuple:
		y, ok := b.(*Tuple)
		return ok && equalItems(x.Items, y.Items)
	case *Dict:
		return equalDicts(x, b)
	case Bytes:
		return a == b
	case Time:
		y, ok := b.(Time)
		return ok && x.Date == y.Date && x.Equal(y.Time)
	case *Undefined:
		_, ok := b.(*Undefined)
		return ok
	case *Range:
		y, ok := b.(*Range)
		return ok && *x == *y
	}
	return a != nil && b != nil && Hashable(a) && Hashable(b) && a == b || samePointer(a, b)
}

func samePointer(a, b Value) bool {
	switch x := a.(type) {
	case *Iterator:
		return x == b
	case *Func:
		return x == b
	}
	return false
}

func forced(v Value) Value {
	if l, ok := v.(Lazy); ok {
		if r, err := l.Resolve(); err == nil {
			return r
		}
	}
	return v
}

func equalItems(a, b []Value) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalDicts(a *Dict, other Value) bool {
	b, ok := other.(*Dict)
	if !ok || a.Len() != b.Len() {
		return false
	}
	for k, v := range a.All() {
		w, ok := b.Get(k)
		if !ok || !Equal(v, w) {
			return false
		}
	}
	return true
}

// numeric compares two numbers; ok is false where one is none, or not a number.
func numeric(a, b Value) (order int, ok bool) {
	x, isInt := a.(int64)
	y, isIntToo := b.(int64)
	if isInt && isIntToo {
		return compareInts(x, y), true
	}
	i, aInt := Integer(a)
	j, bInt := Integer(b)
	if aInt && bInt {
		return i.Cmp(j), true
	}
	f, ok1 := Float(a)
	g, ok2 := Float(b)
	if !ok1 || !ok2 || f != f || g != g {
		return 0, false
	}
	switch {
	case f < g:
		return -1, true
	case f > g:
		return 1, true
	}
	return 0, true
}

func compareInts(x, y int64) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// TypeError is Python's TypeError: an operation does not fit the types.
type TypeError struct{ Message string }

func (e *TypeError) Error() string { return e.Message }

// Error is an error in the words of Python or Ansible, whose sentences begin and end as they like.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

// Errorf returns an Error.
func Errorf(format string, args ...any) error {
	return &Error{Message: fmt.Sprintf(format, args...)}
}

// Compare orders a and b as Python's < does. op is the operator in the error
// for types that have no order.
func Compare(a, b Value, op string) (int, error) {
	a, b = forced(a), forced(b)
	if order, ok := numeric(a, b); ok {
		return order, nil
	}
	x, okX := Text(a)
	y, okY := Text(b)
	if okX && okY {
		return strings.Compare(x, y), nil
	}
	switch x := a.(type) {
	case *List:
		if y, ok := b.(*List); ok {
			return compareItems(x.Items, y.Items, op)
		}
	case *Tuple:
		if y, ok := b.(*Tuple); ok {
			return compareItems(x.Items, y.Items, op)
		}
	case Bytes:
		if y, ok := b.(Bytes); ok {
			return strings.Compare(string(x), string(y)), nil
		}
	case Time:
		if y, ok := b.(Time); ok {
			return x.Time.Compare(y.Time), nil
		}
	}
	if u, ok := a.(*Undefined); ok {
		return 0, &UndefinedError{u.Hint}
	}
	if u, ok := b.(*Undefined); ok {
		return 0, &UndefinedError{u.Hint}
	}
	return 0, &TypeError{fmt.Sprintf("'%s' not supported between instances of '%s' and '%s'", op, TypeName(a), TypeName(b))}
}

// UndefinedError says that an undefined value was used.
type UndefinedError struct{ Message string }

func (e *UndefinedError) Error() string { return e.Message }

func compareItems(a, b []Value, op string) (int, error) {
	for i := range min(len(a), len(b)) {
		if !Equal(a[i], b[i]) {
			return Compare(a[i], b[i], op)
		}
	}
	return compareInts(int64(len(a)), int64(len(b))), nil
}

// Contains is Python's item in container.
func Contains(container, item Value) (bool, error) {
	switch c := forced(container).(type) {
	case string, Unsafe, Markup:
		text, _ := Text(c)
		part, ok := Text(item)
		if u, isUndefined := item.(*Undefined); isUndefined {
			return false, &UndefinedError{u.Hint}
		}
		if !ok {
			return false, &TypeError{"'in <string>' requires string as left operand, not " + TypeName(item)}
		}
		return strings.Contains(text, part), nil
	case *Dict:
		if !Hashable(item) {
			return false, &TypeError{fmt.Sprintf("unhashable type: '%s'", TypeName(item))}
		}
		_, ok := c.Get(item)
		return ok, nil
	case *List:
		return containsItem(c.Items, item), nil
	case *Tuple:
		return containsItem(c.Items, item), nil
	case Mapping:
		_, ok := c.Get(item)
		return ok, nil
	case *Undefined:
		return false, &UndefinedError{c.Hint}
	}
	for v, err := range Iterate(container) {
		if err != nil {
			if _, isType := err.(*TypeError); isType {
				return false, &TypeError{fmt.Sprintf("argument of type '%s' is not iterable", TypeName(container))}
			}
			return false, err
		}
		if Equal(v, item) {
			return true, nil
		}
	}
	return false, nil
}

func containsItem(items []Value, item Value) bool {
	for _, i := range items {
		if Equal(i, item) {
			return true
		}
	}
	return false
}

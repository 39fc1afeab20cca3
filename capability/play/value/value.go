// Package value holds the values that Ansible's language works with: Python's,
// with their truths, orders and texts, in Go.
//
// A Value is one of: nil (None), bool, int64, *big.Int (only beyond int64),
// float64, string, Unsafe, Markup, Bytes, *List, *Tuple, *Dict, *Undefined,
// *Func, *Range, *Iterator, Time, Mapping (a dictionary that is computed) or Lazy.
package value

import (
	"iter"
	"math"
	"math/big"
	"time"
)

// Value is any value of the language.
type Value = any

// Unsafe is text that is never templated: it came from a machine or a lookup.
type Unsafe string

// Markup is text that needs no more escaping.
type Markup string

// Bytes is Python's bytes.
type Bytes string

// Time is a date or a point in time, as YAML's timestamps give them.
type Time struct {
	time.Time
	Date bool // a date without a time
	Zone bool // it has a zone
}

// List is a mutable list, shared by reference.
type List struct {
	Items []Value
	kind  string // dict_keys, dict_values or dict_items: another name and another repr
}

// NewList returns a list of items.
func NewList(items ...Value) *List { return &List{Items: items} }

// Tuple is an immutable list. Names, where there are any, are its items' attributes.
type Tuple struct {
	Items []Value
	Names []string
}

// NewTuple returns a tuple of items.
func NewTuple(items ...Value) *Tuple { return &Tuple{Items: items} }

// Undefined is what a name without a value gives. Hint is the whole message
// about it; operations on it fail with that.
type Undefined struct {
	Hint      string
	Chainable bool // attributes of it are undefined too, instead of an error
	Lenient   bool // it may be used, as nothing, where others must not
}

// Func is something that can be called.
type Func struct {
	Name string
	Call func(args []Value, kwargs *Dict) (Value, error)
	// Attributes, where it is not nil, gives the function's attributes.
	Attributes func(name string) (Value, bool)
}

// Range is Python's range.
type Range struct{ Start, Stop, Step int64 }

// Len returns how many numbers r has.
func (r *Range) Len() int64 {
	switch {
	case r.Step > 0 && r.Start < r.Stop:
		return (r.Stop - r.Start + r.Step - 1) / r.Step
	case r.Step < 0 && r.Start > r.Stop:
		return (r.Start - r.Stop - r.Step - 1) / -r.Step
	}
	return 0
}

// Iterator is a generator: what it gives can be taken once.
type Iterator struct {
	Name string // shown when it is printed
	seq  iter.Seq2[Value, error]
	next func() (Value, error, bool)
	stop func()
}

// NewIterator returns a generator over seq.
func NewIterator(seq iter.Seq2[Value, error]) *Iterator { return &Iterator{seq: seq} }

// All gives what is left. An iterator that nobody has begun costs no more than its sequence.
func (it *Iterator) All() iter.Seq2[Value, error] {
	if it.next == nil && it.seq != nil {
		seq := it.seq
		it.seq = nil
		return seq
	}
	return func(yield func(Value, error) bool) {
		for {
			v, err, ok := it.Next()
			if !ok || !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Next returns the next value; ok is false at the end.
func (it *Iterator) Next() (v Value, err error, ok bool) {
	if it.next == nil {
		if it.seq == nil {
			return nil, nil, false
		}
		it.next, it.stop = iter.Pull2(it.seq)
	}
	v, err, ok = it.next()
	if !ok || err != nil {
		it.stop()
	}
	return v, err, ok
}

// Mapping is a dictionary whose values are computed when they are asked for.
type Mapping interface {
	Get(key Value) (Value, bool)
	Keys() []Value
}

// Lazy is a value that is computed when it is needed, as text under a vault.
type Lazy interface {
	Resolve() (Value, error)
}

// Attributes is a value with attributes that templates may read.
type Attributes interface {
	Attr(name string) (Value, bool)
}

// Setter is a value whose attributes templates may set: a namespace.
type Setter interface {
	SetAttr(name string, v Value) error
}

// Int returns i in the smallest form that holds it.
func Int(i *big.Int) Value {
	if i.IsInt64() {
		return i.Int64()
	}
	return i
}

// Text returns the text of a string, and whether v is one.
func Text(v Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case Unsafe:
		return string(v), true
	case Markup:
		return string(v), true
	}
	return "", false
}

// Force resolves a Lazy value.
func Force(v Value) (Value, error) {
	if l, ok := v.(Lazy); ok {
		return l.Resolve()
	}
	return v, nil
}

// Integer returns an integer or a boolean as a big integer.
func Integer(v Value) (*big.Int, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewInt(1), true
		}
		return new(big.Int), true
	case int64:
		return big.NewInt(v), true
	case int:
		return big.NewInt(int64(v)), true
	case *big.Int:
		return v, true
	}
	return nil, false
}

// Float returns a number as a float.
func Float(v Value) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int64:
		return float64(v), true
	}
	i, ok := Integer(v)
	if !ok {
		return 0, false
	}
	out, _ := new(big.Float).SetInt(i).Float64()
	return out, !math.IsInf(out, 0)
}

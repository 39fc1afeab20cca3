package value

import (
	"iter"
	"math/big"
)

// Dict is a mutable dictionary that keeps the order in which keys came.
type Dict struct {
	entries []entry
	index   map[any]int // nil while there are few entries
	dead    int         // entries that were deleted
}

type entry struct {
	key, hash any // hash is key in a form that Go compares as Python does
	value     Value
	gone      bool
}

// few is how many entries are searched in turn.
const few = 8

// NewDict returns an empty dictionary.
func NewDict() *Dict { return &Dict{} }

// DictOf returns a dictionary of pairs: key, value, key, value.
func DictOf(pairs ...Value) *Dict {
	d := &Dict{}
	for i := 0; i+1 < len(pairs); i += 2 {
		d.Set(pairs[i], pairs[i+1])
	}
	return d
}

// tupleKey stands for a tuple as a key.
type tupleKey string

// hashOf returns a comparable form of a key in which equal keys are equal: 1,
// 1.0 and True are one key, and so are text and unsafe text. ok is false for
// what Python cannot hash.
func hashOf(key Value) (h any, ok bool) {
	switch k := key.(type) {
	case nil, string, int64:
		return k, true
	case Unsafe:
		return string(k), true
	case Markup:
		return string(k), true
	case bool:
		if k {
			return int64(1), true
		}
		return int64(0), true
	case int:
		return int64(k), true
	case float64:
		if i := int64(k); float64(i) == k {
			return i, true
		}
		return k, true
	case *big.Int:
		return "\x00big" + k.String(), true
	case *Tuple:
		for _, i := range k.Items {
			if _, ok := hashOf(i); !ok {
				return nil, false
			}
		}
		return tupleKey(Repr(k)), true
	case *List, *Dict, *Iterator:
		return nil, false
	case Bytes, Time, *Func, *Range, *Undefined:
		return k, true
	case Lazy:
		v, err := k.Resolve()
		if err != nil {
			return nil, false
		}
		return hashOf(v)
	}
	return nil, false
}

// Hashable says whether v may be a key.
func Hashable(v Value) bool {
	_, ok := hashOf(v)
	return ok
}

func (d *Dict) find(h any) int {
	if d.index != nil {
		if i, ok := d.index[h]; ok {
			return i
		}
		return -1
	}
	for i := range d.entries {
		if e := &d.entries[i]; !e.gone && e.hash == h {
			return i
		}
	}
	return -1
}

// Get returns the value of key.
func (d *Dict) Get(key Value) (Value, bool) {
	h, ok := hashOf(key)
	if !ok {
		return nil, false
	}
	if i := d.find(h); i >= 0 {
		return d.entries[i].value, true
	}
	return nil, false
}

// Str returns the value of a key that is text.
func (d *Dict) Str(key string) (Value, bool) {
	if d == nil {
		return nil, false
	}
	if i := d.find(key); i >= 0 {
		return d.entries[i].value, true
	}
	return nil, false
}

// Set gives key a value; what cannot be hashed is ignored. Callers that take
// keys from templates ask Hashable first.
func (d *Dict) Set(key, v Value) {
	h, ok := hashOf(key)
	if !ok {
		return
	}
	if i := d.find(h); i >= 0 {
		d.entries[i].value = v
		return
	}
	d.entries = append(d.entries, entry{key: key, hash: h, value: v})
	switch {
	case d.index != nil:
		d.index[h] = len(d.entries) - 1
	case len(d.entries) > few:
		d.reindex()
	}
}

// Has says whether there is a key that is text.
func (d *Dict) Has(key string) bool {
	_, ok := d.Str(key)
	return ok
}

// SetStr gives a key that is text a value.
func (d *Dict) SetStr(key string, v Value) { d.Set(key, v) }

func (d *Dict) reindex() {
	live := d.entries[:0:len(d.entries)]
	if d.dead > 0 {
		live = make([]entry, 0, len(d.entries)-d.dead)
	}
	d.index = make(map[any]int, len(d.entries))
	for _, e := range d.entries {
		if !e.gone {
			d.index[e.hash] = len(live)
			live = append(live, e)
		}
	}
	d.entries, d.dead = live, 0
}

// Delete takes key away and says whether it was there.
func (d *Dict) Delete(key Value) bool {
	h, ok := hashOf(key)
	if !ok {
		return false
	}
	i := d.find(h)
	if i < 0 {
		return false
	}
	d.entries[i] = entry{gone: true}
	d.dead++
	if d.index != nil {
		delete(d.index, h)
	}
	if d.dead > few && d.dead > len(d.entries)/2 {
		d.reindex()
	}
	return true
}

// Len returns how many keys there are.
func (d *Dict) Len() int {
	if d == nil {
		return 0
	}
	return len(d.entries) - d.dead
}

// All gives the keys and values in order. Keys may be set and deleted meanwhile.
func (d *Dict) All() iter.Seq2[Value, Value] {
	return func(yield func(Value, Value) bool) {
		if d == nil {
			return
		}
		for _, e := range d.entries {
			if !e.gone && !yield(e.key, e.value) {
				return
			}
		}
	}
}

// Keys returns the keys in order.
func (d *Dict) Keys() []Value {
	out := make([]Value, 0, d.Len())
	for k := range d.All() {
		out = append(out, k)
	}
	return out
}

// Copy returns a dictionary with the same values.
func (d *Dict) Copy() *Dict {
	out := &Dict{}
	for k, v := range d.All() {
		out.Set(k, v)
	}
	return out
}

package value

import (
	"fmt"
	"math/big"
	"slices"
)

// method is one of Python's methods: the arguments are bound already.
type method func(a *Args) (Value, error)

// GetAttr returns a method or attribute of v, as Python's getattr does for what
// templates may see.
func GetAttr(v Value, name string) (Value, bool) {
	v = forced(v)
	if a, ok := v.(Attributes); ok {
		return a.Attr(name)
	}
	var m method
	switch o := v.(type) {
	case string, Unsafe, Markup:
		text, _ := Text(o)
		m = textMethod(o, text, name)
	case *List:
		if o.kind == "" {
			m = listMethod(o, name)
		}
	case *Dict:
		m = dictMethod(o, name)
	case *Tuple:
		if i := slices.Index(o.Names, name); i >= 0 {
			return o.Items[i], true
		}
		m = tupleMethod(o, name)
	case Mapping:
		m = mappingMethod(o, name)
	case *Func:
		if o.Attributes != nil {
			return o.Attributes(name)
		}
	case Time:
		return timeAttr(o, name)
	case int64, *big.Int, float64, bool:
		if name == "real" {
			if i, ok := Integer(o); ok {
				return Int(i), true
			}
			return o, true
		}
		m = numberMethod(o, name)
	case Bytes:
		if name == "decode" {
			m = func(*Args) (Value, error) { return string(o), nil }
		}
	}
	if m == nil {
		return nil, false
	}
	return &Func{Name: name, Call: func(args []Value, kwargs *Dict) (Value, error) {
		a := &Args{Name: name, Items: args, Named: kwargs}
		out, err := m(a)
		switch {
		case err == nil && a.Err != nil:
			err = a.Err
		case err == nil && a.at < len(args) && !free[name]:
			err = &TypeError{fmt.Sprintf("%s expected at most %d arguments, got %d", name, a.at, len(args))}
		}
		return out, err
	}}, true
}

// free are the methods that take any arguments, or ignore some.
var free = map[string]bool{"format": true, "encode": true, "decode": true}

// Args are the arguments of one call; Take gives them one by one.
type Args struct {
	Name  string
	Items []Value
	Named *Dict
	Err   error
	at    int
}

// Take returns the next argument, by position or name; otherwise where it is not given.
func (a *Args) Take(name string, otherwise Value) Value {
	if a.at < len(a.Items) {
		a.at++
		return a.Items[a.at-1]
	}
	a.at++
	if v, ok := a.Named.Str(name); ok {
		return v
	}
	return otherwise
}

// Need is Take for an argument that has to be given.
func (a *Args) Need(name string) Value {
	if _, ok := a.Named.Str(name); !ok && a.at >= len(a.Items) && a.Err == nil {
		a.Err = &TypeError{fmt.Sprintf("%s() missing 1 required positional argument: '%s'", a.Name, name)}
	}
	return a.Take(name, nil)
}

// Text is Need for text.
func (a *Args) Text(name string) string {
	v := a.Need(name)
	text, ok := Text(forced(v))
	if !ok && a.Err == nil {
		a.Err = &TypeError{fmt.Sprintf("%s() argument '%s' must be str, not %s", a.Name, name, TypeName(v))}
	}
	return text
}

// Int is Take for a number.
func (a *Args) Int(name string, otherwise int64) int64 {
	v := a.Take(name, nil)
	if v == nil {
		return otherwise
	}
	i, ok := Integer(forced(v))
	if (!ok || !i.IsInt64()) && a.Err == nil {
		a.Err = &TypeError{fmt.Sprintf("'%s' object cannot be interpreted as an integer", TypeName(v))}
		return otherwise
	}
	return i.Int64()
}

func listMethod(l *List, name string) method {
	switch name {
	case "append":
		return func(a *Args) (Value, error) { l.Items = append(l.Items, a.Need("object")); return nil, a.Err }
	case "extend":
		return func(a *Args) (Value, error) {
			items, err := Items(a.Need("iterable"))
			if err == nil {
				l.Items = append(l.Items, items...)
			}
			return nil, err
		}
	case "insert":
		return func(a *Args) (Value, error) {
			i, v := a.Int("index", 0), a.Need("object")
			n := int64(len(l.Items))
			if i < 0 {
				i = max(0, i+n)
			}
			l.Items = slices.Insert(l.Items, int(min(i, n)), v)
			return nil, a.Err
		}
	case "pop":
		return l.pop
	case "remove":
		return func(a *Args) (Value, error) {
			v := a.Need("value")
			i := slices.IndexFunc(l.Items, func(o Value) bool { return Equal(o, v) })
			if i < 0 {
				return nil, Errorf("list.remove(x): x not in list")
			}
			l.Items = slices.Delete(l.Items, i, i+1)
			return nil, nil
		}
	case "clear":
		return func(*Args) (Value, error) { l.Items = nil; return nil, nil }
	case "reverse":
		return func(*Args) (Value, error) { slices.Reverse(l.Items); return nil, nil }
	case "copy":
		return func(*Args) (Value, error) { return &List{Items: slices.Clone(l.Items)}, nil }
	case "sort":
		return func(a *Args) (Value, error) {
			reverse := false
			if r, ok := a.Named.Str("reverse"); ok {
				reverse = Truth(r)
			}
			return nil, Sort(l.Items, reverse)
		}
	}
	return itemsMethod(func() []Value { return l.Items }, name, "list")
}

func (l *List) pop(a *Args) (Value, error) {
	i := a.Int("index", -1)
	if i < 0 {
		i += int64(len(l.Items))
	}
	if len(l.Items) == 0 {
		return nil, &KeyError{"pop from empty list"}
	}
	if i < 0 || i >= int64(len(l.Items)) {
		return nil, &KeyError{"pop index out of range"}
	}
	v := l.Items[i]
	l.Items = slices.Delete(l.Items, int(i), int(i)+1)
	return v, nil
}

// Sort sorts items in place, stably; the error is that of items without an order.
func Sort(items []Value, reverse bool) error {
	var failure error
	slices.SortStableFunc(items, func(a, b Value) int {
		order, err := Compare(a, b, "<")
		if err != nil && failure == nil {
			failure = err
		}
		if reverse {
			return -order
		}
		return order
	})
	return failure
}

func tupleMethod(t *Tuple, name string) method {
	return itemsMethod(func() []Value { return t.Items }, name, "tuple")
}

func itemsMethod(items func() []Value, name, kind string) method {
	switch name {
	case "index":
		return func(a *Args) (Value, error) {
			v, all := a.Need("value"), items()
			from, to, _, err := bounds(a.Take("start", nil), a.Take("stop", nil), nil, len(all))
			for i := from; i < to; i++ {
				if Equal(all[i], v) {
					return int64(i), err
				}
			}
			return nil, Errorf("%s is not in %s", Repr(v), kind)
		}
	case "count":
		return func(a *Args) (Value, error) {
			v, n := a.Need("value"), int64(0)
			for _, o := range items() {
				if Equal(o, v) {
					n++
				}
			}
			return n, nil
		}
	}
	return nil
}

func dictMethod(d *Dict, name string) method {
	switch name {
	case "get":
		return func(a *Args) (Value, error) {
			k, otherwise := a.Need("key"), a.Take("default", nil)
			if v, ok := d.Get(k); ok {
				return v, nil
			}
			return otherwise, nil
		}
	case "items":
		return func(*Args) (Value, error) { return pairs(d), nil }
	case "keys":
		return func(*Args) (Value, error) { return &List{Items: d.Keys(), kind: "dict_keys"}, nil }
	case "values":
		return func(*Args) (Value, error) { return &List{Items: values(d), kind: "dict_values"}, nil }
	case "update":
		return d.update
	case "pop":
		return d.pop
	case "setdefault":
		return func(a *Args) (Value, error) {
			k, otherwise := a.Need("key"), a.Take("default", nil)
			if v, ok := d.Get(k); ok {
				return v, nil
			}
			d.Set(k, otherwise)
			return otherwise, nil
		}
	case "copy":
		return func(*Args) (Value, error) { return d.Copy(), nil }
	case "fromkeys":
		return fromKeys
	case "clear":
		return func(*Args) (Value, error) { *d = Dict{}; return nil, nil }
	case "popitem":
		return func(*Args) (Value, error) {
			keys := d.Keys()
			if len(keys) == 0 {
				return nil, &KeyError{"'popitem(): dictionary is empty'"}
			}
			k := keys[len(keys)-1]
			v, _ := d.Get(k)
			d.Delete(k)
			return NewTuple(k, v), nil
		}
	}
	return nil
}

func fromKeys(a *Args) (Value, error) {
	keys, err := Items(a.Need("iterable"))
	v, out := a.Take("value", nil), NewDict()
	for _, k := range keys {
		if !Hashable(k) {
			return nil, &TypeError{fmt.Sprintf("unhashable type: '%s'", TypeName(k))}
		}
		out.Set(k, v)
	}
	return out, err
}

func pairs(d *Dict) Value {
	out := make([]Value, 0, d.Len())
	for k, v := range d.All() {
		out = append(out, NewTuple(k, v))
	}
	return &List{Items: out, kind: "dict_items"}
}

func values(d *Dict) []Value {
	out := make([]Value, 0, d.Len())
	for _, v := range d.All() {
		out = append(out, v)
	}
	return out
}

func (d *Dict) update(a *Args) (Value, error) {
	if other := a.Take("other", nil); other != nil {
		from, err := ToDict(other)
		if err != nil {
			return nil, err
		}
		for k, v := range from.All() {
			d.Set(k, v)
		}
	}
	for k, v := range a.Named.All() {
		d.Set(k, v)
	}
	return nil, nil
}

// ToDict is Python's dict(v): of a dictionary, or of a list of pairs.
func ToDict(v Value) (*Dict, error) {
	switch v := forced(v).(type) {
	case *Dict:
		return v.Copy(), nil
	case Mapping:
		out := NewDict()
		for _, k := range v.Keys() {
			item, _ := v.Get(k)
			out.Set(k, item)
		}
		return out, nil
	}
	out := NewDict()
	n := 0
	for item, err := range Iterate(v) {
		if err != nil {
			return nil, err
		}
		pair, err := Items(item)
		if err != nil {
			return nil, &TypeError{fmt.Sprintf("cannot convert dictionary update sequence element #%d to a sequence", n)}
		}
		if len(pair) != 2 {
			return nil, Errorf("dictionary update sequence element #%d has length %d; 2 is required", n, len(pair))
		}
		if !Hashable(pair[0]) {
			return nil, &TypeError{fmt.Sprintf("unhashable type: '%s'", TypeName(pair[0]))}
		}
		out.Set(pair[0], pair[1])
		n++
	}
	return out, nil
}

func (d *Dict) pop(a *Args) (Value, error) {
	k := a.Need("key")
	given := len(a.Items) > 1
	otherwise := a.Take("default", nil)
	if v, ok := d.Get(k); ok {
		d.Delete(k)
		return v, nil
	}
	if given {
		return otherwise, nil
	}
	return nil, &KeyError{Repr(k)}
}

func mappingMethod(m Mapping, name string) method {
	switch name {
	case "get":
		return func(a *Args) (Value, error) {
			k, otherwise := a.Need("key"), a.Take("default", nil)
			if v, ok := m.Get(k); ok {
				return v, nil
			}
			return otherwise, nil
		}
	case "keys":
		return func(*Args) (Value, error) { return &List{Items: m.Keys(), kind: "dict_keys"}, nil }
	case "items", "values", "copy":
		return func(a *Args) (Value, error) {
			d, err := ToDict(m)
			if err != nil {
				return nil, err
			}
			return dictMethod(d, name)(a)
		}
	}
	return nil
}

func numberMethod(v Value, name string) method {
	switch name {
	case "bit_length":
		if i, ok := Integer(v); ok {
			return func(*Args) (Value, error) { return int64(i.BitLen()), nil }
		}
	case "is_integer":
		if f, ok := v.(float64); ok {
			return func(*Args) (Value, error) { return f == float64(int64(f)), nil }
		}
	}
	return nil
}

func timeAttr(t Time, name string) (Value, bool) {
	function := func(call func(*Args) (Value, error)) (Value, bool) {
		return &Func{Name: name, Call: func(args []Value, kwargs *Dict) (Value, error) {
			return call(&Args{Name: name, Items: args, Named: kwargs})
		}}, true
	}
	switch name {
	case "year":
		return int64(t.Year()), true
	case "month":
		return int64(t.Month()), true
	case "day":
		return int64(t.Day()), true
	case "hour":
		return int64(t.Hour()), true
	case "minute":
		return int64(t.Minute()), true
	case "second":
		return int64(t.Second()), true
	case "microsecond":
		return int64(t.Nanosecond() / 1000), true
	case "isoformat":
		return function(func(*Args) (Value, error) {
			if t.Date {
				return t.Format("2006-01-02"), nil
			}
			return t.Format("2006-01-02T15:04:05"), nil
		})
	case "timestamp":
		return function(func(*Args) (Value, error) { return float64(t.UnixMicro()) / 1e6, nil })
	case "strftime":
		return function(func(a *Args) (Value, error) { return Strftime(a.Text("format"), t.Time), a.Err })
	}
	return nil, false
}

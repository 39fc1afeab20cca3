package filter

import (
	"strings"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

func (s *Set) collections() map[string]jinja.Callable {
	return map[string]jinja.Callable{
		"combine":         combine,
		"dict2items":      of(dictToItems),
		"items2dict":      of(itemsToDict),
		"flatten":         of(flatten),
		"extract":         extract,
		"subelements":     of(subelements),
		"zip":             of(func(v value.Value, a *value.Args) (value.Value, error) { return zip(v, a, false) }),
		"zip_longest":     of(func(v value.Value, a *value.Args) (value.Value, error) { return zip(v, a, true) }),
		"product":         of(product),
		"combinations":    of(combinations),
		"permutations":    of(permutations),
		"groupby":         groupby,
		"rekey_on_member": of(rekey),
		"union":           two(func(a, b []value.Value) []value.Value { return distinct(append(append([]value.Value{}, a...), b...)) }),
		"intersect":       two(func(a, b []value.Value) []value.Value { return distinct(keep(a, b, true)) }),
		"difference":      two(func(a, b []value.Value) []value.Value { return distinct(keep(a, b, false)) }),
		"symmetric_difference": two(func(a, b []value.Value) []value.Value {
			union := distinct(append(append([]value.Value{}, a...), b...))
			return keep(union, keep(a, b, true), false)
		}),
		"unique": unique,
	}
}

// list wraps what a generator of Python gives: a filter that returns one still
// shows as a list in Ansible's output.
func list(items []value.Value) value.Value { return &value.List{Items: items} }

// combine merges dictionaries.
func combine(c *jinja.Call) (value.Value, error) {
	recursive, merge := false, "replace"
	if c.Kwargs != nil {
		for k, v := range c.Kwargs.All() {
			switch name := value.Str(k); name {
			case "recursive":
				recursive = value.Truth(v)
			case "list_merge":
				merge = value.Str(v)
			default:
				return nil, value.Errorf("'recursive' and 'list_merge' are the only valid keyword arguments")
			}
		}
	}
	var dicts []*value.Dict
	for _, arg := range c.Args {
		if err := gatherDicts(arg, &dicts); err != nil {
			return nil, err
		}
	}
	out := value.NewDict()
	for _, d := range dicts {
		out = mergeDicts(out, d, recursive, merge)
	}
	return out, nil
}

func gatherDicts(v value.Value, into *[]*value.Dict) error {
	forced, err := value.Force(v)
	if err != nil {
		return err
	}
	switch v := forced.(type) {
	case *value.Dict:
		*into = append(*into, v)
	case *value.List:
		for _, i := range v.Items {
			if err := gatherDicts(i, into); err != nil {
				return err
			}
		}
	case value.Mapping:
		d := value.NewDict()
		for _, k := range v.Keys() {
			if item, ok := v.Get(k); ok {
				d.Set(k, item)
			}
		}
		*into = append(*into, d)
	case *value.Undefined:
		return undefined(v)
	default:
		return value.Errorf("failed to combine variables, expected dicts but got a '%s' and a 'dict': \n%s\n{}", value.TypeName(v), value.Repr(v))
	}
	return nil
}

func mergeDicts(low, high *value.Dict, recursive bool, how string) *value.Dict {
	out := low.Copy()
	for k, h := range high.All() {
		l, had := out.Get(k)
		if !had {
			out.Set(k, h)
			continue
		}
		ld, lok := l.(*value.Dict)
		hd, hok := h.(*value.Dict)
		ll, llok := l.(*value.List)
		hl, hlok := h.(*value.List)
		switch {
		case lok && hok && recursive:
			out.Set(k, mergeDicts(ld, hd, recursive, how))
		case llok && hlok:
			out.Set(k, mergeLists(ll, hl, how))
		default:
			out.Set(k, h)
		}
	}
	return out
}

func mergeLists(low, high *value.List, how string) value.Value {
	both := func(a, b []value.Value) value.Value { return list(append(append([]value.Value{}, a...), b...)) }
	switch how {
	case "keep":
		return low
	case "append":
		return both(low.Items, high.Items)
	case "prepend":
		return both(high.Items, low.Items)
	case "append_rp":
		return both(keep(low.Items, high.Items, false), high.Items)
	case "prepend_rp":
		return both(high.Items, keep(low.Items, high.Items, false))
	}
	return high
}

func dictToItems(v value.Value, a *value.Args) (value.Value, error) {
	key, val := value.Str(a.Take("key_name", "key")), value.Str(a.Take("value_name", "value"))
	d, err := mapping(v)
	if err != nil {
		return nil, value.Errorf("dict2items requires a dictionary, got <class '%s'> instead.", value.TypeName(v))
	}
	out := value.NewList()
	for k, item := range d.All() {
		out.Items = append(out.Items, value.DictOf(key, k, val, item))
	}
	return out, nil
}

func mapping(v value.Value) (*value.Dict, error) {
	switch m := v.(type) {
	case *value.Dict:
		return m, nil
	case value.Mapping:
		return value.ToDict(v)
	case *value.Undefined:
		return nil, undefined(m)
	}
	return nil, &value.TypeError{Message: "not a dictionary"}
}

func itemsToDict(v value.Value, a *value.Args) (value.Value, error) {
	key, val := value.Str(a.Take("key_name", "key")), value.Str(a.Take("value_name", "value"))
	l, ok := v.(*value.List)
	if !ok {
		return nil, value.Errorf("items2dict requires a list, got <class '%s'> instead.", value.TypeName(v))
	}
	out := value.NewDict()
	for _, item := range l.Items {
		d, ok := item.(*value.Dict)
		if !ok {
			return nil, value.Errorf("items2dict requires a list of dictionaries, got %s instead.", value.Repr(v))
		}
		k, hasKey := d.Str(key)
		x, hasValue := d.Str(val)
		if !hasKey || !hasValue {
			return nil, value.Errorf("items2dict requires each dictionary in the list to contain the keys '%s' and '%s', got %s instead.", key, val, value.Repr(v))
		}
		out.Set(k, x)
	}
	return out, nil
}

func flatten(v value.Value, a *value.Args) (value.Value, error) {
	levels, skip := a.Take("levels", nil), value.Truth(a.Take("skip_nulls", true))
	depth := int64(-1)
	if n, ok := levels.(int64); ok {
		depth = n
	}
	in, err := items(v)
	if err != nil {
		return nil, err
	}
	return list(flat(in, depth, skip)), nil
}

func flat(in []value.Value, depth int64, skip bool) []value.Value {
	out := []value.Value{}
	for _, i := range in {
		if text, ok := i.(string); skip && (i == nil || ok && (text == "None" || text == "null")) {
			continue
		}
		var inner []value.Value
		switch l := i.(type) {
		case *value.List:
			inner = l.Items
		case *value.Tuple:
			inner = l.Items
		default:
			out = append(out, i)
			continue
		}
		switch {
		case depth < 0:
			out = append(out, flat(inner, depth, skip)...)
		case depth >= 1:
			out = append(out, flat(inner, depth-1, skip)...)
		default:
			out = append(out, i)
		}
	}
	return out
}

// extract looks an item up in a container, and more keys in what it finds.
func extract(c *jinja.Call) (value.Value, error) {
	a := c.Arguments()
	item, container, more := a.Need("item"), a.Need("container"), a.Take("morekeys", nil)
	if a.Err != nil {
		return nil, a.Err
	}
	keys := []value.Value{item}
	switch m := more.(type) {
	case nil:
	case *value.List:
		keys = append(keys, m.Items...)
	default:
		keys = append(keys, m)
	}
	if u, ok := container.(*value.Undefined); ok {
		return u, nil
	}
	v := container
	for _, k := range keys {
		next, err := value.GetItem(v, k)
		if err != nil {
			var found bool
			if next, found = value.GetAttr(v, value.Str(k)); !found {
				return &value.Undefined{Hint: "'" + value.TypeName(v) + " object' has no attribute " + value.Repr(k)}, nil
			}
		}
		v = next
	}
	return value.Force(v)
}

func subelements(v value.Value, a *value.Args) (value.Value, error) {
	path, skip := a.Need("subelements"), value.Truth(a.Take("skip_missing", false))
	var elements []value.Value
	switch m := v.(type) {
	case *value.Dict:
		for _, item := range m.All() {
			elements = append(elements, item)
		}
	case *value.List:
		elements = m.Items
	default:
		return nil, &value.TypeError{Message: "obj must be a list of dicts or a nested dict"}
	}
	var keys []string
	if l, ok := path.(*value.List); ok {
		for _, i := range l.Items {
			keys = append(keys, value.Str(i))
		}
	} else {
		keys = strings.Split(value.Str(path), ".")
	}
	out := value.NewList()
	for _, e := range elements {
		sub := e
		found := true
		for _, k := range keys {
			d, ok := sub.(*value.Dict)
			if !ok {
				return nil, &value.TypeError{Message: "the key " + k + " should point to a dictionary, got " + value.Repr(sub)}
			}
			if sub, found = d.Str(k); !found {
				break
			}
		}
		if !found {
			if skip {
				continue
			}
			return nil, value.Errorf("could not find '%s' key in iterated item %s", keys[len(keys)-1], value.Repr(e))
		}
		l, ok := sub.(*value.List)
		if !ok {
			return nil, &value.TypeError{Message: "the key " + keys[len(keys)-1] + " should point to a list, got " + value.Repr(sub)}
		}
		for _, i := range l.Items {
			out.Items = append(out.Items, value.NewTuple(e, i))
		}
	}
	return out, nil
}

// lists reads the value and all further positional arguments as lists.
func lists(v value.Value, a *value.Args) ([][]value.Value, error) {
	first, err := items(v)
	if err != nil {
		return nil, err
	}
	out := [][]value.Value{first}
	for _, more := range a.Items[min(1, len(a.Items)):] {
		l, err := items(more)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func zip(v value.Value, a *value.Args, longest bool) (value.Value, error) {
	all, err := lists(v, a)
	if err != nil {
		return nil, err
	}
	fill, _ := a.Named.Str("fillvalue")
	n := len(all[0])
	for _, l := range all {
		if longest {
			n = max(n, len(l))
		} else {
			n = min(n, len(l))
		}
	}
	out := value.NewList()
	for i := range n {
		row := make([]value.Value, len(all))
		for j, l := range all {
			row[j] = fill
			if i < len(l) {
				row[j] = l[i]
			}
		}
		out.Items = append(out.Items, value.NewTuple(row...))
	}
	return out, nil
}

// maxProduct bounds what product, combinations and permutations make.
const maxProduct = 10_000_000

func product(v value.Value, a *value.Args) (value.Value, error) {
	all, err := lists(v, a)
	if err != nil {
		return nil, err
	}
	if n, ok := a.Named.Str("repeat"); ok {
		if i, isInt := n.(int64); isInt {
			once := all
			for range i - 1 {
				all = append(all, once...)
			}
		}
	}
	rows := [][]value.Value{{}}
	for _, l := range all {
		if len(rows)*len(l) > maxProduct {
			return nil, value.Errorf("product would have more than %d items", maxProduct)
		}
		var next [][]value.Value
		for _, r := range rows {
			for _, i := range l {
				next = append(next, append(append([]value.Value{}, r...), i))
			}
		}
		rows = next
	}
	return tuples(rows), nil
}

func tuples(rows [][]value.Value) value.Value {
	out := value.NewList()
	for _, r := range rows {
		out.Items = append(out.Items, value.NewTuple(r...))
	}
	return out
}

func combinations(v value.Value, a *value.Args) (value.Value, error) {
	in, err := items(v)
	if err != nil {
		return nil, err
	}
	n := int(a.Int("r", 0))
	var rows [][]value.Value
	var walk func(from int, row []value.Value)
	walk = func(from int, row []value.Value) {
		if len(row) == n || len(rows) > maxProduct {
			rows = append(rows, append([]value.Value{}, row...))
			return
		}
		for i := from; i < len(in); i++ {
			walk(i+1, append(row, in[i]))
		}
	}
	walk(0, nil)
	return tuples(rows), nil
}

func permutations(v value.Value, a *value.Args) (value.Value, error) {
	in, err := items(v)
	if err != nil {
		return nil, err
	}
	n := int(a.Int("r", int64(len(in))))
	var rows [][]value.Value
	used := make([]bool, len(in))
	var walk func(row []value.Value)
	walk = func(row []value.Value) {
		if len(row) == n || len(rows) > maxProduct {
			rows = append(rows, append([]value.Value{}, row...))
			return
		}
		for i := range in {
			if !used[i] {
				used[i] = true
				walk(append(row, in[i]))
				used[i] = false
			}
		}
	}
	walk(nil)
	return tuples(rows), nil
}

// groupby is Jinja2's, with plain tuples.
func groupby(c *jinja.Call) (value.Value, error) {
	own, _ := jinja.Filters("groupby")
	v, err := own(c)
	if err != nil {
		return nil, err
	}
	groups, err := value.Items(v)
	if err != nil {
		return nil, err
	}
	out := value.NewList()
	for _, g := range groups {
		if t, ok := g.(*value.Tuple); ok {
			g = value.NewTuple(t.Items...)
		}
		out.Items = append(out.Items, g)
	}
	return out, nil
}

func rekey(v value.Value, a *value.Args) (value.Value, error) {
	key, duplicates := a.Need("key"), value.Str(a.Take("duplicates", "error"))
	var in []value.Value
	switch m := v.(type) {
	case *value.Dict:
		for _, item := range m.All() {
			in = append(in, item)
		}
	default:
		var err error
		if in, err = items(v); err != nil {
			return nil, value.Errorf("Type is not a valid list, set, or dict")
		}
	}
	out := value.NewDict()
	for _, item := range in {
		d, ok := item.(*value.Dict)
		if !ok {
			return nil, value.Errorf("List item is not a valid dict")
		}
		k, ok := d.Get(key)
		if !ok {
			return nil, value.Errorf("Key %s was not found", value.Str(key))
		}
		if _, had := out.Get(k); had && duplicates == "error" {
			return nil, value.Errorf("Key %s is not unique, cannot correctly turn into dict", value.Str(k))
		}
		out.Set(k, item)
	}
	return out, nil
}

// two is a filter over two lists.
func two(f func(a, b []value.Value) []value.Value) jinja.Callable {
	return of(func(v value.Value, args *value.Args) (value.Value, error) {
		a, err := items(v)
		if err != nil {
			return nil, err
		}
		other, err := value.Force(args.Need("b"))
		if err != nil {
			return nil, err
		}
		b, err := items(other)
		if err != nil {
			return nil, err
		}
		return list(f(a, b)), nil
	})
}

// index finds equal values quickly where they can be hashed.
type index struct {
	known *value.Dict
	rest  []value.Value
}

func newIndex(in []value.Value) *index {
	x := &index{known: value.NewDict()}
	for _, v := range in {
		x.add(v)
	}
	return x
}

func (x *index) add(v value.Value) {
	if value.Hashable(v) {
		x.known.Set(v, true)
		return
	}
	x.rest = append(x.rest, v)
}

func (x *index) has(v value.Value) bool {
	if value.Hashable(v) {
		_, ok := x.known.Get(v)
		return ok
	}
	for _, r := range x.rest {
		if value.Equal(r, v) {
			return true
		}
	}
	return false
}

func distinct(in []value.Value) []value.Value {
	x := newIndex(nil)
	out := []value.Value{}
	for _, v := range in {
		if !x.has(v) {
			x.add(v)
			out = append(out, v)
		}
	}
	return out
}

// keep returns those of a that are, or are not, in b.
func keep(a, b []value.Value, in bool) []value.Value {
	x := newIndex(b)
	out := []value.Value{}
	for _, v := range a {
		if x.has(v) == in {
			out = append(out, v)
		}
	}
	return out
}

// unique is Jinja2's; lists of what cannot be hashed are accepted too, and case
// counts where nobody says otherwise.
func unique(c *jinja.Call) (value.Value, error) {
	if c.Kwargs == nil && len(c.Args) == 1 {
		in, err := items(c.Args[0])
		if err != nil {
			return nil, err
		}
		folded := newIndex(nil)
		out := []value.Value{}
		for _, v := range in {
			key := v
			if t, ok := value.Text(v); ok { // Jinja2's own does not see case
				key = strings.ToLower(t)
			}
			if !folded.has(key) {
				folded.add(key)
				out = append(out, v)
			}
		}
		return list(out), nil
	}
	own, _ := jinja.Filters("unique")
	v, err := own(c)
	if err != nil {
		return nil, err
	}
	found, err := value.Items(v)
	return list(found), err
}

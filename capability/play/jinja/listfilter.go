package jinja

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

func listFilters(name string) (Callable, bool) {
	switch name {
	case "list":
		return func(c *Call) (value.Value, error) {
			items, err := c.items(c.Args[0])
			return value.NewList(items...), err
		}, true
	case "length", "count":
		return func(c *Call) (value.Value, error) {
			if _, ok := c.Args[0].(*value.Undefined); ok && !c.Environment.Strict {
				return int64(0), nil
			}
			n, err := value.Len(c.Args[0])
			return int64(n), err
		}, true
	case "first", "last":
		return func(c *Call) (value.Value, error) { return c.end(name == "last") }, true
	case "random":
		return func(c *Call) (value.Value, error) {
			items, err := c.items(c.Args[0])
			if err != nil || len(items) == 0 {
				return &value.Undefined{Hint: "No random item, sequence was empty."}, err
			}
			return items[randomly(len(items))], nil
		}, true
	case "reverse":
		return reverse, true
	case "join":
		return join, true
	case "sort":
		return sortFilter, true
	case "dictsort":
		return dictsort, true
	case "unique":
		return unique, true
	case "min", "max":
		return func(c *Call) (value.Value, error) { return extreme(c, name == "max") }, true
	case "sum":
		return sum, true
	case "groupby":
		return groupby, true
	case "batch":
		return batch, true
	case "slice":
		return sliceFilter, true
	case "map":
		return mapFilter, true
	case "select", "reject", "selectattr", "rejectattr":
		return func(c *Call) (value.Value, error) {
			return choose(c, strings.HasPrefix(name, "select"), strings.HasSuffix(name, "attr"))
		}, true
	}
	return nil, false
}

// items are what a filter goes over; an undefined value is empty or an error.
func (c *Call) items(v value.Value) ([]value.Value, error) {
	if u, ok := v.(*value.Undefined); ok {
		if c.Environment.Strict {
			return nil, &value.UndefinedError{Message: u.Hint}
		}
		return nil, nil
	}
	items, err := value.Items(v)
	if len(items) > maxItems {
		return nil, &Error{Kind: Limit, Message: "the list gets too long"}
	}
	return items, err
}

func (c *Call) end(last bool) (value.Value, error) {
	items, err := c.items(c.Args[0])
	switch {
	case err != nil:
		return nil, err
	case len(items) == 0:
		word := "first"
		if last {
			word = "last"
		}
		return &value.Undefined{Hint: "No " + word + " item, sequence was empty.", Chainable: c.Environment.Chainable}, nil
	case last:
		return items[len(items)-1], nil
	}
	return items[0], nil
}

func reverse(c *Call) (value.Value, error) {
	v := c.Args[0]
	if text, ok := value.Text(v); ok {
		runes := []rune(text)
		slices.Reverse(runes)
		if _, unsafe := v.(value.Unsafe); unsafe {
			return value.Unsafe(runes), nil
		}
		return string(runes), nil
	}
	items, err := c.items(v)
	if _, undefined := v.(*value.Undefined); undefined && err != nil {
		return nil, err
	}
	if err != nil {
		return nil, &value.TypeError{Message: "argument must be iterable"}
	}
	slices.Reverse(items)
	return generator(items), nil
}

// generator gives items once, as the filters do that are generators in Python.
func generator(items []value.Value) value.Value {
	return value.NewIterator(func(yield func(value.Value, error) bool) {
		for _, i := range items {
			if !yield(i, nil) {
				return
			}
		}
	})
}

func named(name string, seq iter.Seq2[value.Value, error]) *value.Iterator {
	it := value.NewIterator(seq)
	it.Name = name
	return it
}

// attributePath splits "a.b.0" into what is looked up in turn.
func attributePath(v value.Value) []value.Value {
	text, ok := value.Text(v)
	if !ok {
		return []value.Value{v}
	}
	var out []value.Value
	for part := range strings.SplitSeq(text, ".") {
		if n, err := strconv.ParseInt(part, 10, 64); err == nil && n >= 0 {
			out = append(out, n)
			continue
		}
		out = append(out, part)
	}
	return out
}

// attributeOf looks a path up in v. An undefined step is replaced by otherwise, if that is set.
func (c *Call) attributeOf(v value.Value, path []value.Value, otherwise value.Value) (value.Value, error) {
	f := c.frame
	if f == nil {
		f = newFrame(c.Context, c.Environment, c.Vars, "")
	}
	for _, key := range path {
		next, err := f.item(v, key)
		if err != nil {
			return nil, err
		}
		if _, undefined := next.(*value.Undefined); undefined && otherwise != nil {
			next = otherwise
		}
		v = next
	}
	return v, nil
}

func ignoreCase(v value.Value) value.Value {
	if text, ok := value.Text(v); ok {
		return strings.ToLower(text)
	}
	return v
}

// keyed pairs items with what they are compared by.
type keyed struct{ key, item value.Value }

func (c *Call) keys(items []value.Value, attribute value.Value, caseSensitive bool, otherwise value.Value) ([]keyed, error) {
	out := make([]keyed, len(items))
	var paths [][]value.Value
	if text, ok := value.Text(attribute); ok {
		for part := range strings.SplitSeq(text, ",") {
			paths = append(paths, attributePath(part))
		}
	} else if attribute != nil {
		paths = [][]value.Value{{attribute}}
	}
	for i, item := range items {
		key := item
		if len(paths) > 0 {
			parts := make([]value.Value, len(paths))
			for j, path := range paths {
				v, err := c.attributeOf(item, path, otherwise)
				if err != nil {
					return nil, err
				}
				if !caseSensitive {
					v = ignoreCase(v)
				}
				parts[j] = v
			}
			key = parts[0]
			if len(parts) > 1 {
				key = value.NewTuple(parts...)
			}
		} else if !caseSensitive {
			key = ignoreCase(key)
		}
		out[i] = keyed{key, item}
	}
	return out, nil
}

func sortKeyed(items []keyed, reverse bool) error {
	var failure error
	slices.SortStableFunc(items, func(a, b keyed) int {
		order, err := value.Compare(a.key, b.key, "<")
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

func itemsOf(items []keyed) []value.Value {
	out := make([]value.Value, len(items))
	for i, k := range items {
		out[i] = k.item
	}
	return out
}

func sortFilter(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, reverse, sensitive, attribute := a.Need("value"), value.Truth(a.Take("reverse", false)), value.Truth(a.Take("case_sensitive", false)), a.Take("attribute", nil)
	items, err := c.items(v)
	if err != nil {
		return nil, err
	}
	keys, err := c.keys(items, attribute, sensitive, nil)
	if err != nil {
		return nil, err
	}
	if err := sortKeyed(keys, reverse); err != nil {
		return nil, err
	}
	return value.NewList(itemsOf(keys)...), nil
}

func dictsort(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, sensitive, by, reverse := a.Need("value"), value.Truth(a.Take("case_sensitive", false)), value.Str(a.Take("by", "key")), value.Truth(a.Take("reverse", false))
	if by != "key" && by != "value" {
		return nil, value.Errorf(`You can only sort by either "key" or "value"`)
	}
	if u, ok := v.(*value.Undefined); ok {
		return nil, &value.UndefinedError{Message: u.Hint}
	}
	d, err := value.ToDict(v)
	if err != nil {
		return nil, err
	}
	var items []keyed
	for k, item := range d.All() {
		key := k
		if by == "value" {
			key = item
		}
		if !sensitive {
			key = ignoreCase(key)
		}
		items = append(items, keyed{key, value.NewTuple(k, item)})
	}
	if err := sortKeyed(items, reverse); err != nil {
		return nil, err
	}
	return value.NewList(itemsOf(items)...), nil
}

func unique(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, sensitive, attribute := a.Need("value"), value.Truth(a.Take("case_sensitive", false)), a.Take("attribute", nil)
	items, err := c.items(v)
	if err != nil {
		return nil, err
	}
	keys, err := c.keys(items, attribute, sensitive, nil)
	if err != nil {
		return nil, err
	}
	seen := value.NewDict()
	var out []value.Value
	for _, k := range keys {
		if !value.Hashable(k.key) {
			return nil, &value.TypeError{Message: fmt.Sprintf("unhashable type: '%s'", value.TypeName(k.key))}
		}
		if _, ok := seen.Get(k.key); !ok {
			seen.Set(k.key, true)
			out = append(out, k.item)
		}
	}
	return generator(out), nil
}

func extreme(c *Call, largest bool) (value.Value, error) {
	a := c.Arguments()
	v, sensitive, attribute := a.Need("value"), value.Truth(a.Take("case_sensitive", false)), a.Take("attribute", nil)
	items, err := c.items(v)
	if err != nil {
		return nil, err
	}
	keys, err := c.keys(items, attribute, sensitive, nil)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return &value.Undefined{Hint: "No aggregated item, sequence was empty.", Chainable: c.Environment.Chainable}, nil
	}
	best := keys[0]
	for _, k := range keys[1:] {
		order, err := value.Compare(k.key, best.key, map[bool]string{true: ">", false: "<"}[largest])
		if err != nil {
			return nil, err
		}
		if largest && order > 0 || !largest && order < 0 {
			best = k
		}
	}
	return best.item, nil
}

func sum(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, attribute, total := a.Need("iterable"), a.Take("attribute", nil), a.Take("start", int64(0))
	items, err := c.items(v)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if attribute != nil {
			if item, err = c.attributeOf(item, attributePath(attribute), nil); err != nil {
				return nil, err
			}
		}
		if u, ok := item.(*value.Undefined); ok {
			return nil, &value.UndefinedError{Message: u.Hint}
		}
		if total, err = arithmetic("+", total, item); err != nil {
			return nil, err
		}
	}
	return total, a.Err
}

func join(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, glue, attribute := a.Need("value"), value.Str(a.Take("d", "")), a.Take("attribute", nil)
	items, err := c.items(v)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	unsafe := false
	for i, item := range items {
		if attribute != nil {
			if item, err = c.attributeOf(item, attributePath(attribute), nil); err != nil {
				return nil, err
			}
		}
		if u, ok := item.(*value.Undefined); ok && c.Environment.Strict {
			return nil, &value.UndefinedError{Message: u.Hint}
		}
		if _, ok := item.(value.Unsafe); ok {
			unsafe = true
		}
		if i > 0 {
			b.WriteString(glue)
		}
		b.WriteString(value.Str(item))
		if b.Len() > maxText {
			return nil, &Error{Kind: Limit, Message: "the text gets too long"}
		}
	}
	if unsafe {
		return value.Unsafe(b.String()), a.Err
	}
	return b.String(), a.Err
}

func groupby(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, attribute, otherwise, sensitive := a.Need("value"), a.Need("attribute"), a.Take("default", nil), value.Truth(a.Take("case_sensitive", false))
	if a.Err != nil {
		return nil, a.Err
	}
	items, err := c.items(v)
	if err != nil {
		return nil, err
	}
	keys, err := c.keys(items, attribute, sensitive, otherwise)
	if err != nil {
		return nil, err
	}
	if err := sortKeyed(keys, false); err != nil {
		return nil, err
	}
	out := value.NewList()
	for i := 0; i < len(keys); {
		j := i
		members := value.NewList()
		for j < len(keys) && value.Equal(keys[i].key, keys[j].key) {
			members.Items = append(members.Items, keys[j].item)
			j++
		}
		grouper := keys[i].key
		if !sensitive { // shown as the first of the group has it
			if grouper, err = c.attributeOf(keys[i].item, attributePath(attribute), otherwise); err != nil {
				return nil, err
			}
		}
		out.Items = append(out.Items, &value.Tuple{Items: []value.Value{grouper, members}, Names: []string{"grouper", "list"}})
		i = j
	}
	return out, nil
}

func batch(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, n, fill := a.Need("value"), int(a.Int("linecount", 1)), a.Take("fill_with", nil)
	items, err := c.items(v)
	if err != nil || n < 1 {
		return nil, err
	}
	var out []value.Value
	for part := range slices.Chunk(items, n) {
		row := value.NewList(slices.Clone(part)...)
		for fill != nil && len(row.Items) < n {
			row.Items = append(row.Items, fill)
		}
		out = append(out, row)
	}
	return generator(out), a.Err
}

func sliceFilter(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, n, fill := a.Need("value"), int(a.Int("slices", 1)), a.Take("fill_with", nil)
	items, err := c.items(v)
	if err != nil || n < 1 || n > maxItems {
		return nil, err
	}
	each, more := len(items)/n, len(items)%n
	var out []value.Value
	at := 0
	for i := range n {
		size := each
		if i < more {
			size++
		}
		row := value.NewList(slices.Clone(items[at : at+size])...)
		if fill != nil && more > 0 && i >= more {
			row.Items = append(row.Items, fill)
		}
		at += size
		out = append(out, row)
	}
	return generator(out), a.Err
}

// mapFilter applies a filter to each item, or takes an attribute of each.
func mapFilter(c *Call) (value.Value, error) {
	items, err := c.items(c.Args[0])
	if err != nil {
		return nil, err
	}
	var each func(item value.Value) (value.Value, error)
	attribute, byAttribute := c.Kwargs.Str("attribute")
	switch {
	case len(c.Args) == 1 && byAttribute:
		otherwise, _ := c.Kwargs.Str("default")
		for k := range c.Kwargs.All() {
			if name := value.Str(k); name != "attribute" && name != "default" {
				return nil, &Error{Kind: Runtime, Message: "Unexpected keyword argument " + quoted(name)}
			}
		}
		path := attributePath(attribute)
		each = func(item value.Value) (value.Value, error) { return c.attributeOf(item, path, otherwise) }
	case len(c.Args) < 2:
		return nil, &Error{Kind: Runtime, Message: "map requires a filter argument"}
	default:
		name := value.Str(c.Args[1])
		if _, ok := c.Environment.filter(name); !ok {
			return nil, &Error{Kind: Runtime, Message: "No filter named " + quoted(name) + "."}
		}
		each = func(item value.Value) (value.Value, error) {
			return c.Filtered(name, append([]value.Value{item}, c.Args[2:]...), c.Kwargs)
		}
	}
	return named("sync_do_map", func(yield func(value.Value, error) bool) {
		for _, item := range items {
			v, err := each(item)
			if !yield(v, err) || err != nil {
				return
			}
		}
	}), nil
}

// choose is select, reject, selectattr and rejectattr.
func choose(c *Call, keep, byAttribute bool) (value.Value, error) {
	items, err := c.items(c.Args[0])
	if err != nil {
		return nil, err
	}
	args := c.Args[1:]
	var path []value.Value
	if byAttribute {
		if len(args) == 0 {
			return nil, &Error{Kind: Runtime, Message: "Missing parameter for attribute name"}
		}
		path, args = attributePath(args[0]), args[1:]
	}
	holds := func(v value.Value) (bool, error) {
		if c.frame != nil {
			return c.frame.truth(v)
		}
		return value.Truth(v), nil
	}
	if len(args) > 0 {
		name := value.Str(args[0])
		if _, ok := c.Environment.test(name); !ok {
			return nil, &Error{Kind: Runtime, Message: "No test named " + quoted(name) + "."}
		}
		holds = func(v value.Value) (bool, error) {
			return c.Tested(name, append([]value.Value{v}, args[1:]...), c.Kwargs)
		}
	}
	return named("select_or_reject", func(yield func(value.Value, error) bool) {
		for _, item := range items {
			v, err := c.attributeOf(item, path, nil)
			yes := false
			if err == nil {
				yes, err = holds(v)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if yes == keep && !yield(item, nil) {
				return
			}
		}
	}), nil
}

package filter

import (
	"fmt"
	"slices"

	"github.com/jmespath-community/go-jmespath"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

// community are filters of community.general.
func (s *Set) community() map[string]jinja.Callable {
	return map[string]jinja.Callable{
		"json_query": of(func(v value.Value, a *value.Args) (value.Value, error) {
			found, err := jmespath.Search(value.Str(a.Need("expr")), value.ToGo(v))
			if err != nil {
				return nil, value.Errorf("JMESPathError in json_query filter plugin:\n%s", err)
			}
			return value.FromGo(found), nil
		}),
		"version_sort": of(func(v value.Value, a *value.Args) (value.Value, error) {
			in, err := items(v)
			if err != nil {
				return nil, err
			}
			out := slices.Clone(in)
			slices.SortStableFunc(out, func(x, y value.Value) int {
				n, compareErr := compareLoose(value.Str(x), value.Str(y))
				if compareErr != nil && err == nil {
					err = compareErr
				}
				return n
			})
			if value.Truth(a.Take("reverse", false)) {
				slices.Reverse(out)
			}
			return list(out), err
		}),
		"dict": of(func(v value.Value, _ *value.Args) (value.Value, error) { return value.ToDict(v) }),
		"dict_kv": of(func(v value.Value, a *value.Args) (value.Value, error) {
			return value.DictOf(a.Need("key"), v), nil
		}),
		"counter": of(func(v value.Value, _ *value.Args) (value.Value, error) {
			in, err := items(v)
			out := value.NewDict()
			for _, i := range in {
				n, _ := out.Get(i)
				c, _ := n.(int64)
				out.Set(i, c+1)
			}
			return out, err
		}),
		"random_mac": text(func(t string, a *value.Args) (value.Value, error) {
			r := seeded(a.Take("seed", nil))
			out := t
			for len(out) < 17 {
				out += fmt.Sprintf(":%02x", r.IntN(256))
			}
			return out, nil
		}),
		"lists_mergeby": func(c *jinja.Call) (value.Value, error) { return listsMergeBy(c) },
	}
}

// listsMergeBy merges lists of dictionaries by the value of a key.
func listsMergeBy(c *jinja.Call) (value.Value, error) {
	if len(c.Args) < 2 {
		return nil, value.Errorf("Missing arguments. lists_mergeby(list1, ..., index) needs at least two")
	}
	key := c.Args[len(c.Args)-1]
	merged, order := map[string]*value.Dict{}, []string{}
	for _, arg := range c.Args[:len(c.Args)-1] {
		in, err := items(arg)
		if err != nil {
			return nil, err
		}
		for _, i := range in {
			d, ok := i.(*value.Dict)
			if !ok {
				continue
			}
			k, ok := d.Get(key)
			if !ok {
				continue
			}
			name := value.Repr(k)
			if _, had := merged[name]; !had {
				merged[name] = value.NewDict()
				order = append(order, name)
			}
			merged[name] = mergeDicts(merged[name], d, false, "replace")
		}
	}
	slices.Sort(order)
	out := value.NewList()
	for _, name := range order {
		out.Items = append(out.Items, merged[name])
	}
	return out, nil
}

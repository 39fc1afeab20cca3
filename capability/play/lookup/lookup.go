// Package lookup holds the lookups of ansible-core, and the first of
// community.general by use ("Lookup plugins" in Ansible's documentation).
package lookup

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
	"garboard.dev/garboard/host/program"
)

// Options are what lookups use of the outside.
type Options struct {
	Getenv   func(string) string
	Home     string
	Programs program.Runner
	HTTP     *http.Client
	// Read returns a file's content, opened where it is a vault.
	Read func(path string) ([]byte, error)
	// Config returns a setting of the configuration; false where there is none.
	Config func(name string) (value.Value, bool)
	// Match returns the hosts that a pattern names.
	Match func(pattern string) ([]string, error)
	// Managed is the text of the variable ansible_managed.
	Managed string
	// Loader finds the templates that a template includes.
	Loader func(dirs []string) func(name string) (source, file string, err error)
}

// Set is a set of lookups.
type Set struct {
	Options
	lookups map[string]template.Lookup
}

// New returns all lookups.
func New(o Options) *Set {
	s := &Set{Options: o}
	s.lookups = map[string]template.Lookup{
		"items": items, "list": list, "flattened": flattened, "dict": dict, "indexed_items": indexed, "nested": nested,
		"together": together, "subelements": subelements, "sequence": sequence, "random_choice": randomChoice,
		"vars": variables, "varnames": varnames, "config": s.config, "env": s.env, "inventory_hostnames": s.hostnames,
		"file": s.file, "unvault": s.unvault, "template": s.template, "fileglob": s.fileglob, "filetree": s.filetree, "first_found": s.firstFound,
		"lines": s.lines, "pipe": s.pipe, "csvfile": s.csvfile, "ini": s.ini, "password": s.password, "url": s.url, "random_string": randomString,
	}
	return s
}

// Lookup finds a lookup.
func (s *Set) Lookup(name string) (template.Lookup, bool) {
	for _, p := range []string{"ansible.builtin.", "ansible.legacy.", "community.general."} {
		name = strings.TrimPrefix(name, p)
	}
	l, ok := s.lookups[name]
	return l, ok
}

// Names returns the names of all lookups, sorted.
func (s *Set) Names() []string {
	var out []string
	for n := range s.lookups {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

// option returns one of a lookup's keyword options.
func option(c *template.LookupCall, name string, otherwise value.Value) value.Value {
	if v, ok := c.Options.Str(name); ok {
		return v
	}
	return otherwise
}

func flag(c *template.LookupCall, name string, otherwise bool) bool {
	v := option(c, name, otherwise)
	if text, ok := value.Text(v); ok {
		switch strings.ToLower(text) {
		case "yes", "on", "true", "1", "y", "t":
			return true
		}
		return false
	}
	return value.Truth(v)
}

// terms are the terms as text.
func terms(c *template.LookupCall) []string {
	out := make([]string, len(c.Terms.Items))
	for i, t := range c.Terms.Items {
		out[i] = value.Str(t)
	}
	return out
}

// asList reads a term that is a list, or a text that is an expression for one.
func asList(c *template.LookupCall, v value.Value) ([]value.Value, error) {
	switch l := v.(type) {
	case *value.List:
		return l.Items, nil
	case *value.Tuple:
		return l.Items, nil
	case *value.Undefined:
		return nil, &value.UndefinedError{Message: l.Hint}
	}
	return []value.Value{v}, nil
}

func items(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, t := range c.Terms.Items {
		switch l := t.(type) {
		case *value.List:
			out.Items = append(out.Items, l.Items...)
		case *value.Tuple:
			out.Items = append(out.Items, l.Items...)
		default:
			out.Items = append(out.Items, t)
		}
	}
	return out, nil
}

func list(c *template.LookupCall) (*value.List, error) { return c.Terms, nil }

func flattened(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	var walk func(v value.Value)
	walk = func(v value.Value) {
		switch l := v.(type) {
		case nil:
		case *value.List:
			for _, i := range l.Items {
				walk(i)
			}
		case *value.Tuple:
			for _, i := range l.Items {
				walk(i)
			}
		case string:
			if l != "None" && l != "null" {
				out.Items = append(out.Items, l)
			}
		default:
			out.Items = append(out.Items, l)
		}
	}
	walk(c.Terms)
	return out, nil
}

func dict(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, t := range c.Terms.Items {
		d, err := value.ToDict(t)
		if _, ok := t.(*value.Dict); !ok && err != nil {
			return nil, value.Errorf("with_dict expects a dict")
		}
		for k, v := range d.All() {
			out.Items = append(out.Items, value.DictOf("key", k, "value", v))
		}
	}
	return out, nil
}

func indexed(c *template.LookupCall) (*value.List, error) {
	all, err := items(c)
	out := value.NewList()
	for i, v := range all.Items {
		out.Items = append(out.Items, value.NewTuple(int64(i), v))
	}
	return out, err
}

// maxNested bounds what nested makes.
const maxNested = 10_000_000

func nested(c *template.LookupCall) (*value.List, error) {
	if len(c.Terms.Items) == 0 {
		return nil, value.Errorf("with_nested requires at least one element in the nested list")
	}
	rows := [][]value.Value{{}}
	for _, t := range c.Terms.Items {
		l, err := asList(c, t)
		if err != nil {
			return nil, err
		}
		if len(rows)*len(l) > maxNested {
			return nil, fmt.Errorf("with_nested would give more than %d items", maxNested)
		}
		var next [][]value.Value
		for _, r := range rows {
			for _, i := range l {
				next = append(next, append(slices.Clone(r), i))
			}
		}
		rows = next
	}
	out := value.NewList()
	for _, r := range rows {
		flat := value.NewList()
		for _, i := range r {
			if l, ok := i.(*value.List); ok {
				flat.Items = append(flat.Items, l.Items...)
				continue
			}
			flat.Items = append(flat.Items, i)
		}
		out.Items = append(out.Items, flat)
	}
	return out, nil
}

func together(c *template.LookupCall) (*value.List, error) {
	if len(c.Terms.Items) == 0 {
		return nil, value.Errorf("with_together requires at least one element in each list")
	}
	n := 0
	var all [][]value.Value
	for _, t := range c.Terms.Items {
		l, err := asList(c, t)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
		n = max(n, len(l))
	}
	out := value.NewList()
	for i := range n {
		row := value.NewList()
		for _, l := range all {
			if i < len(l) {
				row.Items = append(row.Items, l[i])
			} else {
				row.Items = append(row.Items, nil)
			}
		}
		out.Items = append(out.Items, row)
	}
	return out, nil
}

func subelements(c *template.LookupCall) (*value.List, error) {
	in := c.Terms.Items
	if len(in) < 2 || len(in) > 3 {
		return nil, value.Errorf("subelements lookup expects a list of two or three items, ")
	}
	skip := flag(c, "skip_missing", false)
	if len(in) == 3 {
		if d, ok := in[2].(*value.Dict); ok {
			v, _ := d.Str("skip_missing")
			skip = v != nil && value.Truth(v) && !strings.EqualFold(value.Str(v), "no") && !strings.EqualFold(value.Str(v), "false")
		}
	}
	var elements []value.Value
	switch e := in[0].(type) {
	case *value.Dict:
		for _, v := range e.All() {
			elements = append(elements, v)
		}
	case *value.List:
		elements = e.Items
	default:
		return nil, value.Errorf("subelements lookup expects a list of two or three items, first a dict or a list, second a string pointing to the subkey")
	}
	path := strings.Split(value.Str(in[1]), ".")
	out := value.NewList()
	for _, e := range elements {
		d, ok := e.(*value.Dict)
		if !ok {
			return nil, value.Errorf("subelements lookup expects a dictionary, got '%s'", value.Str(e))
		}
		if v, ok := d.Str("skipped"); ok && value.Truth(v) {
			continue
		}
		found, err := sub(d, path, skip)
		if err != nil {
			return nil, err
		}
		for _, i := range found {
			out.Items = append(out.Items, value.NewTuple(e, i))
		}
	}
	return out, nil
}

func sub(d *value.Dict, path []string, skip bool) ([]value.Value, error) {
	for i, key := range path {
		v, ok := d.Str(key)
		if !ok {
			if skip {
				return nil, nil
			}
			return nil, value.Errorf("could not find '%s' key in iterated item '%s'", key, value.Str(d))
		}
		if i == len(path)-1 {
			l, isList := v.(*value.List)
			if !isList {
				if skip {
					return nil, nil
				}
				return nil, value.Errorf("the key %s should point to a list, got '%s'", key, value.Str(v))
			}
			return l.Items, nil
		}
		next, isDict := v.(*value.Dict)
		if !isDict {
			if skip {
				return nil, nil
			}
			return nil, value.Errorf("the key %s should point to a dictionary, got '%s'", key, value.Str(v))
		}
		d = next
	}
	return nil, nil
}

// variables looks variables up by name.
func variables(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	otherwise, hasDefault := c.Options.Str("default")
	for _, name := range terms(c) {
		raw, ok := c.Scope.Raw(name)
		if !ok {
			if !hasDefault {
				return nil, &value.UndefinedError{Message: "No variable found with this name: " + name}
			}
			out.Items = append(out.Items, otherwise)
			continue
		}
		v, err := c.Engine.Value(c.Context, raw, c.Scope)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

// run runs a command line with a shell and returns what it prints.
func run(ctx context.Context, p program.Runner, line, dir string) ([]byte, error) {
	const limit = 256 << 20
	return program.Output(ctx, p, program.Command{Name: "/bin/sh", Args: []string{"-c", line}, Dir: dir}, limit)
}

// Package filter holds what ansible-core adds to Jinja2: its filters and tests,
// and the first of ansible.utils and community.general by use ("Using filters to
// manipulate data" and "Tests" in Ansible's documentation).
package filter

import (
	"math/rand/v2"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
	"garboard.dev/garboard/capability/play/vault"
)

// Options are what filters use of the outside.
type Options struct {
	Now    func() time.Time
	Getenv func(string) string
	Home   string
	// Extra finds filters and tests of other names than those that upstream has.
	Vault *vault.Keyring
}

// Set is a set of filters and tests.
type Set struct {
	Options
	filters map[string]jinja.Callable
	tests   map[string]jinja.Callable
}

// New returns all filters and tests.
func New(o Options) *Set {
	s := &Set{Options: o, filters: map[string]jinja.Callable{}, tests: map[string]jinja.Callable{}}
	for _, group := range []map[string]jinja.Callable{
		s.encodings(), s.texts(), s.paths(), s.collections(), s.mathematics(), s.regexes(), s.times(), s.secrets(), s.network(), s.community(),
	} {
		for name, f := range group {
			s.filters[name] = f
		}
	}
	for _, group := range []map[string]jinja.Callable{s.resultTests(), s.textTests(), s.fileTests(), s.setTests()} {
		for name, f := range group {
			s.tests[name] = f
		}
	}
	return s
}

// collections are the prefixes by which names may be written in full.
var prefixes = []string{"ansible.builtin.", "ansible.legacy.", "ansible.utils.", "ansible.netcommon.", "community.general."}

func short(name string) string {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(name, p); ok {
			return rest
		}
	}
	return name
}

// Filter finds a filter.
func (s *Set) Filter(name string) (jinja.Callable, bool) {
	f, ok := s.filters[short(name)]
	if !ok && short(name) != name {
		f, ok = jinja.Filters(short(name))
	}
	return f, ok
}

// Test finds a test.
func (s *Set) Test(name string) (jinja.Callable, bool) {
	f, ok := s.tests[short(name)]
	if !ok && short(name) != name {
		f, ok = jinja.Tests(short(name))
	}
	return f, ok
}

// Names returns the names of the filters and tests, unsorted.
func (s *Set) Names() (filters, tests []string) {
	for n := range s.filters {
		filters = append(filters, n)
	}
	for n := range s.tests {
		tests = append(tests, n)
	}
	return filters, tests
}

// text is a filter over text.
func text(f func(s string, a *value.Args) (value.Value, error)) jinja.Callable {
	return func(c *jinja.Call) (value.Value, error) {
		a := c.Arguments()
		v, err := value.Force(a.Need("value"))
		if err != nil {
			return nil, err
		}
		if u, ok := v.(*value.Undefined); ok {
			return nil, undefined(u)
		}
		out, err := f(value.Str(v), a)
		if err == nil {
			err = a.Err
		}
		return out, err
	}
}

// of is a filter over any value.
func of(f func(v value.Value, a *value.Args) (value.Value, error)) jinja.Callable {
	return func(c *jinja.Call) (value.Value, error) {
		a := c.Arguments()
		v, err := value.Force(a.Need("value"))
		if err != nil {
			return nil, err
		}
		out, err := f(v, a)
		if err == nil {
			err = a.Err
		}
		return out, err
	}
}

func undefined(u *value.Undefined) error { return &value.UndefinedError{Message: u.Hint} }

// items returns what a list-like value holds.
func items(v value.Value) ([]value.Value, error) {
	if u, ok := v.(*value.Undefined); ok {
		return nil, undefined(u)
	}
	return value.Items(v)
}

// seeded returns random numbers: always the same for a seed.
func seeded(seed value.Value) *rand.Rand {
	if seed == nil {
		return rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) // not for secrets
	}
	var a, b uint64 = 1469598103934665603, 1099511628211
	for _, r := range value.Str(seed) {
		a = (a ^ uint64(r)) * 1099511628211
		b = b*31 + uint64(r)
	}
	return rand.New(rand.NewPCG(a, b)) // not for secrets
}

// lower is a name's form in comparisons.
func lower(v value.Value) string { return strings.ToLower(strings.TrimSpace(value.Str(v))) }

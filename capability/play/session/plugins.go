package session

import (
	"net/http"
	"os"
	"path/filepath"

	"garboard.dev/garboard/capability/play/filter"
	"garboard.dev/garboard/capability/play/lookup"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// plugins are what Ansible adds to Jinja2.
func (s *Session) plugins() template.Plugins {
	filters := filter.New(filter.Options{Now: s.Now, Getenv: s.Getenv, Home: s.Home})
	lookups := lookup.New(lookup.Options{
		Getenv: s.Getenv, Home: s.Home, Programs: s.Programs, HTTP: http.DefaultClient, Read: s.Read,
		Config: func(name string) (value.Value, bool) {
			if !s.Config.Has(name) {
				return nil, false
			}
			return s.Config.Value(name), true
		},
		Managed: s.Config.String("DEFAULT_MANAGED_STR"),
		Match:   func(pattern string) ([]string, error) { return s.Inventory.Match(pattern) },
		Loader:  s.templates,
	})
	now := &value.Func{Name: "now", Call: func(args []value.Value, kwargs *value.Dict) (value.Value, error) {
		a := &value.Args{Name: "now", Items: args, Named: kwargs}
		utc, format := value.Truth(a.Take("utc", false)), a.Take("fmt", nil)
		t := s.Now()
		if utc {
			t = t.UTC()
		}
		if format != nil {
			return value.Strftime(value.Str(format), t), nil
		}
		return value.Time{Time: t}, nil
	}}
	return template.Plugins{Filter: filters.Filter, Test: filters.Test, Lookup: lookups.Lookup, Global: map[string]value.Value{"now": now}}
}

// templates finds the templates that a template includes.
func (s *Session) templates(dirs []string) func(name string) (string, string, error) {
	return func(name string) (string, string, error) {
		for _, dir := range dirs {
			for _, path := range []string{filepath.Join(dir, "templates", name), filepath.Join(dir, name)} {
				if isFile(path) {
					data, err := s.Read(path)
					return string(data), path, err
				}
			}
		}
		return "", "", os.ErrNotExist
	}
}

// Package config reads ansible.cfg and the ANSIBLE_ variables: which settings
// there are, where each may come from, and what holds where nobody says anything
// ("Ansible Configuration Settings" in Ansible's documentation).
package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// Type is how a setting's text is read.
type Type string

// The types of settings.
const (
	Text       Type = "string"
	Bool       Type = "boolean"
	Int        Type = "integer"
	List       Type = "list"     // with commas
	Path       Type = "path"     // beginning with ~ or relative to the file that says it
	Paths      Type = "pathlist" // with colons
	PathsComma Type = "pathspec"
)

// Setting is one setting.
type Setting struct {
	Name    string // upstream's, as in `ansible-config dump`
	Section string // of ansible.cfg
	Key     string
	Env     []string
	Type    Type
	Default string
}

// Reader is what reading a configuration needs of the outside.
type Reader struct {
	ReadFile func(path string) ([]byte, error)
	Getenv   func(name string) string
	// Dir is the working folder; WorldWritable says whether its ansible.cfg is not to be trusted.
	Dir           string
	WorldWritable bool
	Home          string
}

// Config holds the settings that count.
type Config struct {
	File   string // the ansible.cfg that was read, "" for none
	values map[string]string
	origin map[string]string
	home   string
	// Warnings are for the user.
	Warnings []string
}

// Load finds and reads the configuration: ANSIBLE_CONFIG, ansible.cfg in the
// working folder, ~/.ansible.cfg, /etc/ansible/ansible.cfg; the first one counts.
func Load(r Reader) (*Config, error) {
	c := &Config{values: map[string]string{}, origin: map[string]string{}, home: r.Home}
	sections, err := c.find(r)
	if err != nil {
		return nil, err
	}
	for _, s := range Settings() {
		c.set(s, sections, r.Getenv)
	}
	return c, nil
}

func (c *Config) find(r Reader) (map[string]map[string]string, error) {
	var candidates []string
	if path := r.Getenv("ANSIBLE_CONFIG"); path != "" {
		path = c.expand(path)
		candidates = append(candidates, path, filepath.Join(path, "ansible.cfg"))
	}
	here := filepath.Join(r.Dir, "ansible.cfg")
	if !r.WorldWritable {
		candidates = append(candidates, here)
	}
	candidates = append(candidates, filepath.Join(r.Home, ".ansible.cfg"), "/etc/ansible/ansible.cfg")
	for _, path := range candidates {
		data, err := r.ReadFile(path)
		if err != nil {
			continue // the next place counts then
		}
		sections, err := Parse(string(data))
		if err != nil {
			//lint:ignore ST1005 Ansible's sentence
			return nil, fmt.Errorf("Error reading config file (%s): %w", path, err)
		}
		c.File = path
		return sections, nil
	}
	if _, err := r.ReadFile(here); err == nil && r.WorldWritable {
		c.Warnings = append(c.Warnings, fmt.Sprintf("Ansible is being run in a world writable directory (%s), ignoring it as an ansible.cfg source.", r.Dir))
	}
	return nil, nil
}

func (c *Config) set(s Setting, sections map[string]map[string]string, getenv func(string) string) {
	c.values[s.Name], c.origin[s.Name] = s.Default, "default"
	if v, ok := sections[s.Section][s.Key]; ok {
		if (s.Type == Path || s.Type == Paths || s.Type == PathsComma) && v != "" {
			v = c.besideFile(s.Type, v)
		}
		c.values[s.Name], c.origin[s.Name] = v, c.File
	}
	for _, name := range s.Env {
		if v := getenv(name); v != "" {
			c.values[s.Name], c.origin[s.Name] = v, "env: "+name
		}
	}
}

// besideFile makes paths of a file relative to its folder.
func (c *Config) besideFile(t Type, v string) string {
	separator := ":"
	if t == PathsComma {
		separator = ","
	}
	if t == Path {
		return c.beside(v)
	}
	parts := strings.Split(v, separator)
	for i, p := range parts {
		parts[i] = c.beside(strings.TrimSpace(p))
	}
	return strings.Join(parts, separator)
}

func (c *Config) beside(path string) string {
	path = strings.ReplaceAll(path, "{{CWD}}", filepath.Dir(c.File))
	if path == "" || filepath.IsAbs(path) || strings.HasPrefix(path, "~") || strings.HasPrefix(path, "$") {
		return path
	}
	return filepath.Join(filepath.Dir(c.File), path)
}

func (c *Config) expand(path string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		return filepath.Join(c.home, path[1:])
	}
	return path
}

// Origin says where a setting comes from: "default", a file, or "env: NAME".
func (c *Config) Origin(name string) string { return c.origin[name] }

// String returns a setting as text.
func (c *Config) String(name string) string { return c.values[name] }

// Path returns a setting that is a path.
func (c *Config) Path(name string) string { return c.expand(c.values[name]) }

// Paths returns a setting that is a list of paths.
func (c *Config) Paths(name string) []string {
	var out []string
	for p := range strings.FieldsFuncSeq(c.values[name], func(r rune) bool { return r == ':' }) {
		out = append(out, c.expand(strings.TrimSpace(p)))
	}
	return out
}

// List returns a setting that is a list.
func (c *Config) List(name string) []string {
	var out []string
	for p := range strings.SplitSeq(c.values[name], ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// Bool returns a setting that is a truth.
func (c *Config) Bool(name string) bool {
	switch strings.ToLower(strings.TrimSpace(c.values[name])) {
	case "yes", "on", "true", "t", "y", "1":
		return true
	}
	return false
}

// Int returns a setting that is a number; what is none counts as the default.
func (c *Config) Int(name string) int {
	n, err := strconv.Atoi(strings.TrimSpace(c.values[name]))
	if err != nil {
		at := slices.IndexFunc(Settings(), func(s Setting) bool { return s.Name == name })
		n, _ = strconv.Atoi(Settings()[at].Default) // 0 where there is none
	}
	return n
}

// Has says whether there is a setting of that name.
func (c *Config) Has(name string) bool {
	_, ok := c.values[name]
	return ok
}

// Value returns a setting in the form of its type.
func (c *Config) Value(name string) any {
	at := slices.IndexFunc(Settings(), func(s Setting) bool { return s.Name == name })
	if at < 0 {
		return nil
	}
	switch Settings()[at].Type {
	case Bool:
		return c.Bool(name)
	case Int:
		if c.values[name] == "" {
			return nil
		}
		return int64(c.Int(name))
	case List, PathsComma:
		return value.FromGo(c.List(name))
	case Paths:
		return value.FromGo(c.Paths(name))
	case Path:
		return c.Path(name)
	}
	return c.values[name]
}

package module

import (
	"fmt"
	"io"
	"time"

	"garboard.dev/garboard/host/program"
)

// Call is one run of a module: validated arguments, and the machine it works on.
type Call struct {
	Module    *Module
	Args      Args
	Check     bool // change nothing, say what would change
	Diff      bool // tell before and after
	Verbosity int
	Machine   Machine

	Warnings     []string
	Deprecations []Deprecation
}

// Machine is what a module uses of its machine beside the file system.
type Machine struct {
	Programs program.Runner
	Now      func() time.Time
	Getenv   func(string) string // the task's environment over the process's own
	Env      []string            // the task's environment, "KEY=value", for programs that the module runs
	Temp     string              // a private directory of this call, removed after it
	// Upload is what the controller streams along with the call, nil where there is nothing.
	Upload io.Reader
}

// Deprecation is a warning about what will go away.
type Deprecation struct {
	Message    string `json:"msg"`
	Version    string `json:"version,omitempty"`
	Date       string `json:"date,omitempty"`
	Collection string `json:"collection_name,omitempty"`
}

// Warn adds a warning to the result.
func (c *Call) Warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

// Args are validated arguments: every option of the Spec stands under its own
// name (never an alias) in its type's Go form (string, int64, float64, bool,
// []any, map[string]any), nil where it was neither given nor has a default.
type Args map[string]any

// Has says whether an option was given or has a default.
func (a Args) Has(name string) bool { return a[name] != nil }

// String returns a string option, "" where it is not set.
func (a Args) String(name string) string { s, _ := a[name].(string); return s }

// Bool returns a boolean option, false where it is not set.
func (a Args) Bool(name string) bool { b, _ := a[name].(bool); return b }

// Int returns an integer option, 0 where it is not set.
func (a Args) Int(name string) int64 { i, _ := a[name].(int64); return i }

// Float returns a float option, 0 where it is not set.
func (a Args) Float(name string) float64 { f, _ := a[name].(float64); return f }

// List returns a list option.
func (a Args) List(name string) []any { l, _ := a[name].([]any); return l }

// Strings returns a list option whose elements are strings.
func (a Args) Strings(name string) []string {
	list := a.List(name)
	out := make([]string, 0, len(list))
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Dict returns a dictionary option.
func (a Args) Dict(name string) map[string]any { m, _ := a[name].(map[string]any); return m }

package module

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// Execution is one run of a module, as it was asked for.
type Execution struct {
	Name      string
	Args      []byte // a JSON object
	Check     bool
	Diff      bool
	Verbosity int
	NoLog     bool
	Machine   Machine
}

// hidden stands for secrets in results.
const hidden = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

// Execute validates the arguments and runs the module. What goes wrong stands in
// the result: failed and msg.
func Execute(ctx context.Context, modules Table, e Execution) Result {
	m, ok := modules.Find(e.Name)
	if !ok {
		return Result{"failed": true, "msg": fmt.Sprintf("The module %s was not found in configured module paths", e.Name)}
	}
	given, err := Decode(e.Args)
	if err != nil {
		return Result{"failed": true, "msg": err.Error()}
	}
	args, warnings, err := Validator{Getenv: e.Machine.Getenv}.Validate(&m.Spec, given)
	if err != nil {
		return Result{"failed": true, "msg": err.Error(), "invocation": map[string]any{"module_args": shown(given, m.AllOptions())}}
	}
	if e.Check && !m.CheckMode {
		return Result{"skipped": true, "msg": fmt.Sprintf("remote module (%s) does not support check mode", m.Name), "changed": false}
	}
	c := &Call{Module: m, Args: args, Check: e.Check, Diff: e.Diff, Verbosity: e.Verbosity, Machine: e.Machine, Warnings: warnings}
	out := finish(c, run(ctx, m, c))
	out["invocation"] = map[string]any{"module_args": shown(args, m.AllOptions())}
	secrets := secretsOf(args, m.AllOptions())
	if len(secrets) > 0 {
		out, _ = sanitized(map[string]any(out), secrets).(map[string]any)
	}
	return out
}

// run runs the module; a fault in our own code fails the task, not the run.
func run(ctx context.Context, m *Module, c *Call) (out Result) {
	defer func() {
		if p := recover(); p != nil {
			out = Result{"failed": true, "msg": fmt.Sprintf("MODULE FAILURE: %s: %v", m.Name, p), "exception": string(debug.Stack())}
		}
	}()
	result, err := m.Run(ctx, c)
	if result == nil {
		result = Result{}
	}
	if err == nil {
		return result
	}
	out = Result{}
	var f *Failure
	if errors.As(err, &f) {
		for k, v := range f.Result {
			out[k] = v
		}
	}
	for k, v := range result {
		out[k] = v
	}
	out["failed"], out["msg"] = true, err.Error()
	return out
}

func finish(c *Call, out Result) Result {
	if _, ok := out["changed"]; !ok {
		out["changed"] = false
	}
	if len(c.Warnings) > 0 {
		list := make([]any, len(c.Warnings))
		for i, w := range c.Warnings {
			list[i] = w
		}
		out["warnings"] = list
	}
	if len(c.Deprecations) > 0 {
		list := make([]any, len(c.Deprecations))
		for i, d := range c.Deprecations {
			list[i] = map[string]any{"msg": d.Message, "version": d.Version}
		}
		out["deprecations"] = list
	}
	return out
}

// shown are arguments as results show them: secrets hidden, what was not given as null.
func shown(args map[string]any, options []Option) map[string]any {
	out := make(map[string]any, len(options))
	for _, o := range options {
		v, ok := args[o.Name]
		switch {
		case !ok || v == nil:
			out[o.Name] = nil
		case o.NoLog:
			out[o.Name] = hidden
		default:
			out[o.Name] = v
		}
	}
	return out
}

// secretsOf are the texts that must not be seen.
func secretsOf(args map[string]any, options []Option) []string {
	var out []string
	for _, o := range options {
		v := args[o.Name]
		if v == nil {
			continue
		}
		if o.NoLog {
			out = append(out, textsIn(v)...)
			continue
		}
		if len(o.Options) == 0 {
			continue
		}
		switch v := v.(type) {
		case map[string]any:
			out = append(out, secretsOf(v, o.Options)...)
		case []any:
			for _, item := range v {
				if d, ok := item.(map[string]any); ok {
					out = append(out, secretsOf(d, o.Options)...)
				}
			}
		}
	}
	return out
}

func textsIn(v any) []string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return nil
		}
		return []string{v}
	case []any:
		var out []string
		for _, i := range v {
			out = append(out, textsIn(i)...)
		}
		return out
	case map[string]any:
		var out []string
		for _, i := range v {
			out = append(out, textsIn(i)...)
		}
		return out
	case int64, float64:
		return []string{value.Str(value.FromGo(v))}
	}
	return nil
}

// sanitized hides secrets wherever they stand in a result.
func sanitized(v any, secrets []string) any {
	switch v := v.(type) {
	case string:
		for _, s := range secrets {
			if v == s {
				return hidden
			}
		}
		for _, s := range secrets {
			v = strings.ReplaceAll(v, s, "********")
		}
		return v
	case []any:
		for i, item := range v {
			v[i] = sanitized(item, secrets)
		}
		return v
	case map[string]any:
		for k, item := range v {
			switch k {
			case "changed", "failed", "skipped", "rc", "invocation":
				if k == "invocation" {
					v[k] = sanitized(item, secrets)
				}
			default:
				v[k] = sanitized(item, secrets)
			}
		}
		return v
	}
	return v
}

// Listed is a Table of an explicit list of modules.
type Listed struct{ byName map[string]*Module }

// NewList returns a table of modules.
func NewList(groups ...[]*Module) *Listed {
	l := &Listed{byName: map[string]*Module{}}
	for _, g := range groups {
		for _, m := range g {
			l.byName[m.Name] = m
			for _, a := range m.Aliases {
				l.byName[a] = m
			}
		}
	}
	return l
}

// Find returns the module of a fully qualified name or alias.
func (l *Listed) Find(name string) (*Module, bool) {
	m, ok := l.byName[name]
	if !ok {
		if short, legacy := strings.CutPrefix(name, "ansible.legacy."); legacy {
			m, ok = l.byName["ansible.builtin."+short]
		}
	}
	return m, ok
}

// Names returns the names of all modules, aliases too.
func (l *Listed) Names() []string {
	out := make([]string, 0, len(l.byName))
	for n := range l.byName {
		out = append(out, n)
	}
	return out
}

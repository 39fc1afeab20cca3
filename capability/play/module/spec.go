// Package module says what a module is: its arguments as data, what it is given
// when it runs on a machine, and what it answers. Each module is one file in a
// package below this one, and one line in that package's table.
package module

import "context"

// Type is the type of an option, in the words of Ansible's argument
// specification: str, int, float, bool, list, dict, path, raw, jsonarg, bytes, bits.
type Type string

// The types of options.
const (
	Str     Type = "str"
	Int     Type = "int"
	Float   Type = "float"
	Bool    Type = "bool"
	List    Type = "list"
	Dict    Type = "dict"
	Path    Type = "path"
	Raw     Type = "raw"
	JSONArg Type = "jsonarg"
	Bytes   Type = "bytes"
	Bits    Type = "bits"
)

// Option is one argument of a module.
type Option struct {
	Name     string
	Aliases  []string
	Type     Type // Str where it is empty
	Elements Type // of a List
	Default  any  // of the type's Go form: string, int64, float64, bool, []any, map[string]any
	Choices  []any
	Required bool
	NoLog    bool     // its value is a secret
	Help     string   // one or two sentences of our own
	Options  []Option // of a Dict, or of the Dicts in a List
	Rules    Rules    // among Options
}

// Condition is one entry of required_if: where Option has the value Is, all of
// Then are needed, or with Any at least one of them.
type Condition struct {
	Option string
	Is     any
	Then   []string
	Any    bool
}

// Rules relate the options of one level to each other.
type Rules struct {
	Exclusive  [][]string // mutually_exclusive
	Together   [][]string // required_together
	OneOf      [][]string // required_one_of
	If         []Condition
	RequiredBy map[string][]string
}

// Spec is what a module accepts, as data: validation, help and the lists of
// `ansible-doc` come from it.
type Spec struct {
	Name    string   // fully qualified: ansible.builtin.copy
	Aliases []string // other fully qualified names that mean it
	Summary string
	Options []Option
	Rules   Rules
	// Files adds the options that all modules share which make files: mode,
	// owner, group, attributes, seuser, serole, setype, selevel, unsafe_writes.
	Files bool
	// CheckMode says that the module runs in check mode; others are skipped there.
	CheckMode bool
	// FreeForm names the option that takes what stands behind the module's name
	// in `command: ls /`, "" where the module takes key=value only.
	FreeForm string
	// Anything lets options through that are not named here.
	Anything bool
	Returns  []Return
}

// Return documents one key of a module's result.
type Return struct{ Name, Type, Help string }

// Module is one module.
type Module struct {
	Spec
	// Run does the module's work on the machine that this process runs on. An
	// error makes the task fail with its text as msg; *Failure adds keys to that.
	Run func(ctx context.Context, c *Call) (Result, error)
}

// Result is what a module answers: JSON's types as Go has them (string, bool,
// int64, float64, nil, []any, map[string]any) under Ansible's keys (changed, msg, diff, rc ...).
type Result map[string]any

// Failure is a failed task with more to tell than its message.
type Failure struct {
	Message string
	Result  Result // further keys; may be nil
}

func (f *Failure) Error() string { return f.Message }

// Table finds modules by name.
type Table interface {
	// Find returns the module that a fully qualified name or alias means.
	Find(name string) (*Module, bool)
}

// Package action holds what runs on the controller: actions that prepare a
// module's work (copy, template, script), and those that need no machine at all
// (debug, set_fact, assert). A task whose action is not here runs the module of
// its name on its target.
package action

import (
	"context"
	"io"
	"time"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// Task is one attempt at one task on one host (and one item of its loop).
type Task struct {
	Name      string // fully qualified
	Context   context.Context
	Book      *book.Task
	Host      string // its inventory name
	Delegated string
	Args      *value.Dict // templated; without those that were omitted
	Scope     *template.Scope
	Engine    *template.Engine
	Check     bool
	Diff      bool
	NoLog     bool
	Verbosity int
	Env       map[string]string
	// Target connects to the machine that does the work, when it is needed first.
	Target func() (target.Target, error)
	// Run runs a module on the target with this task's check mode, diff and environment.
	Run func(name string, args *value.Dict) (*value.Dict, error)
	// Stream is Run with content that is streamed along.
	Stream func(name string, args *value.Dict, upload Reader) (*value.Dict, error)
	Async  int // seconds that the task may run in the background; 0 where it does not
	// Controller is what actions need of the controller.
	Controller Controller
}

// Controller is what actions need of the controller's side.
type Controller struct {
	// Find returns the path of a file that a task names: kind is the folder of a
	// role or playbook that holds such files ("files", "templates", "vars", "tasks").
	Find func(kind, name string) (string, error)
	// Read returns a file's content, decrypted where it is a vault.
	Read func(path string) ([]byte, error)
	// Source says how YAML is read: with the keys of vaults.
	Source source.Options
	// Module returns what a native module accepts.
	Module func(name string) (*module.Module, bool)
	// Ask asks the person at the terminal; secret answers are not shown. ok is false where nobody is there.
	Ask func(ctx context.Context, question string, secret bool) (answer string, ok bool, err error)
	// Tell sends a message to the user.
	Tell func(level event.Level, text string)
	Now  func() time.Time
	// Reset drops the connection to the target, so that the next use makes a new one.
	Reset func()
	// Managed is the text of the variable ansible_managed.
	Managed string
}

// Reader is content for the target.
type Reader = io.Reader

// Action does one task. The error makes the task fail with its text as msg, or
// makes the host unreachable where it is *target.Unreachable.
type Action func(t *Task) (*value.Dict, error)

// Failure is a failed task with more to tell than its message.
type Failure struct {
	Message string
	Result  *value.Dict
}

func (f *Failure) Error() string { return f.Message }

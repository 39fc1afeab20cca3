// Package target is how the executor reaches one machine: it runs modules
// there, streams files and runs bare commands. Package connection implements it.
package target

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"

	"garboard.dev/garboard/capability/play/module"
)

// Target is one machine as one user (after become). It is safe for concurrent use.
type Target interface {
	// Module runs a native module. The error is *Unreachable where the machine
	// cannot be reached (any more); a module's failure stands in its Result.
	Module(ctx context.Context, r Request) (module.Result, error)
	// Put writes a file as the connection's user, whole or not at all.
	Put(ctx context.Context, path string, mode fs.FileMode, content io.Reader) error
	// Get copies a file's content to w.
	Get(ctx context.Context, path string, w io.Writer) error
	// Command runs a command line with the target's shell (or, with Argv, without one),
	// with nothing of ours needed there.
	Command(ctx context.Context, c Command) (Output, error)
	Close() error
}

// Request is one call of a module, as it goes over the wire.
type Request struct {
	Module    string            `json:"module"` // fully qualified
	Args      json.RawMessage   `json:"args"`   // an object, not validated yet
	Check     bool              `json:"check,omitempty"`
	Diff      bool              `json:"diff,omitempty"`
	Verbosity int               `json:"verbosity,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
	NoLog     bool              `json:"no_log,omitempty"`
	Async     *Async            `json:"async,omitempty"`
	// Upload is streamed to the module as Machine.Upload; it does not go through JSON.
	Upload io.Reader `json:"-"`
}

// Async asks for a job that outlives the call: Module returns at once with
// ansible_job_id, started and results_file, as async_status and async_wrapper do upstream.
type Async struct {
	JobID string `json:"jid"`
	Limit int    `json:"limit"` // seconds
	Dir   string `json:"dir"`   // async_dir; may begin with ~
}

// Command is a bare command on the machine.
type Command struct {
	Line       string // for the shell, where Argv is nil
	Argv       []string
	Executable string // the shell, /bin/sh where it is empty
	Stdin      io.Reader
	Env        map[string]string
}

// Output is what a command said.
type Output struct {
	Code           int
	Stdout, Stderr []byte
}

// Unreachable says that a machine cannot be reached.
type Unreachable struct {
	Host   string
	Reason string
}

func (u *Unreachable) Error() string { return u.Reason }

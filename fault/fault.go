// Package fault is the one error that people see. It has three parts: what
// failed (Op), why (the wrapped cause) and what to do (Hint). Its Kind decides
// the exit code; nothing in Garboard decides by an error's text.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind says of what sort a failure is; each kind has one documented exit code.
type Kind int

// The kinds, with their exit codes.
const (
	Failed      Kind = 1   // the work was tried and did not succeed
	Misuse      Kind = 2   // wrong arguments, malformed input
	NotFound    Kind = 3   // the named object, file or component does not exist
	Unavailable Kind = 4   // what the work needs does not run or does not answer
	Denied      Kind = 5   // not allowed: no root, no permission
	Conflict    Kind = 6   // exists already, taken, changed meanwhile
	Interrupted Kind = 130 // ended by the user
)

// Error is a failure as people see it.
type Error struct {
	Op   string // what failed, as "start containerd"; completes "cannot ..."
	Kind Kind
	Hint string // what to do, a sentence; may be empty
	Err  error  // the cause; may be nil
}

// Error is one line: what failed and why. The hint is printed apart.
func (e *Error) Error() string {
	if e.Err == nil {
		return "cannot " + e.Op
	}
	return fmt.Sprintf("cannot %s: %v", e.Op, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an *Error whose cause is the formatted text; %w wraps.
func New(kind Kind, op, hint, format string, args ...any) *Error {
	return &Error{Op: op, Kind: kind, Hint: hint, Err: fmt.Errorf(format, args...)}
}

// Wrap returns an *Error around err, or nil where err is nil. A kind or hint
// that err carries already is kept where the caller gives none.
func Wrap(err error, kind Kind, op, hint string) error {
	if err == nil {
		return nil
	}
	var inner *Error
	if errors.As(err, &inner) {
		if kind == Failed {
			kind = inner.Kind
		}
		if hint == "" {
			hint = inner.Hint
		}
	}
	return &Error{Op: op, Kind: kind, Hint: hint, Err: err}
}

// Usage returns a Misuse error whose whole text is the formatted one.
func Usage(hint, format string, args ...any) *UsageError {
	return &UsageError{Text: fmt.Sprintf(format, args...), Hint: hint}
}

// UsageError is wrong use of a command: its text stands alone.
type UsageError struct{ Text, Hint string }

func (e *UsageError) Error() string { return e.Text }

// KindOf returns the kind of err: that of the outermost *Error, Misuse for a
// UsageError, Interrupted for a cancelled context, else Failed.
func KindOf(err error) Kind {
	var e *Error
	var u *UsageError
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.As(err, &u):
		return Misuse
	case errors.Is(err, context.Canceled):
		return Interrupted
	}
	return Failed
}

// Hint returns the outermost hint that err carries, or "".
func Hint(err error) string {
	for err != nil {
		switch e := err.(type) {
		case *Error:
			if e.Hint != "" {
				return e.Hint
			}
		case *UsageError:
			return e.Hint
		}
		err = errors.Unwrap(err)
	}
	return ""
}

// ExitStatus is an error that only carries a program's own exit status and
// prints nothing: what was to say has been said.
type ExitStatus int

func (s ExitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// ExitCode returns the process's exit code for err: 0 for nil.
func ExitCode(err error) int {
	var status ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	return int(KindOf(err))
}

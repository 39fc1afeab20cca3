// Package program runs other programs of this machine to their end. What a
// program says on standard error is kept for the error, so that its reason
// reaches the user without a log file.
package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Command is one run of a program.
type Command struct {
	Name   string // looked up in PATH
	Args   []string
	Env    []string // added to this process's own, as "LC_ALL=C"
	Dir    string
	Stdin  io.Reader
	Stdout io.Writer // nil discards
	Stderr io.Writer // gets a copy; may be nil
}

// Runner runs programs. Run returns when the program has ended: nil for exit
// code 0, *MissingError where it is not installed, *ExitError for the rest, and
// the context's error where the context ended it.
type Runner interface {
	Run(ctx context.Context, c Command) error
}

// MissingError says that a program is not installed.
type MissingError struct{ Name string }

func (e *MissingError) Error() string { return e.Name + " is not installed" }

// ExitError says that a program failed.
type ExitError struct {
	Name string
	Code int    // -1 where a signal ended it
	Said string // the end of its standard error
}

func (e *ExitError) Error() string {
	if e.Said == "" {
		return fmt.Sprintf("%s ended with exit code %d", e.Name, e.Code)
	}
	return fmt.Sprintf("%s ended with exit code %d: %s", e.Name, e.Code, e.Said)
}

// Linux runs real programs.
type Linux struct{}

// grace is how long a program may take to end after it was asked to.
const grace = 10 * time.Second

// Run runs c. When ctx ends, the program and its children get SIGTERM, and
// after a grace SIGKILL.
func (Linux) Run(ctx context.Context, c Command) error {
	path := c.Name
	if !strings.Contains(path, "/") { // a path is relative to Dir, a name is looked up
		var err error
		if path, err = exec.LookPath(c.Name); err != nil {
			return &MissingError{Name: c.Name}
		}
	}
	said := &tail{limit: 4096}
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout = c.Dir, c.Stdin, c.Stdout
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Stderr = said
	if c.Stderr != nil {
		cmd.Stderr = io.MultiWriter(said, c.Stderr)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = grace
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist) && path == c.Name && cmd.Process == nil:
		return &MissingError{Name: c.Name}
	case errors.As(err, &exit):
		return &ExitError{Name: c.Name, Code: exit.ExitCode(), Said: said.String()}
	}
	return fmt.Errorf("run %s: %w", c.Name, err)
}

// Output runs c with r and returns what it wrote to standard output, of which
// it must not be more than limit bytes.
func Output(ctx context.Context, r Runner, c Command, limit int) ([]byte, error) {
	out := &limited{limit: limit}
	c.Stdout = out
	if err := r.Run(ctx, c); err != nil {
		return nil, err
	}
	if out.over {
		return nil, fmt.Errorf("%s wrote more than %d bytes", c.Name, limit)
	}
	return out.kept.Bytes(), nil
}

// limited keeps what is written to it up to a limit. It embeds no buffer: the
// buffer's ReadFrom would pass the limit by.
type limited struct {
	kept  bytes.Buffer
	limit int
	over  bool
}

func (l *limited) Write(p []byte) (int, error) {
	if room := l.limit - l.kept.Len(); len(p) > room {
		l.over = true
		l.kept.Write(p[:room])
		return len(p), nil
	}
	return l.kept.Write(p)
}

// tail keeps the last bytes written to it.
type tail struct {
	limit int
	kept  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// String is the last lines that say something, joined by "; ".
func (t *tail) String() string {
	var lines []string
	for line := range strings.SplitSeq(string(t.kept), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}

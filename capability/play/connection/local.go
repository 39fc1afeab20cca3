// Package connection reaches machines: this one, others over ssh, containers and
// folders with a system in them. On all but this one an agent does the work: the
// program itself, copied there once, to which calls go side by side over one pipe.
package connection

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/host/program"
)

// Local is this machine as this process sees it: the target of local tasks, and
// what the agent hands calls to.
type Local struct {
	Modules  module.Table
	Programs program.Runner
	Now      func() time.Time
	Getenv   func(string) string
	// Background starts a job that outlives this process: a program of ours with
	// the request on its standard input.
	Background func(ctx context.Context, r target.Request) (module.Result, error)

	once sync.Once
	temp string
	err  error
}

// Local says that tasks run on the controller itself.
func (l *Local) Local() bool { return true }

// Module runs a module in this process.
func (l *Local) Module(ctx context.Context, r target.Request) (module.Result, error) {
	if r.Async != nil {
		return l.Background(ctx, r)
	}
	temp, err := l.tempDir()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temp) // Close removes what cannot be removed now
	m := module.Machine{Programs: withEnv(l.Programs, r.Env), Now: l.Now, Getenv: l.getenv(r.Env), Env: environ(r.Env), Temp: temp, Upload: r.Upload}
	return module.Execute(ctx, l.Modules, module.Execution{
		Name: r.Module, Args: r.Args, Check: r.Check, Diff: r.Diff, Verbosity: r.Verbosity, NoLog: r.NoLog, Machine: m,
	}), nil
}

func (l *Local) getenv(env map[string]string) func(string) string {
	return func(name string) string {
		if v, ok := env[name]; ok {
			return v
		}
		return l.Getenv(name)
	}
}

func environ(env map[string]string) []string {
	out := make([]string, 0, len(env))
	for _, k := range slices.Sorted(maps.Keys(env)) {
		out = append(out, k+"="+env[k])
	}
	return out
}

// withEnv gives programs the task's environment.
func withEnv(r program.Runner, env map[string]string) program.Runner {
	if len(env) == 0 {
		return r
	}
	return environment{r, environ(env)}
}

type environment struct {
	program.Runner
	env []string
}

// Run implements program.Runner.
func (e environment) Run(ctx context.Context, c program.Command) error {
	c.Env = append(slices.Clone(e.env), c.Env...)
	return e.Runner.Run(ctx, c)
}

// tempDir makes a call's private folder.
func (l *Local) tempDir() (string, error) {
	l.once.Do(func() { l.temp, l.err = os.MkdirTemp("", "garboard-play-*") })
	if l.err != nil {
		return "", l.err
	}
	return os.MkdirTemp(l.temp, "call-*")
}

// Put writes a file, whole or not at all.
func (l *Local) Put(_ context.Context, path string, mode fs.FileMode, content io.Reader) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".garboard-put-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // nothing is left to remove when it went well
	_, err = io.Copy(f, content)
	if err = errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Get copies a file's content to w.
func (l *Local) Get(_ context.Context, path string, w io.Writer) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// Command runs a command line with a shell, or a program without one.
func (l *Local) Command(ctx context.Context, c target.Command) (target.Output, error) {
	argv := c.Argv
	if argv == nil {
		shell := c.Executable
		if shell == "" {
			shell = "/bin/sh"
		}
		argv = []string{shell, "-c", c.Line}
	}
	var stdout, stderr bytes.Buffer
	err := l.Programs.Run(ctx, program.Command{Name: argv[0], Args: argv[1:], Env: environ(c.Env), Stdin: c.Stdin, Stdout: &stdout, Stderr: &stderr})
	out := target.Output{Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}
	var exit *program.ExitError
	if errors.As(err, &exit) {
		out.Code = exit.Code
		return out, nil
	}
	return out, err
}

// Close removes what calls left behind.
func (l *Local) Close() error {
	if l.temp == "" {
		return nil
	}
	return os.RemoveAll(l.temp)
}

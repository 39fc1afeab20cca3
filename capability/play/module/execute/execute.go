// Package execute runs programs for modules, and gives their exit code and
// output as modules report them. A program that cannot be started fails the
// task with the words that Python has for it.
package execute

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/host/program"
)

// Output is what a program did.
type Output struct {
	Code           int
	Stdout, Stderr string
}

// Program is one run. Argv is the program and its arguments.
type Program struct {
	Argv  []string
	Env   []string // "KEY=value", over the task's own environment
	Dir   string
	Stdin io.Reader
}

// quiet is the environment for programs whose output is parsed: no translation.
var quiet = []string{"LANG=C", "LC_ALL=C", "LC_MESSAGES=C", "LANGUAGE=C"}

// Parsed returns p with an environment in which programs speak untranslated English.
func (p Program) Parsed() Program {
	p.Env = append(append([]string(nil), quiet...), p.Env...)
	return p
}

// Run runs p to its end. An exit code that is not 0 is no error; the error is a
// *module.Failure where the program cannot be started, or the context's.
func Run(ctx context.Context, c *module.Call, p Program) (Output, error) {
	if len(p.Argv) == 0 {
		return Output{}, &module.Failure{Message: "no command given", Result: module.Result{"rc": int64(256)}}
	}
	var out, said bytes.Buffer
	err := c.Machine.Programs.Run(ctx, program.Command{
		Name: p.Argv[0], Args: p.Argv[1:], Dir: p.Dir, Stdin: p.Stdin,
		Env: append(append([]string(nil), c.Machine.Env...), p.Env...), Stdout: &out, Stderr: &said,
	})
	o := Output{Stdout: out.String(), Stderr: said.String()}
	var exit *program.ExitError
	var missing *program.MissingError
	switch {
	case errors.As(err, &exit):
		o.Code = exit.Code
		return o, nil
	case errors.As(err, &missing):
		return o, &module.Failure{
			Message: "[Errno 2] No such file or directory: b'" + p.Argv[0] + "'",
			Result:  module.Result{"rc": int64(2), "stdout": "", "stderr": "", "cmd": strings.Join(p.Argv, " ")},
		}
	}
	return o, err
}

// Find returns the whole path of a program, which is looked for in PATH and in
// the folders of system programs; the name itself where it is not there.
func Find(c *module.Call, name string) string {
	dirs := ""
	if c.Machine.Getenv != nil {
		dirs = c.Machine.Getenv("PATH")
	}
	for _, dir := range append(filepath.SplitList(dirs), "/sbin", "/usr/sbin", "/usr/local/sbin") {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return name
}

// Missing says whether an error of Run means that the program is not installed.
func Missing(err error) bool {
	var f *module.Failure
	return errors.As(err, &f) && f.Result["rc"] == int64(2) && f.Result["cmd"] != nil
}

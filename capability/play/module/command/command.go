// Package command holds the modules that run commands: command, shell, script,
// and those that ask about them: ping and async_status.
package command

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

// Modules returns the modules of this family.
func Modules() []*module.Module {
	return []*module.Module{command(), shell(), script(), ping(), asyncStatus()}
}

// options are those that command, shell and script share.
func options(more ...module.Option) []module.Option {
	return append([]module.Option{
		{Name: "_raw_params", Help: "The command line."},
		{Name: "chdir", Type: module.Path, Help: "The folder to run in."},
		{Name: "creates", Type: module.Path, Help: "Nothing is run where a file of this name or pattern exists."},
		{Name: "removes", Type: module.Path, Help: "Nothing is run where no file of this name or pattern exists."},
		{Name: "executable", Type: module.Path, Help: "The shell."},
		{Name: "stdin", Help: "Text for standard input."},
		{Name: "stdin_add_newline", Type: module.Bool, Default: true, Help: "End that text with a line break."},
		{Name: "strip_empty_ends", Type: module.Bool, Default: true, Help: "Take empty lines from the ends of the output."},
		{Name: "warn", Type: module.Bool, Default: false, Help: "Accepted and without effect."},
	}, more...)
}

func command() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.command", Aliases: []string{"ansible.legacy.command"}, Summary: "Run a program",
			Options: options(
				module.Option{Name: "_uses_shell", Type: module.Bool, Default: false},
				module.Option{Name: "cmd", Help: "The command line, where it is not written behind the module's name."},
				module.Option{Name: "argv", Type: module.List, Elements: module.Str, Help: "The program and its arguments, one by one."},
			),
			CheckMode: true, FreeForm: "_raw_params",
		},
		Run: func(ctx context.Context, c *module.Call) (module.Result, error) {
			return run(ctx, c, c.Args.Bool("_uses_shell"))
		},
	}
}

func shell() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.shell", Aliases: []string{"ansible.legacy.shell"}, Summary: "Run a command line with a shell",
			Options:   options(module.Option{Name: "cmd", Help: "The command line, where it is not written behind the module's name."}),
			CheckMode: true, FreeForm: "_raw_params",
		},
		Run: func(ctx context.Context, c *module.Call) (module.Result, error) { return run(ctx, c, true) },
	}
}

// job is one command to run.
type job struct {
	c     *module.Call
	shell bool
	line  string
	argv  []string
	dir   string
}

func run(ctx context.Context, c *module.Call, withShell bool) (module.Result, error) {
	j := &job{c: c, shell: withShell, dir: c.Args.String("chdir")}
	if err := j.read(); err != nil {
		return nil, err
	}
	if j.dir != "" {
		if info, err := os.Stat(j.dir); err != nil || !info.IsDir() {
			return nil, &module.Failure{Message: "Unable to change directory before execution: [Errno 2] No such file or directory: b'" + j.dir + "'", Result: blank(j.shown(), 0, false)}
		}
	}
	if e := c.Args.String("executable"); e != "" && !withShell {
		c.Warn("As of Ansible 2.4, the parameter 'executable' is no longer supported with the 'command' module. Not using '%s'.", e)
	}
	if skipped, ok := j.skipped(); ok {
		return skipped, nil
	}
	if c.Check {
		out := blank(j.shown(), 0, true)
		out["msg"] = "Command would have run if not in check mode"
		if c.Args.String("creates") == "" && c.Args.String("removes") == "" {
			out["skipped"], out["changed"] = true, false
		}
		return out, nil
	}
	return j.do(ctx)
}

// blank is the result of a command that said nothing.
func blank(cmd any, rc any, changed bool) module.Result {
	return module.Result{"changed": changed, "stdout": "", "stderr": "", "rc": rc, "cmd": cmd, "start": nil, "end": nil, "delta": nil, "msg": ""}
}

func (j *job) read() error {
	a := j.c.Args
	raw, cmd, argv := strings.TrimSpace(a.String("_raw_params")), a.String("cmd"), a.Strings("argv")
	if raw == "" {
		raw = cmd
	} else if cmd != "" {
		return &module.Failure{Message: "only command or argv can be given, not both", Result: module.Result{"rc": int64(256)}}
	}
	if raw == "" && len(argv) == 0 {
		return &module.Failure{Message: "no command given", Result: blank(nil, int64(256), false)}
	}
	if raw != "" && len(argv) > 0 {
		return &module.Failure{Message: "only command or argv can be given, not both", Result: blank(nil, int64(256), false)}
	}
	j.line = raw
	if j.shell {
		return nil
	}
	j.argv = argv
	if raw != "" {
		var err error
		if j.argv, err = execute.Split(raw); err != nil {
			return err
		}
	}
	return nil
}

// shown is the command as results show it.
func (j *job) shown() any {
	if j.shell {
		return j.line
	}
	out := make([]any, len(j.argv))
	for i, a := range j.argv {
		out[i] = a
	}
	return out
}

// skipped says that a file which is there, or is not, makes the command unnecessary.
func (j *job) skipped() (module.Result, bool) {
	did := "Did"
	if j.c.Check {
		did = "Would"
	}
	for _, f := range []struct {
		name, state string
		present     bool
	}{{j.c.Args.String("creates"), "exists", true}, {j.c.Args.String("removes"), "does not exist", false}} {
		if f.name == "" || j.exists(f.name) != f.present {
			continue
		}
		out := blank(j.shown(), int64(0), false)
		out["msg"] = did + " not run command since '" + f.name + "' " + f.state
		out["stdout"] = "skipped, since " + f.name + " " + f.state
		return out, true
	}
	return nil, false
}

func (j *job) exists(pattern string) bool {
	if !filepath.IsAbs(pattern) && j.dir != "" {
		pattern = filepath.Join(j.dir, pattern)
	}
	if _, err := os.Lstat(pattern); err == nil {
		return true
	}
	found, err := filepath.Glob(pattern)
	return err == nil && len(found) > 0
}

func (j *job) do(ctx context.Context) (module.Result, error) {
	p := execute.Program{Dir: j.dir, Stdin: j.stdin()}
	switch {
	case j.shell:
		sh := j.c.Args.String("executable")
		if sh == "" {
			sh = "/bin/sh"
		}
		p.Argv = []string{sh, "-c", j.line}
	default:
		p.Argv = make([]string, len(j.argv))
		for i, a := range j.argv {
			p.Argv[i] = execute.Expand(j.c, a)
		}
	}
	started := j.c.Machine.Now()
	o, err := execute.Run(ctx, j.c, p)
	ended := j.c.Machine.Now()
	if execute.Missing(err) {
		out := blank(strings.Join(j.argv, " "), int64(2), false)
		return nil, &module.Failure{Message: err.Error(), Result: out}
	}
	if err != nil {
		return nil, err
	}
	return j.result(o, started, ended)
}

func (j *job) result(o execute.Output, started, ended time.Time) (module.Result, error) {
	if j.c.Args.Bool("strip_empty_ends") {
		o.Stdout, o.Stderr = strings.TrimRight(o.Stdout, "\r\n"), strings.TrimRight(o.Stderr, "\r\n")
	}
	out := module.Result{
		"changed": true, "cmd": j.shown(), "rc": int64(o.Code), "stdout": o.Stdout, "stderr": o.Stderr,
		"start": stamp(started), "end": stamp(ended), "delta": delta(ended.Sub(started)), "msg": "",
	}
	if o.Code != 0 {
		return nil, &module.Failure{Message: "non-zero return code", Result: out}
	}
	return out, nil
}

func (j *job) stdin() io.Reader {
	text, ok := j.c.Args["stdin"].(string)
	if !ok {
		return nil
	}
	if j.c.Args.Bool("stdin_add_newline") {
		text += "\n"
	}
	return strings.NewReader(text)
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000") }

// delta is a duration as Python's timedelta prints it.
func delta(d time.Duration) string {
	return time.Time{}.Add(d).Format("15:04:05.000000")[b2i(d < 10*time.Hour):]
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// script runs a file that the controller sends.
func script() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.script", Summary: "Run a script of the controller",
			Options: options(module.Option{Name: "_original_basename"}), CheckMode: true, FreeForm: "_raw_params",
		},
		Run: runScript,
	}
}

func runScript(ctx context.Context, c *module.Call) (module.Result, error) {
	j := &job{c: c, dir: c.Args.String("chdir")}
	for _, f := range []struct {
		name, state string
		present     bool
	}{{c.Args.String("creates"), "exists", true}, {c.Args.String("removes"), "does not exist", false}} {
		if f.name != "" && j.exists(f.name) == f.present {
			return module.Result{"skipped": true, "msg": "skipped, since " + f.name + " " + f.state, "changed": false}, nil
		}
	}
	if c.Check {
		return module.Result{"changed": true, "skipped": c.Args.String("creates") == "" && c.Args.String("removes") == ""}, nil
	}
	if c.Machine.Upload == nil {
		return nil, errors.New("the script was not sent")
	}
	path := filepath.Join(c.Machine.Temp, filepath.Base("/"+c.Args.String("_original_basename")))
	if err := save(path, c.Machine.Upload); err != nil {
		return nil, err
	}
	line := strings.TrimSpace("'" + strings.ReplaceAll(path, "'", `'\''`) + "' " + c.Args.String("_raw_params"))
	if e := c.Args.String("executable"); e != "" {
		line = e + " " + line
	}
	o, err := execute.Run(ctx, c, execute.Program{Argv: []string{"/bin/sh", "-c", line}, Dir: j.dir})
	if err != nil {
		return nil, err
	}
	out := module.Result{"changed": true, "rc": int64(o.Code), "stdout": o.Stdout, "stderr": o.Stderr}
	if o.Code != 0 {
		return nil, &module.Failure{Message: "non-zero return code", Result: out}
	}
	return out, nil
}

func save(path string, content io.Reader) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}

func ping() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.ping", Summary: "Say whether modules can run on the machine", CheckMode: true,
			Options: []module.Option{{Name: "data", Default: "pong", Help: "What is answered; crash makes the module fail."}},
		},
		Run: func(_ context.Context, c *module.Call) (module.Result, error) {
			if c.Args.String("data") == "crash" {
				return nil, &module.Failure{Message: "MODULE FAILURE\nSee stdout/stderr for the exact error", Result: module.Result{"module_stdout": "", "module_stderr": "Exception: boom", "rc": int64(1)}}
			}
			return module.Result{"ping": c.Args.String("data")}, nil
		},
	}
}

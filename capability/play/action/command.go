package action

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/capability/play/value"
)

// raw runs a command line with the target's shell, where nothing of ours is needed.
func raw(t *Task) (*value.Dict, error) {
	if t.Check {
		return value.DictOf("skipped", true, "changed", false), nil
	}
	line := t.text("_raw_params")
	if line == "" {
		return nil, errors.New("no command given")
	}
	to, err := t.Target()
	if err != nil {
		return nil, err
	}
	var stdout, stderr string
	out, err := to.Command(t.Context, target.Command{Line: line, Executable: t.text("executable"), Env: t.Env})
	if err != nil {
		return nil, err
	}
	stdout, stderr = string(out.Stdout), string(out.Stderr)
	d := value.DictOf("rc", int64(out.Code), "stdout", value.Unsafe(stdout), "stdout_lines", lines(stdout), "stderr", value.Unsafe(stderr), "stderr_lines", lines(stderr), "changed", true)
	if out.Code != 0 {
		d.SetStr("failed", true)
		d.SetStr("msg", "non-zero return code")
	}
	return d, nil
}

func lines(text string) *value.List {
	out := value.NewList()
	for _, l := range value.SplitLines(text, false) {
		out.Items = append(out.Items, value.Unsafe(l))
	}
	return out
}

// script runs a file of the controller on the target.
func script(t *Task) (*value.Dict, error) {
	line := t.text("_raw_params")
	if line == "" {
		line = t.text("cmd")
	}
	words, err := book.SplitWords(line)
	if err != nil || len(words) == 0 {
		return nil, errors.New("no command given")
	}
	name := strings.Trim(strings.TrimSpace(words[0]), `"'`)
	path, err := t.Controller.Find("files", name)
	if err != nil {
		return nil, err
	}
	data, err := t.Controller.Read(path)
	if err != nil {
		return nil, err
	}
	rest := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), strings.TrimSpace(words[0])))
	args := merged(without(t.Args, "cmd", "decrypt"), "_raw_params", rest, "_original_basename", filepath.Base(path))
	return t.Stream("ansible.builtin.script", args, bytes.NewReader(data))
}

// fact asks the target for one fact, unless it is known already.
func (t *Task) fact(name, subset string) (string, error) {
	if v, ok := t.Scope.Raw("ansible_facts"); ok {
		if d, isDict := v.(*value.Dict); isDict && t.Delegated == "" {
			if found, ok := d.Str(name); ok {
				return value.Str(found), nil
			}
		}
	}
	d, err := t.Run("ansible.builtin.setup", value.DictOf("gather_subset", value.NewList("!all", subset), "filter", value.NewList("ansible_"+name)))
	if err != nil {
		return "", err
	}
	facts, _ := d.Str("ansible_facts")
	f, ok := facts.(*value.Dict)
	if !ok {
		return "", nil
	}
	v, ok := f.Str("ansible_" + name)
	if !ok {
		return "", nil
	}
	return value.Str(v), nil
}

// packages runs the module of the target's package manager.
func packages(t *Task) (*value.Dict, error) {
	use := t.text("use")
	if use == "" || use == "auto" {
		manager, err := t.fact("pkg_mgr", "pkg_mgr")
		if err != nil {
			return nil, err
		}
		use = manager
	}
	if use == "" || use == "unknown" {
		return nil, value.Errorf("Could not find a module for unknown.")
	}
	return t.Run(full(use), without(t.Args, "use"))
}

func full(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return "ansible.builtin." + name
}

// service runs the module of the target's service manager.
func service(t *Task) (*value.Dict, error) {
	use := t.text("use")
	if use == "" || use == "auto" {
		manager, err := t.fact("service_mgr", "service_mgr")
		if err != nil {
			return nil, err
		}
		use = manager
	}
	args := without(t.Args, "use")
	if use != "systemd" {
		return t.Run("ansible.builtin.service", args)
	}
	for _, unused := range []string{"pattern", "runlevel", "sleep", "arguments", "args"} {
		if args.Has(unused) {
			args.Delete(unused)
			t.Controller.Tell(event.Warning, fmt.Sprintf("Ignoring %q as it is not used in %q", unused, "systemd"))
		}
	}
	return t.Run("ansible.builtin.systemd", args)
}

// gatherFacts runs setup, and says nothing of the many facts with -v.
func gatherFacts(t *Task) (*value.Dict, error) {
	d, err := t.Run("ansible.builtin.setup", without(t.Args, "parallel"))
	if err != nil {
		return nil, err
	}
	d.SetStr("_ansible_verbose_override", true)
	return d, nil
}

// wait for the target to answer.
func waitForConnection(t *Task) (*value.Dict, error) {
	if err := t.check("connect_timeout", "delay", "sleep", "timeout"); err != nil {
		return nil, err
	}
	if t.Check {
		return value.DictOf("skipped", true, "changed", false), nil
	}
	started := t.Controller.Now()
	number := func(name string, otherwise float64) float64 {
		if f, ok := value.Float(argument(t, name)); ok {
			return f
		}
		return otherwise
	}
	if err := t.sleep(number("delay", 0)); err != nil {
		return nil, err
	}
	limit := started.Add(seconds(number("timeout", 600)))
	for {
		_, err := t.Run("ansible.builtin.ping", value.NewDict())
		if err == nil {
			return value.DictOf("elapsed", int64(t.Controller.Now().Sub(started).Seconds()), "changed", false), nil
		}
		if t.Controller.Now().After(limit) {
			return nil, fmt.Errorf("timed out waiting for ping module test: %w", err)
		}
		t.Controller.Reset()
		if err := t.sleep(number("sleep", 1)); err != nil {
			return nil, err
		}
	}
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

func (t *Task) sleep(n float64) error {
	timer := time.NewTimer(seconds(n))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-t.Context.Done():
		return t.Context.Err()
	}
}

// uri sends the body's file along.
func uri(t *Task) (*value.Dict, error) {
	const name = "ansible.builtin.uri"
	remote, err := t.flag("remote_src", false)
	if err != nil {
		return nil, err
	}
	src := t.text("src")
	if src == "" || remote {
		return t.Run(name, t.Args)
	}
	path, err := t.Controller.Find("files", src)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return t.Stream(name, without(t.Args, "src"), f)
}

// pause waits for a time or for the person at the terminal.
func pause(t *Task) (*value.Dict, error) {
	if err := t.check("echo", "minutes", "prompt", "seconds"); err != nil {
		return nil, err
	}
	echo, err := t.flag("echo", true)
	if err != nil {
		return nil, err
	}
	wait, unit, err := t.pauseTime()
	if err != nil {
		return nil, err
	}
	started := t.Controller.Now()
	out := value.DictOf("changed", false, "rc", int64(0), "stderr", "", "stdout", "", "start", stamp(started), "stop", nil, "delta", nil, "echo", echo, "user_input", "")
	prompt := t.text("prompt")
	title := t.Book.Title(t.Book.Name())
	if wait >= 0 {
		t.Controller.Tell(event.Info, fmt.Sprintf("Pausing for %d seconds%s", int64(wait), map[bool]string{true: " (output is hidden)", false: ""}[!echo]))
		t.Controller.Tell(event.Info, "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)\r")
		if prompt != "" {
			t.Controller.Tell(event.Info, fmt.Sprintf("[%s]\n%s:\r", title, prompt))
		}
		if err := t.sleep(wait); err != nil {
			return nil, err
		}
	} else {
		if prompt == "" {
			prompt = "Press enter to continue, Ctrl+C to interrupt"
		}
		answer, ok, err := t.Controller.Ask(t.Context, fmt.Sprintf("[%s]\n%s:\n", title, prompt), !echo)
		if err != nil {
			return nil, err
		}
		if !ok {
			t.Controller.Tell(event.Warning, "Not waiting for response to prompt as stdin is not interactive")
		}
		out.SetStr("user_input", value.Unsafe(answer))
	}
	stopped := t.Controller.Now()
	took := stopped.Sub(started).Seconds()
	shown := took
	if unit == "minutes" {
		shown = took / 60
	}
	out.SetStr("stop", stamp(stopped))
	out.SetStr("delta", int64(took))
	out.SetStr("stdout", fmt.Sprintf("Paused for %s %s", value.FloatText(float64(int64(shown*100+0.5))/100), unit))
	return out, nil
}

// pauseTime returns the seconds to wait, -1 to wait for a person.
func (t *Task) pauseTime() (float64, string, error) {
	for name, factor := range map[string]float64{"minutes": 60, "seconds": 1} {
		v, ok := t.Args.Str(name)
		if !ok || v == nil {
			continue
		}
		var n float64
		if f, isNumber := value.Float(v); isNumber {
			n = f
		} else if _, err := fmt.Sscanf(strings.TrimSpace(value.Str(v)), "%g", &n); err != nil {
			return 0, "", fmt.Errorf("argument '%s' is of type <class '%s'> and we were unable to convert to int: <class '%s'> cannot be converted to an int", name, value.TypeName(v), value.TypeName(v))
		}
		return max(0, n) * factor, name, nil
	}
	return -1, "seconds", nil
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000") }

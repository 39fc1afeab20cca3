package action

import (
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/capability/play/value"
)

// reboot restarts the target and waits until it answers with another boot id.
func reboot(t *Task) (*value.Dict, error) {
	if t.Check {
		return value.DictOf("changed", true, "elapsed", int64(0), "rebooted", true), nil
	}
	to, err := t.Target()
	if err != nil {
		return nil, err
	}
	if local, ok := to.(interface{ Local() bool }); ok && local.Local() {
		return value.DictOf("changed", false, "elapsed", int64(0), "rebooted", false, "failed", true, "msg", "Running reboot with local connection would reboot the control node."), nil
	}
	r := &rebooting{t: t, command: t.text("boot_time_command"), limit: t.seconds("reboot_timeout", 600)}
	if r.command == "" {
		r.command = "cat /proc/sys/kernel/random/boot_id"
	}
	before, err := r.ask(r.command)
	if err != nil {
		return nil, err
	}
	started := t.Controller.Now()
	if err := r.shutdown(); err != nil {
		return nil, err
	}
	if err := t.sleep(t.seconds("post_reboot_delay", 0)); err != nil {
		return nil, err
	}
	test := t.text("test_command")
	if test == "" {
		test = "whoami"
	}
	for {
		t.Controller.Reset()
		now, err := r.ask(r.command)
		if err == nil && now != before {
			if _, err = r.ask(test); err == nil {
				break
			}
		}
		elapsed := t.Controller.Now().Sub(started)
		if elapsed.Seconds() > r.limit {
			return value.DictOf("failed", true, "rebooted", true, "changed", true, "elapsed", int64(elapsed.Seconds()),
				"msg", fmt.Sprintf("Timed out waiting for last boot time check (timeout=%d)", int64(r.limit))), nil
		}
		if err := t.sleep(1); err != nil {
			return nil, err
		}
	}
	return value.DictOf("changed", true, "rebooted", true, "elapsed", int64(t.Controller.Now().Sub(started).Seconds())), nil
}

func (t *Task) seconds(name string, otherwise float64) float64 {
	if f, ok := value.Float(argument(t, name)); ok {
		return f
	}
	return otherwise
}

type rebooting struct {
	t       *Task
	command string
	limit   float64
}

// ask runs a command and returns what it says.
func (r *rebooting) ask(line string) (string, error) {
	to, err := r.t.Target()
	if err != nil {
		return "", err
	}
	out, err := to.Command(r.t.Context, target.Command{Line: line})
	if err != nil {
		return "", err
	}
	if out.Code != 0 {
		return "", fmt.Errorf("%s: failed to get host boot time info, rc: %d, stdout: %s, stderr: %s", r.t.Name, out.Code, out.Stdout, out.Stderr)
	}
	return strings.TrimSpace(string(out.Stdout)), nil
}

// shutdown tells the machine to restart. The connection may end before the command answers.
func (r *rebooting) shutdown() error {
	line := r.t.text("reboot_command")
	if line == "" {
		message := r.t.text("msg")
		if message == "" {
			message = "Reboot initiated by Ansible"
		}
		delay := int64(r.t.seconds("pre_reboot_delay", 0)) / 60
		line = fmt.Sprintf("PATH=$PATH:/sbin:/usr/sbin shutdown -r %d '%s'", delay, strings.ReplaceAll(message, "'", `'\''`))
	}
	to, err := r.t.Target()
	if err != nil {
		return err
	}
	out, err := to.Command(r.t.Context, target.Command{Line: line})
	if err == nil && out.Code != 0 {
		return &Failure{Message: fmt.Sprintf("Reboot command failed. Error was: '%s, %s'", strings.TrimSpace(string(out.Stdout)), strings.TrimSpace(string(out.Stderr))),
			Result: value.DictOf("rebooted", false, "changed", false)}
	}
	return r.t.sleep(1)
}

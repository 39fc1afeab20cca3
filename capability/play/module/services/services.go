// Package services holds the modules that start and stop services and wait for
// ports and files: systemd, service and wait_for.
package services

import (
	"context"
	"fmt"
	"garboard.dev/garboard/capability/play/value"
	"os"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

// Modules returns the modules of this family.
func Modules() []*module.Module {
	return []*module.Module{systemd(), service(), waitFor()}
}

func systemd() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.systemd", Aliases: []string{"ansible.builtin.systemd_service"}, Summary: "Control units of systemd", CheckMode: true,
			Options: []module.Option{
				{Name: "name", Aliases: []string{"service", "unit"}, Help: "The unit; .service is added where there is no ending."},
				{Name: "state", Choices: []any{"reloaded", "restarted", "started", "stopped"}, Help: "What the unit shall be; reloaded and restarted always act."},
				{Name: "enabled", Type: module.Bool, Help: "Whether it starts at boot."},
				{Name: "force", Type: module.Bool, Help: "Overwrite links."},
				{Name: "masked", Type: module.Bool, Help: "Whether it cannot be started at all."},
				{Name: "daemon_reload", Aliases: []string{"daemon-reload"}, Type: module.Bool, Default: false, Help: "Make systemd read its units again first."},
				{Name: "daemon_reexec", Aliases: []string{"daemon-reexec"}, Type: module.Bool, Default: false, Help: "Start systemd itself again first."},
				{Name: "scope", Default: "system", Choices: []any{"system", "user", "global"}, Help: "Whose units."},
				{Name: "no_block", Type: module.Bool, Default: false, Help: "Do not wait."},
			},
			Rules: module.Rules{
				OneOf:      [][]string{{"state", "enabled", "masked", "daemon_reload", "daemon_reexec"}},
				RequiredBy: map[string][]string{"state": {"name"}, "enabled": {"name"}, "masked": {"name"}},
			},
		},
		Run: func(ctx context.Context, c *module.Call) (module.Result, error) {
			u := &unit{ctx: ctx, c: c, name: c.Args.String("name"), state: c.Args.String("state")}
			return u.run()
		},
	}
}

// unit is one unit of systemd and what is wanted of it.
type unit struct {
	ctx         context.Context
	c           *module.Call
	name, state string
	changed     bool
	status      map[string]any
}

func (u *unit) systemctl(args ...string) (execute.Output, error) {
	argv := []string{"systemctl"}
	if scope := u.c.Args.String("scope"); scope != "" && scope != "system" {
		argv = append(argv, "--"+scope)
	}
	if u.c.Args.Bool("no_block") {
		argv = append(argv, "--no-block")
	}
	if u.c.Args.Bool("force") {
		argv = append(argv, "--force")
	}
	return execute.Run(u.ctx, u.c, execute.Program{Argv: append(argv, args...)}.Parsed())
}

func (u *unit) run() (module.Result, error) {
	out := module.Result{"name": u.name, "status": map[string]any{}}
	for _, step := range []struct{ option, verb string }{{"daemon_reload", "daemon-reload"}, {"daemon_reexec", "daemon-reexec"}} {
		if !u.c.Args.Bool(step.option) || u.c.Check {
			continue
		}
		if o, err := u.systemctl(step.verb); err != nil || o.Code != 0 {
			return nil, failed(err, "failure %d during %s: %s", o.Code, strings.ReplaceAll(step.verb, "daemon-", "daemon-"), o.Stderr)
		}
	}
	if u.name == "" {
		out["name"] = nil
		return out, nil
	}
	if !strings.Contains(filepath.Base(u.name), ".") || strings.HasSuffix(u.name, "@") {
		u.name += ".service"
	}
	if err := u.read(); err != nil {
		return nil, err
	}
	for _, step := range []func(module.Result) error{u.mask, u.enable, u.act} {
		if err := step(out); err != nil {
			return nil, err
		}
	}
	out["status"], out["changed"] = u.status, u.changed
	return out, nil
}

func failed(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return fmt.Errorf(format, args...)
}

// read asks for the unit's properties.
func (u *unit) read() error {
	o, err := u.systemctl("show", u.name)
	if err != nil {
		return err
	}
	u.status = map[string]any{}
	for line := range strings.Lines(o.Stdout) {
		if k, v, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok {
			u.status[k] = v
		}
	}
	if strings.Contains(o.Stderr, "System has not been booted with systemd") || o.Code != 0 && len(u.status) == 0 {
		if !u.offline() {
			return &module.Failure{Message: "Service is in unknown state", Result: module.Result{"status": map[string]any{}}}
		}
		return nil
	}
	if load, _ := u.status["LoadState"].(string); load == "not-found" && !u.offline() {
		return value.Errorf("Could not find the requested service %s: host", strings.TrimSuffix(u.c.Args.String("name"), ""))
	}
	return nil
}

// offline says that no systemd runs: units can still be enabled in its folders.
func (u *unit) offline() bool {
	_, err := os.Stat("/run/systemd/system")
	return err != nil && u.state == "" && u.c.Args.Has("enabled")
}

func (u *unit) mask(out module.Result) error {
	if !u.c.Args.Has("masked") {
		return nil
	}
	want := u.c.Args.Bool("masked")
	load, _ := u.status["LoadState"].(string)
	if want == (load == "masked") {
		return nil
	}
	u.changed = true
	if u.c.Check {
		return nil
	}
	verb := map[bool]string{true: "mask", false: "unmask"}[want]
	o, err := u.systemctl(verb, u.name)
	if err != nil || o.Code != 0 {
		return failed(err, "Unable to %s service %s: %s", verb, u.name, o.Stdout+o.Stderr)
	}
	out["masked"] = want
	return nil
}

func (u *unit) enable(out module.Result) error {
	if !u.c.Args.Has("enabled") {
		return nil
	}
	want := u.c.Args.Bool("enabled")
	o, err := u.systemctl("is-enabled", u.name)
	if err != nil {
		return err
	}
	state := strings.TrimSpace(o.Stdout)
	is := o.Code == 0 && (state == "enabled" || state == "enabled-runtime" || state == "alias" || state == "static" || state == "indirect")
	out["enabled"] = is
	if want == is {
		return nil
	}
	u.changed = true
	out["enabled"] = want
	if u.c.Check {
		return nil
	}
	verb := map[bool]string{true: "enable", false: "disable"}[want]
	if o, err = u.systemctl(verb, u.name); err != nil || o.Code != 0 {
		return failed(err, "Unable to %s service %s: %s", verb, u.name, o.Stdout+o.Stderr)
	}
	return nil
}

func (u *unit) act(out module.Result) error {
	if u.state == "" {
		return nil
	}
	active, _ := u.status["ActiveState"].(string)
	running := active == "active" || active == "activating"
	verb := ""
	switch u.state {
	case "started":
		if !running {
			verb = "start"
		}
	case "stopped":
		if running || active == "deactivating" {
			verb = "stop"
		}
	case "restarted":
		verb = "restart"
		if !running {
			verb = "start"
		}
	case "reloaded":
		verb = "reload"
		if !running {
			verb = "start"
		}
	}
	out["state"] = map[bool]string{true: "stopped", false: "started"}[u.state == "stopped"]
	if verb == "" {
		return nil
	}
	u.changed = true
	if u.c.Check {
		return nil
	}
	o, err := u.systemctl(verb, u.name)
	if err != nil || o.Code != 0 {
		return failed(err, "Unable to %s service %s: %s", verb, u.name, o.Stderr)
	}
	return nil
}

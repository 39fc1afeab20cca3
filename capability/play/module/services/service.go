package services

import (
	"context"
	"garboard.dev/garboard/capability/play/value"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

// service controls services where systemd does not run: by the scripts in
// /etc/init.d. Where it runs, it is systemd's work.
func service() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.service", Aliases: []string{"ansible.builtin.sysvinit"}, Summary: "Control services", CheckMode: true,
			Options: []module.Option{
				{Name: "name", Required: true, Aliases: []string{"service"}, Help: "The service."},
				{Name: "state", Choices: []any{"started", "stopped", "reloaded", "restarted"}, Help: "What it shall be; reloaded and restarted always act."},
				{Name: "enabled", Type: module.Bool, Help: "Whether it starts at boot."},
				{Name: "sleep", Type: module.Int, Help: "Seconds between stopping and starting."},
				{Name: "pattern", Help: "A text in the list of processes that says that it runs."},
				{Name: "runlevel", Default: "default", Help: "Accepted and without effect on Debian."},
				{Name: "runlevels", Type: module.List, Elements: module.Str, Help: "The runlevels to enable it in."},
				{Name: "arguments", Aliases: []string{"args"}, Default: "", Help: "Arguments for the script."},
				{Name: "daemonize", Type: module.Bool, Default: false, Help: "Accepted and not needed."},
				{Name: "use", Default: "auto"},
			},
			Rules: module.Rules{OneOf: [][]string{{"state", "enabled"}}},
		},
		Run: func(ctx context.Context, c *module.Call) (module.Result, error) {
			if _, err := os.Stat("/run/systemd/system"); err == nil {
				u := &unit{ctx: ctx, c: c, name: c.Args.String("name"), state: c.Args.String("state")}
				return u.run()
			}
			s := &script{ctx: ctx, c: c, name: c.Args.String("name")}
			return s.run()
		},
	}
}

// script is a service by its script.
type script struct {
	ctx  context.Context
	c    *module.Call
	name string
	path string
}

func (s *script) run() (module.Result, error) {
	s.path = filepath.Join("/etc/init.d", s.name)
	if info, err := os.Stat(s.path); err != nil || info.IsDir() || filepath.Base(s.name) != s.name {
		return nil, value.Errorf("Could not find the requested service %s: host", s.name)
	}
	out := module.Result{"name": s.name, "changed": false}
	if s.c.Args.Has("enabled") {
		changed, err := s.enable(s.c.Args.Bool("enabled"))
		if err != nil {
			return nil, err
		}
		out["enabled"], out["changed"] = s.c.Args.Bool("enabled"), changed
	}
	state := s.c.Args.String("state")
	if state == "" {
		return out, nil
	}
	running, err := s.running()
	if err != nil {
		return nil, err
	}
	out["state"] = map[bool]string{true: "stopped", false: "started"}[state == "stopped"]
	if state == "started" && running || state == "stopped" && !running {
		return out, nil
	}
	out["changed"] = true
	if s.c.Check {
		return out, nil
	}
	return out, s.act(state, running)
}

func (s *script) call(verb string) (execute.Output, error) {
	argv := []string{s.path, verb}
	if more := s.c.Args.String("arguments"); more != "" {
		words, err := execute.Split(more)
		if err != nil {
			return execute.Output{}, err
		}
		argv = append(argv, words...)
	}
	return execute.Run(s.ctx, s.c, execute.Program{Argv: argv})
}

// running asks the script, or looks for the pattern among the processes.
func (s *script) running() (bool, error) {
	if p := s.c.Args.String("pattern"); p != "" {
		o, err := execute.Run(s.ctx, s.c, execute.Program{Argv: []string{"ps", "axww"}})
		return strings.Contains(o.Stdout, p), err
	}
	o, err := s.call("status")
	if err != nil {
		return false, err
	}
	if stopped.MatchString(o.Stdout + o.Stderr) {
		return false, nil
	}
	return o.Code == 0, nil
}

var stopped = regexp.MustCompile(`(?i)(is|are) not running|is stopped|could not access PID|unused`)

func (s *script) act(state string, running bool) error {
	verbs := map[string][]string{"started": {"start"}, "stopped": {"stop"}, "reloaded": {"reload"}, "restarted": {"restart"}}[state]
	if state == "reloaded" && !running {
		verbs = []string{"start"}
	}
	pause := s.c.Args.Int("sleep")
	if state == "restarted" && pause > 0 {
		verbs = []string{"stop", "start"}
	}
	for i, verb := range verbs {
		if i > 0 {
			if err := wait(s.ctx, time.Duration(pause)*time.Second); err != nil {
				return err
			}
		}
		o, err := s.call(verb)
		if err != nil {
			return err
		}
		if o.Code != 0 && verb != "stop" {
			return value.Errorf("Unable to %s service %s: %s", verb, s.name, strings.TrimSpace(o.Stdout+o.Stderr))
		}
	}
	return nil
}

// enable makes update-rc.d link the script, or not.
func (s *script) enable(want bool) (bool, error) {
	found, err := filepath.Glob("/etc/rc[2345].d/S??" + s.name)
	if err != nil || want == (len(found) > 0) || s.c.Check {
		return err == nil && want != (len(found) > 0), err
	}
	verbs := [][]string{{"update-rc.d", s.name, "disable"}}
	if want {
		verbs = [][]string{{"update-rc.d", s.name, "defaults"}, {"update-rc.d", s.name, "enable"}}
	}
	for _, argv := range verbs {
		o, err := execute.Run(s.ctx, s.c, execute.Program{Argv: argv})
		if err != nil || o.Code != 0 {
			return false, failed(err, "Failed to %s service %s: %s", argv[2], s.name, strings.TrimSpace(o.Stderr))
		}
	}
	return true, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

package packages

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

// line is a command line of apt-get. Results show it with the blanks that
// Ansible leaves where an option is not used.
type line struct {
	argv  []string
	shown []string
}

// add adds words, or an empty place where they are not wanted.
func (l *line) add(wanted bool, words ...string) {
	if !wanted {
		l.shown = append(l.shown, "")
		return
	}
	l.argv = append(l.argv, words...)
	l.shown = append(l.shown, words...)
}

// append adds words where they are wanted, and nothing else.
func (l *line) append(wanted bool, words ...string) {
	if wanted {
		l.add(true, words...)
	}
}

// dpkg adds the options for dpkg.
func (l *line) dpkg(options []string) {
	l.argv = append(l.argv, options...)
	for i := 1; i < len(options); i += 2 {
		l.shown = append(l.shown, options[i-1], `"`+options[i]+`"`)
	}
}

// names adds names of packages.
func (l *line) names(list []string) {
	l.argv = append(l.argv, list...)
	for _, name := range list {
		l.shown = append(l.shown, "'"+name+"'")
	}
}

func (l *line) String() string { return "/usr/bin/apt-get " + strings.Join(l.shown, " ") }

// installing is the command that installs packages, or what building them needs.
func (a *aptRun) installing(names []string) *line {
	args := a.c.Args
	state := args.String("state")
	l := &line{}
	l.add(true, "-y")
	l.dpkg(a.options)
	l.add(args.Bool("only_upgrade"), "--only-upgrade")
	l.add(state == "fixed", "--fix-broken")
	l.add(args.Bool("force"), "--force-yes")
	if state == "build-dep" {
		l.add(args.Bool("fail_on_autoremove"), "--no-remove")
		l.add(a.c.Check, "--simulate")
		l.add(true, "build-dep")
	} else {
		l.add(args.Bool("autoremove"), "--auto-remove")
		l.add(args.Bool("fail_on_autoremove"), "--no-remove")
		l.add(a.c.Check, "--simulate")
		l.add(true, "install")
	}
	l.names(names)
	if r := args.String("default_release"); r != "" {
		l.argv, l.shown = append(l.argv, "-t", r), append(l.shown, "-t", "'"+r+"'")
	}
	if args.Has("install_recommends") {
		l.add(true, "-o", "APT::Install-Recommends="+map[bool]string{true: "yes", false: "no"}[args.Bool("install_recommends")])
	}
	l.append(args.Bool("allow_unauthenticated"), "--allow-unauthenticated")
	l.append(args.Bool("allow_downgrade"), "--allow-downgrades")
	l.append(args.Bool("allow_change_held_packages"), "--allow-change-held-packages")
	return l
}

var unchanged = regexp.MustCompile(`(?m)^0 upgraded, 0 newly installed, (0 downgraded, )?0 to remove`)

// get runs apt-get. What it answers is the base of the task's result.
func (a *aptRun) get(l *line) (execute.Output, module.Result, error) {
	undo, err := a.policy()
	if err != nil {
		return execute.Output{}, nil, err
	}
	o, err := a.program(slices.Concat(a.waiting("apt-get"), l.argv)...)
	if undoErr := undo(); err == nil {
		err = undoErr
	}
	diff := map[string]any{}
	if a.c.Diff {
		diff["prepared"] = planned(o.Stdout)
	}
	return o, module.Result{"changed": !unchanged.MatchString(o.Stdout), "stdout": o.Stdout, "stderr": o.Stderr, "diff": diff}, err
}

// refused is the failure of a command.
func refused(message string, o execute.Output) *module.Failure {
	return &module.Failure{Message: message, Result: module.Result{"stdout": o.Stdout, "stderr": o.Stderr, "rc": int64(o.Code)}}
}

// planned are the lines by which apt-get says what it does.
func planned(stdout string) string {
	var kept []string
	keep := false
	for text := range strings.Lines(stdout) {
		text = strings.TrimRight(text, "\r\n")
		switch {
		case strings.HasPrefix(text, "Reading state information..."):
			keep = true
		case keep:
			kept = append(kept, text)
			if summary.MatchString(text) {
				return strings.Join(kept, "\n")
			}
		}
	}
	return strings.Join(kept, "\n")
}

var summary = regexp.MustCompile(`^\d+ upgraded, \d+ newly installed`)

// policyFile is asked whether services may start (policy-rc.d, Debian's invoke-rc.d(8)).
const policyFile = "/usr/sbin/policy-rc.d"

// policy keeps services from starting while packages are installed, and
// returns what ends that.
func (a *aptRun) policy() (func() error, error) {
	if !a.c.Args.Has("policy_rc_d") || a.c.Check {
		return func() error { return nil }, nil
	}
	const aside = policyFile + ".garboard"
	err := os.Rename(policyFile, aside)
	had := err == nil
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	text := fmt.Sprintf("#!/bin/sh\nexit %d\n", a.c.Args.Int("policy_rc_d"))
	if err := os.WriteFile(policyFile, []byte(text), 0o755); err != nil { //nolint:gosec // it has to be executable
		return nil, err
	}
	return func() error {
		if had {
			return os.Rename(aside, policyFile)
		}
		return os.Remove(policyFile)
	}, nil
}

// upgrade upgrades everything.
func (a *aptRun) upgrade(how string) (module.Result, error) {
	args := a.c.Args
	verb := []string{"upgrade", "--with-new-pkgs"}
	if how == "dist" || how == "full" {
		verb = []string{"dist-upgrade"}
	}
	l := &line{}
	l.add(true, "-y")
	l.dpkg(a.options)
	l.append(args.Bool("force"), "--force-yes")
	l.append(args.Bool("fail_on_autoremove"), "--no-remove")
	l.append(args.Bool("allow_unauthenticated"), "--allow-unauthenticated")
	l.append(args.Bool("allow_downgrade"), "--allow-downgrades")
	l.append(args.Bool("autoremove"), "--auto-remove")
	l.append(a.c.Check, "--simulate")
	l.append(args.String("default_release") != "", "-t", args.String("default_release"))
	l.add(true, verb...)
	o, out, err := a.get(l)
	if err != nil {
		return nil, err
	}
	if o.Code != 0 {
		return nil, refused(fmt.Sprintf("'/usr/bin/apt-get %s' failed: %s", strings.Join(verb, " "), o.Stderr), o)
	}
	out["msg"] = o.Stdout
	if out["changed"] == false {
		delete(out, "diff")
	}
	return out, nil
}

// remove removes what is installed of the wishes.
func (a *aptRun) remove(wishes []wish) (module.Result, error) {
	expanded, err := a.expand(wishes)
	if err != nil {
		return nil, err
	}
	var there []string
	for _, w := range expanded {
		if a.db.real(w) || a.c.Args.Bool("purge") && a.db.leftovers[w.name] {
			there = append(there, w.qualified())
		}
	}
	if len(there) == 0 {
		return module.Result{"changed": false}, nil
	}
	args := a.c.Args
	l := &line{}
	l.add(true, "-q", "-y")
	l.dpkg(a.options)
	l.append(args.Bool("purge"), "--purge")
	l.append(args.Bool("force"), "--force-yes")
	l.append(args.Bool("autoremove"), "--auto-remove")
	l.append(args.Bool("allow_change_held_packages"), "--allow-change-held-packages")
	l.append(a.c.Check, "--simulate")
	l.add(true, "remove")
	l.names(there)
	o, out, err := a.get(l)
	if err != nil {
		return nil, err
	}
	if o.Code != 0 {
		quoted := "'" + strings.Join(there, "' '") + "'"
		return nil, refused(fmt.Sprintf("'apt-get remove %s' failed: %s", quoted, o.Stderr), o)
	}
	out["changed"] = true
	return out, nil
}

// clean removes all package files from apt's store.
func (a *aptRun) clean() error {
	if a.c.Check {
		return nil
	}
	o, err := a.program("apt-get", "clean")
	if err == nil && o.Code != 0 {
		err = refused(fmt.Sprintf("apt-get clean failed: %s", o.Stderr), o)
	}
	return err
}

// cleanup runs apt-get autoclean or autoremove.
func (a *aptRun) cleanup(verb string) (module.Result, error) {
	args := a.c.Args
	l := &line{}
	l.add(true, "-y")
	l.dpkg(a.options)
	l.append(verb == "autoremove" && args.Bool("purge"), "--purge")
	l.append(args.Bool("force"), "--force-yes")
	l.add(true, verb)
	l.append(a.c.Check, "--simulate")
	o, out, err := a.get(l)
	if err != nil {
		return nil, err
	}
	if o.Code != 0 {
		return nil, refused(fmt.Sprintf("'apt-get %s' failed: %s", verb, o.Stderr), o)
	}
	if verb == "autoclean" {
		out["changed"] = strings.Contains(o.Stdout, "Del ")
	}
	return out, nil
}

package packages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
	"garboard.dev/garboard/capability/play/value"
)

func apt() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.apt", Summary: "Manage Debian's packages", CheckMode: true,
			Options: []module.Option{
				{Name: "state", Default: "present", Choices: []any{"absent", "build-dep", "fixed", "latest", "present"}, Help: "What the packages shall be."},
				{Name: "update_cache", Aliases: []string{"update-cache"}, Type: module.Bool, Help: "Read the package lists first."},
				{Name: "update_cache_retries", Type: module.Int, Default: int64(5), Help: "How often to try that."},
				{Name: "update_cache_retry_max_delay", Type: module.Int, Default: int64(12), Help: "Seconds between tries at most."},
				{Name: "cache_valid_time", Type: module.Int, Default: int64(0), Help: "Do not, where the lists are not older than so many seconds."},
				{Name: "purge", Type: module.Bool, Default: false, Help: "Remove configuration files too."},
				{Name: "package", Aliases: []string{"name", "pkg"}, Type: module.List, Elements: module.Str, Help: "The packages, with =version or >=version where one is wanted; patterns are taken."},
				{Name: "deb", Type: module.Path, Help: "A package's file, or its URL."},
				{Name: "default_release", Aliases: []string{"default-release"}, Help: "The release that counts most."},
				{Name: "install_recommends", Aliases: []string{"install-recommends"}, Type: module.Bool, Help: "Install what packages recommend."},
				{Name: "force", Type: module.Bool, Default: false, Help: "Install even what is not signed, and older versions."},
				{Name: "upgrade", Default: "no", Choices: []any{"dist", "full", "no", "safe", "yes"}, Help: "Upgrade everything."},
				{Name: "dpkg_options", Default: "force-confdef,force-confold", Help: "Options for dpkg."},
				{Name: "autoremove", Type: module.Bool, Default: false, Help: "Remove what nothing needs any more."},
				{Name: "autoclean", Type: module.Bool, Default: false, Help: "Remove old package files."},
				{Name: "clean", Type: module.Bool, Default: false, Help: "Remove all package files."},
				{Name: "policy_rc_d", Type: module.Int, Help: "The code by which services are kept from starting while packages are installed."},
				{Name: "only_upgrade", Type: module.Bool, Default: false, Help: "Install nothing new."},
				{Name: "fail_on_autoremove", Type: module.Bool, Default: false, Help: "Fail where something would be removed."},
				{Name: "force_apt_get", Type: module.Bool, Default: false, Help: "Accepted: apt-get is always used."},
				{Name: "lock_timeout", Type: module.Int, Default: int64(60), Help: "Seconds to wait for another apt."},
				{Name: "allow_unauthenticated", Aliases: []string{"allow-unauthenticated"}, Type: module.Bool, Default: false, Help: "Install what is not signed."},
				{Name: "allow_downgrade", Aliases: []string{"allow-downgrade", "allow_downgrades", "allow-downgrades"}, Type: module.Bool, Default: false, Help: "Install older versions."},
				{Name: "allow_change_held_packages", Type: module.Bool, Default: false, Help: "Change what is held."},
			},
			Rules: module.Rules{Exclusive: [][]string{{"deb", "package", "upgrade"}}},
		},
		Run: func(ctx context.Context, c *module.Call) (module.Result, error) {
			a := &aptRun{ctx: ctx, c: c}
			return a.run()
		},
	}
}

// aptRun is one run of the module apt.
type aptRun struct {
	ctx     context.Context
	c       *module.Call
	db      *database
	updated bool
	options []string // dpkg_options
}

// listsStamp and listsDir say when package lists were read.
const (
	listsStamp = "/var/lib/apt/periodic/update-success-stamp"
	listsDir   = "/var/lib/apt/lists"
)

func listsTime() time.Time {
	for _, path := range []string{listsStamp, listsDir} {
		if info, err := os.Stat(path); err == nil {
			return info.ModTime()
		}
	}
	return time.Time{}
}

func (a *aptRun) run() (module.Result, error) {
	args := a.c.Args
	for o := range strings.SplitSeq(args.String("dpkg_options"), ",") {
		a.options = append(a.options, "-o", "Dpkg::Options::=--"+o)
	}
	packages, everything := a.wanted()
	upgrade, deb := args.String("upgrade"), args.String("deb")
	if err := a.update(); err != nil {
		return nil, err
	}
	if (args.Bool("update_cache") || args.Int("cache_valid_time") > 0) && len(packages) == 0 && !everything && upgrade == "no" && deb == "" {
		return a.cached(module.Result{"changed": a.updated}), nil
	}
	if args.Bool("clean") {
		if err := a.clean(); err != nil {
			return nil, err
		}
	}
	switch {
	case upgrade != "no":
		return a.upgrade(upgrade)
	case deb != "":
		return a.deb(deb)
	case everything && args.String("state") == "latest":
		if len(packages) > 0 {
			return nil, errors.New("unable to install additional packages when upgrading all installed packages")
		}
		return a.upgrade("yes")
	}
	return a.packages(packages)
}

// packages brings the packages that the task names to their state, or cleans up
// where it names none.
func (a *aptRun) packages(texts []string) (module.Result, error) {
	var err error
	if a.db, err = readDatabase(); err != nil {
		return nil, err
	}
	if len(texts) == 0 {
		for _, verb := range []string{"autoclean", "autoremove"} {
			if a.c.Args.Bool(verb) {
				return a.cleanup(verb)
			}
		}
	}
	wishes := make([]wish, len(texts))
	for i, text := range texts {
		if strings.Count(text, "=") > 1 {
			return nil, errors.New("invalid package spec: " + text)
		}
		wishes[i] = parseWish(text)
	}
	if a.c.Args.String("state") == "absent" {
		return a.remove(wishes)
	}
	return a.install(wishes)
}

// wanted are the names that the task gives; everything tells of the name *.
func (a *aptRun) wanted() (names []string, everything bool) {
	for _, name := range a.c.Args.Strings("package") {
		if name == "*" {
			everything = true
			continue
		}
		names = append(names, strings.TrimSpace(name))
	}
	return names, everything
}

// cached adds what is known of the package lists to a result.
func (a *aptRun) cached(r module.Result) module.Result {
	r["cache_updated"], r["cache_update_time"] = a.updated, listsTime().Unix()
	return r
}

// update reads the package lists, where they are old enough.
func (a *aptRun) update() error {
	valid := a.c.Args.Int("cache_valid_time")
	if !a.c.Args.Bool("update_cache") && valid == 0 || !a.c.Machine.Now().After(listsTime().Add(time.Duration(valid)*time.Second)) {
		return nil
	}
	if a.c.Check {
		a.updated = true
		return nil
	}
	said := "unknown reason"
	for try := range max(1, a.c.Args.Int("update_cache_retries")) {
		if try > 0 {
			if err := pause(a.ctx, min(1<<min(try-1, 30), a.c.Args.Int("update_cache_retry_max_delay"))); err != nil {
				return err
			}
		}
		o, err := a.program(append(a.waiting("apt-get"), "-q", "update")...)
		if err != nil {
			return err
		}
		if o.Code == 0 && !strings.Contains(o.Stderr, "Failed to fetch") {
			a.updated = true
			return nil
		}
		if text := strings.TrimSpace(o.Stderr); text != "" {
			said = text
		}
	}
	return value.Errorf("Failed to update apt cache: %s", said)
}

func pause(ctx context.Context, seconds int64) error {
	timer := time.NewTimer(time.Duration(seconds) * time.Second)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// waiting is a program of apt with the option to wait for another apt's lock.
func (a *aptRun) waiting(name string) []string {
	return []string{name, "-o", fmt.Sprintf("DPkg::Lock::Timeout=%d", a.c.Args.Int("lock_timeout"))}
}

// program runs one of apt's programs without questions.
func (a *aptRun) program(argv ...string) (execute.Output, error) {
	return execute.Run(a.ctx, a.c, execute.Program{Argv: argv, Env: []string{
		"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical", "LANG=C", "LC_ALL=C", "LC_MESSAGES=C", "LC_CTYPE=C",
	}})
}

package packages

import (
	"context"
	"fmt"
	"garboard.dev/garboard/capability/play/value"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
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
				{Name: "package", Aliases: []string{"name", "pkg"}, Type: module.List, Elements: module.Str, Help: "The packages, with =version where one is wanted; patterns are taken."},
				{Name: "deb", Type: module.Path, Help: "A package's file."},
				{Name: "default_release", Aliases: []string{"default-release"}, Help: "The release that counts most."},
				{Name: "install_recommends", Aliases: []string{"install-recommends"}, Type: module.Bool, Help: "Install what packages recommend."},
				{Name: "force", Type: module.Bool, Default: false, Help: "Install even what is not signed."},
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
			Rules: module.Rules{
				Exclusive: [][]string{{"deb", "package", "upgrade"}},
				OneOf:     [][]string{{"autoremove", "deb", "package", "update_cache", "upgrade"}},
			},
		},
		Run: func(ctx context.Context, c *module.Call) (module.Result, error) {
			a := &aptRun{ctx: ctx, c: c, out: module.Result{"changed": false}}
			return a.run()
		},
	}
}

type aptRun struct {
	ctx     context.Context
	c       *module.Call
	out     module.Result
	updated bool
	db      *database
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
	if err := a.update(); err != nil {
		return nil, err
	}
	a.out["cache_updated"], a.out["cache_update_time"] = a.updated, listsTime().Unix()
	for _, verb := range []string{"autoclean", "clean"} {
		if args.Bool(verb) && len(args.Strings("package")) == 0 && args.String("deb") == "" && args.String("upgrade") == "no" {
			if err := a.get(verb); err != nil {
				return nil, err
			}
		}
	}
	var err error
	switch {
	case args.String("upgrade") != "no":
		err = a.upgrade()
	case args.String("deb") != "":
		err = a.deb(args.String("deb"))
	case len(args.Strings("package")) > 0:
		err = a.packages()
	case args.Bool("autoremove"):
		err = a.get("autoremove")
	default:
		a.out["changed"] = a.updated
	}
	if err != nil {
		return nil, err
	}
	return a.out, nil
}

// update reads the package lists, where they are old enough.
func (a *aptRun) update() error {
	valid := a.c.Args.Int("cache_valid_time")
	wanted := a.c.Args.Bool("update_cache") || valid > 0 && !a.c.Args.Has("update_cache")
	if !wanted || valid > 0 && a.c.Machine.Now().Sub(listsTime()) < time.Duration(valid)*time.Second || a.c.Check {
		return nil
	}
	before := listsTime()
	var said string
	for try := range max(1, a.c.Args.Int("update_cache_retries")) {
		if try > 0 {
			if err := pause(a.ctx, min(1<<try, a.c.Args.Int("update_cache_retry_max_delay"))); err != nil {
				return err
			}
		}
		o, err := a.program("apt-get", "update")
		if err != nil {
			return err
		}
		if said = strings.TrimSpace(o.Stderr); o.Code == 0 && !strings.Contains(said, "Failed to fetch") {
			a.updated = !listsTime().Equal(before)
			return nil
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

// program runs one of apt's programs without questions.
func (a *aptRun) program(argv ...string) (execute.Output, error) {
	return execute.Run(a.ctx, a.c, execute.Program{Argv: argv, Env: []string{"DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical", "LANG=C", "LC_ALL=C", "LC_MESSAGES=C"}})
}

// options are those of apt-get for what the task says.
func (a *aptRun) options() []string {
	args := a.c.Args
	out := []string{"-y", "-o", "DPkg::Lock::Timeout=" + strconv.FormatInt(args.Int("lock_timeout"), 10)}
	for o := range strings.SplitSeq(args.String("dpkg_options"), ",") {
		if o = strings.TrimSpace(o); o != "" {
			out = append(out, "-o", "Dpkg::Options::=--"+o)
		}
	}
	for option, words := range map[string][]string{
		"autoremove": {"--auto-remove"}, "only_upgrade": {"--only-upgrade"}, "force": {"--force-yes"}, "fail_on_autoremove": {"--no-remove"},
		"allow_unauthenticated": {"--allow-unauthenticated"}, "allow_downgrade": {"--allow-downgrades"}, "allow_change_held_packages": {"--allow-change-held-packages"},
	} {
		if args.Bool(option) {
			out = append(out, words...)
		}
	}
	if args.Has("install_recommends") {
		out = append(out, "-o", "APT::Install-Recommends="+map[bool]string{true: "yes", false: "no"}[args.Bool("install_recommends")])
	}
	if r := args.String("default_release"); r != "" {
		out = append(out, "-t", r)
	}
	if a.c.Check {
		out = append(out, "--simulate")
	}
	return out
}

var nothing = regexp.MustCompile(`(?m)^0 upgraded, 0 newly installed, (0 downgraded, )?0 to remove`)

// get runs apt-get, and notes whether that changes anything.
func (a *aptRun) get(verb string, names ...string) error {
	undo, err := a.policy()
	if err != nil {
		return err
	}
	o, err := a.program(slices.Concat([]string{"apt-get"}, a.options(), []string{verb}, names)...)
	if err := undo(); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	if o.Code != 0 {
		text := fmt.Sprintf("'/usr/bin/apt-get %s %s' failed: %s", verb, strings.Join(names, " "), o.Stderr)
		return &module.Failure{Message: text, Result: module.Result{"stdout": o.Stdout, "stderr": o.Stderr, "rc": int64(o.Code), "cache_updated": a.updated, "cache_update_time": listsTime().Unix()}}
	}
	a.out["stdout"], a.out["stderr"] = o.Stdout, o.Stderr
	switch verb {
	case "clean", "autoclean":
		a.out["changed"] = a.out["changed"] == true || strings.Contains(o.Stdout, "Del ")
	default:
		a.out["changed"] = !nothing.MatchString(o.Stdout)
	}
	if a.c.Diff {
		a.out["diff"] = map[string]any{"prepared": planned(o.Stdout)}
	}
	return nil
}

// planned are the lines by which apt-get says what it does.
func planned(stdout string) string {
	var b strings.Builder
	keep := false
	for line := range strings.Lines(stdout) {
		if strings.HasPrefix(line, "The following") {
			keep = !strings.Contains(line, "no longer required")
		} else if !strings.HasPrefix(line, " ") {
			keep = false
		}
		if keep || strings.Contains(line, " upgraded, ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// policy keeps services from starting while packages are installed (policy-rc.d).
func (a *aptRun) policy() (func() error, error) {
	if !a.c.Args.Has("policy_rc_d") || a.c.Check {
		return func() error { return nil }, nil
	}
	const file = "/usr/sbin/policy-rc.d"
	before, err := os.ReadFile(file)
	had := err == nil
	text := fmt.Sprintf("#!/bin/sh\nexit %d\n", a.c.Args.Int("policy_rc_d"))
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		return nil, err
	}
	return func() error {
		if had {
			return os.WriteFile(file, before, 0o755)
		}
		return os.Remove(file)
	}, nil
}

func (a *aptRun) upgrade() error {
	verb := map[string]string{"dist": "dist-upgrade", "full": "dist-upgrade", "safe": "upgrade", "yes": "upgrade"}[a.c.Args.String("upgrade")]
	if verb == "upgrade" {
		return a.get(verb, "--with-new-pkgs")
	}
	return a.get(verb)
}

// deb installs a package's file.
func (a *aptRun) deb(file string) error {
	o, err := a.program("dpkg-deb", "-f", file, "Package", "Version")
	if err != nil || o.Code != 0 {
		if err == nil {
			err = value.Errorf("Unable to install package: %s", strings.TrimSpace(o.Stderr))
		}
		return err
	}
	fields := map[string]string{}
	for line := range strings.Lines(o.Stdout) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), ": ")
		fields[k] = v
	}
	db, err := readDatabase()
	if err != nil {
		return err
	}
	if db.has(wish{name: fields["Package"], version: fields["Version"]}) {
		return nil
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	return a.get("install", full)
}

// packages brings the packages that the task names to their state.
func (a *aptRun) packages() error {
	var err error
	if a.db, err = readDatabase(); err != nil {
		return err
	}
	var wishes []wish
	for _, text := range a.c.Args.Strings("package") {
		for one := range strings.SplitSeq(text, ",") {
			if one = strings.TrimSpace(one); one != "" {
				wishes = append(wishes, parseWish(one))
			}
		}
	}
	switch a.c.Args.String("state") {
	case "absent":
		return a.remove(wishes)
	case "build-dep":
		return a.get("build-dep", texts(wishes)...)
	case "latest":
		return a.latest(wishes)
	case "fixed":
		return a.get("install", append([]string{"-f"}, texts(wishes)...)...)
	}
	return a.present(wishes)
}

func texts(wishes []wish) []string {
	out := make([]string, len(wishes))
	for i, w := range wishes {
		out[i] = w.text
	}
	return out
}

func (a *aptRun) present(wishes []wish) error {
	var missing []wish
	for _, w := range wishes {
		if isGlob(w.name) || !a.db.has(w) && (!a.c.Args.Bool("only_upgrade") || a.db.real(w)) {
			missing = append(missing, w)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	missing, err := a.available(missing)
	if err != nil || len(missing) == 0 {
		return err
	}
	return a.get("install", texts(missing)...)
}

// available expands patterns and refuses packages that nobody offers.
func (a *aptRun) available(wishes []wish) ([]wish, error) {
	var out []wish
	for _, w := range wishes {
		if isGlob(w.name) {
			o, err := a.program("apt-cache", "pkgnames")
			if err != nil {
				return nil, err
			}
			found := false
			for name := range strings.FieldsSeq(o.Stdout) {
				if ok, err := filepath.Match(w.name, name); err == nil && ok {
					found = true
					if !a.db.real(wish{name: name}) {
						out = append(out, parseWish(name))
					}
				}
			}
			if !found {
				return nil, value.Errorf("No package(s) matching '%s' available", w.name)
			}
			continue
		}
		name := w.name
		if w.arch != "" {
			name += ":" + w.arch
		}
		o, err := a.program("apt-cache", "showpkg", name)
		if err != nil {
			return nil, err
		}
		if !offered(o.Stdout) {
			return nil, value.Errorf("No package matching '%s' is available", w.name)
		}
		out = append(out, w)
	}
	return out, nil
}

// offered says whether apt-cache showpkg tells of a version, or of others that
// provide the package.
func offered(text string) bool {
	section, lines := "", map[string]int{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasSuffix(line, ":") && !strings.Contains(line, " (") {
			section = line
			continue
		}
		if line != "" {
			lines[section]++
		}
	}
	return lines["Versions:"] > 0 || lines["Reverse Provides:"] > 0
}

// latest installs what is missing and upgrades what is older than what is offered.
func (a *aptRun) latest(wishes []wish) error {
	wishes, err := a.available(wishes)
	if err != nil || len(wishes) == 0 {
		return err
	}
	names := make([]string, len(wishes))
	for i, w := range wishes {
		names[i] = w.name
	}
	o, err := a.program(append([]string{"apt-cache", "policy"}, names...)...)
	if err != nil {
		return err
	}
	old := outdated(o.Stdout)
	var wanted []string
	for _, w := range wishes {
		if a.db.real(w) && w.version == "" && !old[w.name] || a.c.Args.Bool("only_upgrade") && !a.db.real(w) {
			continue
		}
		wanted = append(wanted, w.text)
	}
	if len(wanted) == 0 {
		return nil
	}
	return a.get("install", wanted...)
}

// outdated reads apt-cache policy: the packages whose candidate is not what is installed.
func outdated(text string) map[string]bool {
	out := map[string]bool{}
	name, has := "", ""
	for line := range strings.Lines(text) {
		switch f := strings.Fields(line); {
		case len(f) == 1 && strings.HasSuffix(line, ":\n") && line[0] != ' ':
			name = strings.TrimSuffix(f[0], ":")
		case len(f) == 2 && f[0] == "Installed:":
			has = f[1]
		case len(f) == 2 && f[0] == "Candidate:":
			out[name] = f[1] != has && f[1] != "(none)"
		}
	}
	return out
}

func (a *aptRun) remove(wishes []wish) error {
	var there []string
	for _, w := range wishes {
		if isGlob(w.name) {
			there = append(there, a.db.matching(w.name)...)
			continue
		}
		if a.db.real(w) {
			there = append(there, w.name)
		}
	}
	if len(there) == 0 {
		return nil
	}
	slices.Sort(there)
	verb := "remove"
	if a.c.Args.Bool("purge") {
		verb = "purge"
	}
	return a.get(verb, there...)
}

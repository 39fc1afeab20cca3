package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/capability/play/module/execute"
)

func mountModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.posix.mount", Summary: "Keeps mounts, in fstab and on the running machine", CheckMode: true,
		Options: []module.Option{
			{Name: "path", Aliases: []string{"name"}, Type: module.Path, Required: true, Help: "Where to mount; none for swap."},
			{Name: "src", Type: module.Path, Help: "The device, or what else is mounted."},
			{Name: "fstype", Help: "The kind of file system."},
			{Name: "opts", Help: "The options; defaults without them."},
			{Name: "dump", Default: "0", Help: "fstab's fifth field."},
			{Name: "passno", Default: "0", Help: "fstab's sixth field."},
			{Name: "state", Required: true, Choices: choices("absent", "absent_from_fstab", "mounted", "present", "unmounted", "remounted", "ephemeral"),
				Help: "present and absent_from_fstab are about fstab alone, unmounted, remounted and ephemeral about the running machine alone."},
			{Name: "fstab", Help: "The file; /etc/fstab without it."},
			{Name: "boot", Type: module.Bool, Default: true, Help: "Mount when the machine starts; else noauto."},
			{Name: "backup", Type: module.Bool, Default: false, Help: "Keep a copy of fstab before it is changed."},
		},
		Rules: module.Rules{If: []module.Condition{
			{Option: "state", Is: "mounted", Then: []string{"src", "fstype"}},
			{Option: "state", Is: "present", Then: []string{"src", "fstype"}},
			{Option: "state", Is: "ephemeral", Then: []string{"src", "fstype"}},
		}},
		Returns: []module.Return{{Name: "name", Type: "str", Help: "Where it is mounted."}, {Name: "fstab", Type: "str", Help: "The file."}},
	}, Run: runMount}
}

// mountTask is one run of mount.
type mountTask struct {
	c      *module.Call
	entry  fstabLine
	fstab  string
	old    string // the text of fstab before
	backup string
	warned []any
}

func runMount(ctx context.Context, c *module.Call) (module.Result, error) {
	t := &mountTask{c: c, fstab: c.Args.String("fstab"), warned: []any{}, entry: fstabLine{
		src: c.Args.String("src"), path: c.Args.String("path"), kind: c.Args.String("fstype"), opts: c.Args.String("opts"),
		dump: c.Args.String("dump"), passOrder: c.Args.String("passno")}}
	if t.fstab == "" {
		t.fstab = "/etc/fstab"
	}
	if t.entry.opts == "" {
		t.entry.opts = "defaults"
	}
	if !c.Args.Bool("boot") {
		if slices.Contains(strings.Split(t.entry.opts, ","), "noauto") {
			t.warned = append(t.warned, "Ignore the 'boot' due to 'opts' contains 'noauto'.")
		} else {
			t.entry.opts += ",noauto"
		}
	}
	changed, err := t.reach(ctx, c.Args.String("state"))
	if err != nil {
		return nil, err
	}
	r := module.Result{"changed": changed, "name": t.entry.path, "opts": t.entry.opts, "dump": t.entry.dump, "passno": t.entry.passOrder,
		"fstab": t.fstab, "boot": map[bool]string{true: "yes", false: "no"}[c.Args.Bool("boot")], "backup_file": t.backup, "warnings": t.warned}
	for key, v := range map[string]string{"src": t.entry.src, "fstype": t.entry.kind} {
		if v != "" {
			r[key] = v
		}
	}
	return r, nil
}

func (t *mountTask) reach(ctx context.Context, state string) (bool, error) {
	switch state {
	case "present":
		return t.writeFstab(setFstab)
	case "absent_from_fstab":
		return t.writeFstab(unsetFstab)
	case "absent":
		return t.absent(ctx)
	case "unmounted":
		if !mounted(t.entry.path) {
			return false, nil
		}
		return true, t.run(ctx, "unmounting", "umount", t.entry.path)
	case "remounted":
		return true, t.remount(ctx, "remounting")
	}
	return t.mounted(ctx, state == "ephemeral")
}

// writeFstab changes the file where change says so.
func (t *mountTask) writeFstab(change func([]fstabLine, fstabLine) ([]fstabLine, bool)) (bool, error) {
	data, err := os.ReadFile(t.fstab)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, fail(attribute.Reason(err, false))
	}
	t.old = string(data)
	lines, changed := change(parseFstab(t.old), t.entry)
	if !changed || t.c.Check {
		return changed, nil
	}
	if t.c.Args.Bool("backup") {
		if t.backup, err = attribute.Backup(t.c, t.fstab); err != nil {
			return false, err
		}
	}
	if err := os.MkdirAll(filepath.Dir(t.fstab), 0o755); err != nil {
		return false, err
	}
	return true, attribute.Write(t.c, t.fstab, strings.NewReader(fstabText(lines)))
}

func (t *mountTask) absent(ctx context.Context) (bool, error) {
	changed, err := t.writeFstab(unsetFstab)
	if err != nil || !changed || t.c.Check {
		return changed, err
	}
	if mounted(t.entry.path) {
		if err := t.run(ctx, "unmounting", "umount", t.entry.path); err != nil {
			return changed, err
		}
	}
	if err := os.Remove(t.entry.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return changed, fail(fmt.Sprintf("Error rmdir %s: %s", t.entry.path, attribute.Reason(err, false)))
	}
	return changed, nil
}

// mounted mounts what is not, and remounts what fstab had otherwise. Where that
// fails, fstab and the folders are as before.
func (t *mountTask) mounted(ctx context.Context, ephemeral bool) (bool, error) {
	made, err := t.makeFolders()
	if err != nil {
		return false, err
	}
	changed := false
	if !ephemeral {
		if changed, err = t.writeFstab(setFstab); err != nil {
			return false, err
		}
	}
	if mounted(t.entry.path) {
		if source := mountSource(t.entry.path); ephemeral && source != t.entry.src {
			return false, fail("Ephemeral mount point is already mounted with a different source: unmount " + source + " first, or use another path")
		}
		if changed {
			err = t.remount(ctx, "mounting")
		}
	} else {
		changed = true
		err = t.run(ctx, "mounting", t.mountCommand(ephemeral)...)
	}
	if err == nil {
		return changed, nil
	}
	if !ephemeral && !t.c.Check {
		err = errors.Join(err, attribute.Write(t.c, t.fstab, strings.NewReader(t.old)))
	}
	for _, dir := range slices.Backward(made) {
		err = errors.Join(err, os.Remove(dir))
	}
	return false, err
}

func (t *mountTask) mountCommand(ephemeral bool) []string {
	switch {
	case ephemeral:
		return []string{"mount", "-t", t.entry.kind, "-o", t.entry.opts, t.entry.src, t.entry.path}
	case t.fstab != "/etc/fstab":
		return []string{"mount", "-T", t.fstab, t.entry.path}
	}
	return []string{"mount", t.entry.path}
}

// makeFolders makes the path, and says which folders are new.
func (t *mountTask) makeFolders() ([]string, error) {
	var made []string
	if t.c.Check {
		return nil, nil
	}
	for at := t.entry.path; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || at == "." || at == "/" {
			break
		}
		made = append([]string{at}, made...)
	}
	for _, dir := range made {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fail(fmt.Sprintf("Error making dir %s: %s", t.entry.path, attribute.Reason(err, false)))
		}
	}
	return made, nil
}

// remount changes the options of a mount or, where that cannot be, mounts anew.
func (t *mountTask) remount(ctx context.Context, doing string) error {
	opts := "remount"
	if t.entry.opts != "defaults" {
		opts += "," + t.entry.opts
	}
	argv := []string{"mount", "-o", opts, t.entry.path}
	if t.fstab != "/etc/fstab" {
		argv = slices.Insert(argv, 1, "-T", t.fstab)
	}
	if t.run(ctx, doing, argv...) == nil {
		return nil
	}
	if err := t.run(ctx, doing, "umount", t.entry.path); err != nil {
		return err
	}
	return t.run(ctx, doing, t.mountCommand(false)...)
}

func (t *mountTask) run(ctx context.Context, doing string, argv ...string) error {
	if t.c.Check {
		return nil
	}
	out, err := execute.Run(ctx, t.c, execute.Program{Argv: argv})
	if err == nil && out.Code != 0 {
		err = fail(fmt.Sprintf("Error %s %s: %s", doing, t.entry.path, out.Stdout+out.Stderr))
	}
	return err
}

// mounted says whether something is mounted at path.
func mounted(path string) bool { return mountSource(path) != "" }

// mountSource is what is mounted at path, "" for nothing (proc(5), mountinfo).
func mountSource(path string) string {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	path = attribute.RealPath(path)
	source := ""
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if len(fields) > 4 && dash > 0 && dash+2 < len(fields) && fstabPlain.Replace(fields[4]) == path {
			source = fstabPlain.Replace(fields[dash+2])
		}
	}
	return source
}

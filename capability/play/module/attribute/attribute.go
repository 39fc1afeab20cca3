// Package attribute has what all modules share that make files: mode, owner,
// group and chattr's flags of a path, the difference that they make, the facts
// about a path that stand in a result, backups, validation of new content, and
// the replacing of a file in one step.
package attribute

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"garboard.dev/garboard/capability/play/module"
)

// Wanted is what a task asks of a path; a zero field asks for nothing.
type Wanted struct {
	Path       string
	Mode       any // an integer, or text: octal or symbolic
	Owner      string
	Group      string
	Attributes string // chattr's, with + or - in front, or instead of all there are
}

// Of returns what the options of c ask of path. Where the task has an option
// follow that is on, a symbolic link stands for what it points to.
func Of(c *module.Call, path string) Wanted {
	if c.Args.Bool("follow") {
		if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink != 0 {
			path = RealPath(path)
		}
	}
	return Wanted{
		Path: path, Mode: c.Args["mode"], Owner: c.Args.String("owner"),
		Group: c.Args.String("group"), Attributes: c.Args.String("attributes"),
	}
}

// At is the same wish for another path.
func (w Wanted) At(path string) Wanted { w.Path = path; return w }

// Diff is what changes, by the names of attributes.
type Diff struct{ Before, After map[string]any }

// NewDiff is an empty difference.
func NewDiff() *Diff { return &Diff{map[string]any{}, map[string]any{}} }

// Set notes one change. A nil Diff notes nothing.
func (d *Diff) Set(name string, before, after any) {
	if d != nil {
		d.Before[name], d.After[name] = before, after
	}
}

// Map is the difference as it stands in a result.
func (d *Diff) Map() map[string]any {
	return map[string]any{"before": d.Before, "after": d.After}
}

// Apply makes a path what w asks for, notes the changes in diff (which may be
// nil), and says whether there are any. In check mode it only looks; a path
// that does not exist counts there as changed where something is asked.
func (w Wanted) Apply(ctx context.Context, c *module.Call, diff *Diff) (bool, error) {
	changed := false
	for _, step := range []func(context.Context, *module.Call, *Diff) (bool, error){w.owner, w.group, w.mode, w.flags} {
		did, err := step(ctx, c, diff)
		if err != nil {
			return changed, err
		}
		changed = changed || did
	}
	return changed, nil
}

// lstat looks at the path; future says that it does not exist yet and check mode is on.
func (w Wanted) lstat(c *module.Call) (st syscall.Stat_t, future bool, err error) {
	err = syscall.Lstat(w.Path, &st)
	if err == nil {
		return st, false, nil
	}
	if c.Check && errors.Is(err, os.ErrNotExist) {
		return st, true, nil
	}
	return st, false, w.failure(Reason(&os.PathError{Op: "lstat", Path: w.Path, Err: err}, true), "")
}

func (w Wanted) failure(message, details string) error {
	r := module.Result{"path": w.Path}
	if details != "" {
		r["details"] = details
	}
	return &module.Failure{Message: message, Result: r}
}

func (w Wanted) mode(_ context.Context, c *module.Call, diff *Diff) (bool, error) {
	if w.Mode == nil {
		return false, nil
	}
	st, future, err := w.lstat(c)
	if err != nil || future {
		return future, err
	}
	wanted, err := Mode(w.Mode, st.Mode, Umask())
	if err != nil {
		return false, w.failure("mode must be in octal or symbolic form", err.Error())
	}
	now := st.Mode & Permissions
	if now == wanted {
		return false, nil
	}
	diff.Set("mode", Octal(now), Octal(wanted))
	if c.Check {
		return true, nil
	}
	if st.Mode&syscall.S_IFMT == syscall.S_IFLNK {
		return false, nil // Linux has no mode of symbolic links
	}
	if err := syscall.Chmod(w.Path, wanted); err != nil {
		return false, w.failure("chmod failed", Reason(&os.PathError{Op: "chmod", Path: w.Path, Err: err}, true))
	}
	var after syscall.Stat_t
	if err := syscall.Lstat(w.Path, &after); err != nil {
		return false, err
	}
	return after.Mode&Permissions != now, nil
}

func (w Wanted) owner(ctx context.Context, c *module.Call, diff *Diff) (bool, error) {
	if w.Owner == "" {
		return false, nil
	}
	st, future, err := w.lstat(c)
	if err != nil || future {
		return future, err
	}
	uid, known := UserID(ctx, c, w.Owner)
	if !known {
		return false, w.failure("chown failed: failed to look up user "+w.Owner, "")
	}
	return w.chown("owner", "chown failed", c, diff, int64(st.Uid), uid, func() error { return os.Lchown(w.Path, int(uid), -1) })
}

func (w Wanted) group(ctx context.Context, c *module.Call, diff *Diff) (bool, error) {
	if w.Group == "" {
		return false, nil
	}
	st, future, err := w.lstat(c)
	if err != nil || future {
		return future, err
	}
	gid, known := GroupID(ctx, c, w.Group)
	if !known {
		return false, w.failure("chgrp failed: failed to look up group "+w.Group, "")
	}
	return w.chown("group", "chgrp failed", c, diff, int64(st.Gid), gid, func() error { return os.Lchown(w.Path, -1, int(gid)) })
}

func (w Wanted) chown(what, trouble string, c *module.Call, diff *Diff, now, wanted int64, change func() error) (bool, error) {
	if now == wanted {
		return false, nil
	}
	diff.Set(what, now, wanted)
	if c.Check {
		return true, nil
	}
	if change() != nil {
		return false, w.failure(trouble, "")
	}
	return true, nil
}

func (w Wanted) flags(ctx context.Context, c *module.Call, diff *Diff) (bool, error) {
	if w.Attributes == "" {
		return false, nil
	}
	if _, future, err := w.lstat(c); err != nil || future {
		return future, err
	}
	how, names := "=", w.Attributes
	if names[0] == '+' || names[0] == '-' {
		how, names = names[:1], names[1:]
	}
	now, err := Flags(ctx, c, w.Path)
	if err != nil {
		return false, err
	}
	if now.Flags == names && how != "-" {
		return false, nil
	}
	diff.Set("attributes", now.Flags, how+names)
	if c.Check {
		return true, nil
	}
	if err := setFlags(ctx, c, w.Path, how+names); err != nil {
		return false, w.failure("chattr failed", err.Error())
	}
	return true, nil
}

// Octal writes a mode's permissions as results have them: 0644, 01777.
func Octal(mode uint32) string { return fmt.Sprintf("0%03o", mode) }

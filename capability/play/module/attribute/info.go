package attribute

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"garboard.dev/garboard/capability/play/module"
)

// Info is what a result tells of a path: uid, gid, owner, group, mode, state,
// size. It is empty where the path leads to nothing.
func Info(path string) module.Result {
	var st, behind syscall.Stat_t
	if syscall.Stat(path, &behind) != nil || syscall.Lstat(path, &st) != nil {
		return nil
	}
	state := "file"
	switch {
	case st.Mode&syscall.S_IFMT == syscall.S_IFLNK:
		state = "link"
	case st.Mode&syscall.S_IFMT == syscall.S_IFDIR:
		state = "directory"
	case behind.Nlink > 1:
		state = "hard"
	}
	return module.Result{
		"uid": int64(st.Uid), "gid": int64(st.Gid), "owner": UserName(st.Uid), "group": GroupName(st.Gid),
		"mode": Octal(st.Mode & Permissions), "state": state, "size": st.Size,
	}
}

// Told wraps a module's Run so that its results, and failures, tell of the file
// under their key path, or dest where there is no path.
func Told(run func(context.Context, *module.Call) (module.Result, error)) func(context.Context, *module.Call) (module.Result, error) {
	return func(ctx context.Context, c *module.Call) (module.Result, error) {
		r, err := run(ctx, c)
		if err == nil {
			addInfo(r)
			return r, nil
		}
		var f *module.Failure
		if errors.As(err, &f) {
			addInfo(f.Result)
		}
		return nil, err // a failure tells nothing of what would have been
	}
}

func addInfo(r module.Result) {
	path, named := r["path"].(string)
	if !named {
		path, named = r["dest"].(string)
	}
	if !named {
		return
	}
	for k, v := range Info(path) {
		r[k] = v
	}
}

// RealPath resolves all symbolic links, as far as path exists: what lies behind
// the last existing part stays as it is written.
func RealPath(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	rest := ""
	for hops := 0; hops < 40; {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, rest)
		}
		if to, err := os.Readlink(path); err == nil {
			if !filepath.IsAbs(to) {
				to = filepath.Join(filepath.Dir(path), to)
			}
			path = to
			hops++
			continue
		}
		if path == "/" {
			break
		}
		rest = filepath.Join(filepath.Base(path), rest)
		path = filepath.Dir(path)
	}
	return filepath.Join(path, rest)
}

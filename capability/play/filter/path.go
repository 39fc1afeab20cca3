package filter

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

func (s *Set) paths() map[string]jinja.Callable {
	return map[string]jinja.Callable{
		"basename": text(func(t string, _ *value.Args) (value.Value, error) { return t[strings.LastIndexByte(t, '/')+1:], nil }),
		"dirname": text(func(t string, _ *value.Args) (value.Value, error) {
			return dirname(t), nil
		}),
		"expanduser": text(func(t string, _ *value.Args) (value.Value, error) { return s.expandUser(t), nil }),
		"expandvars": text(func(t string, _ *value.Args) (value.Value, error) {
			return os.Expand(t, func(name string) string {
				if v := s.Getenv(name); v != "" {
					return v
				}
				return "$" + name
			}), nil
		}),
		"realpath": text(func(t string, _ *value.Args) (value.Value, error) {
			full, err := filepath.Abs(t)
			if err != nil {
				return nil, err
			}
			if real, err := filepath.EvalSymlinks(full); err == nil {
				return real, nil
			}
			return full, nil
		}),
		"relpath": text(func(t string, a *value.Args) (value.Value, error) {
			return filepath.Rel(value.Str(a.Take("start", ".")), t)
		}),
		"normpath":   text(func(t string, _ *value.Args) (value.Value, error) { return path.Clean(t), nil }),
		"commonpath": of(commonPath),
		"splitext": text(func(t string, _ *value.Args) (value.Value, error) {
			base := t[strings.LastIndexByte(t, '/')+1:]
			at := strings.LastIndexByte(strings.TrimLeft(base, "."), '.')
			if at <= 0 && !strings.Contains(strings.TrimLeft(base, "."), ".") {
				return value.NewTuple(t, ""), nil
			}
			ext := base[strings.LastIndexByte(base, '.'):]
			return value.NewTuple(strings.TrimSuffix(t, ext), ext), nil
		}),
		"path_join": of(func(v value.Value, _ *value.Args) (value.Value, error) {
			if t, ok := value.Text(v); ok {
				return t, nil
			}
			list, err := items(v)
			if err != nil {
				return nil, value.Errorf("|path_join expects string or sequence, got %s instead.", value.TypeName(v))
			}
			out := ""
			for _, i := range list {
				out = joinPath(out, value.Str(i))
			}
			return out, nil
		}),
		"fileglob": text(func(t string, _ *value.Args) (value.Value, error) {
			found, err := filepath.Glob(t)
			out := value.NewList()
			for _, f := range found {
				if info, err := os.Stat(f); err == nil && !info.IsDir() {
					out.Items = append(out.Items, f)
				}
			}
			return out, err
		}),
		"win_basename":   text(func(t string, _ *value.Args) (value.Value, error) { return t[strings.LastIndexAny(t, `/\`)+1:], nil }),
		"win_dirname":    text(func(t string, _ *value.Args) (value.Value, error) { return winDir(t), nil }),
		"win_splitdrive": text(winDrive),
	}
}

func dirname(t string) string {
	at := strings.LastIndexByte(t, '/')
	if at < 0 {
		return ""
	}
	head := t[:at+1]
	if strings.Trim(head, "/") != "" {
		head = strings.TrimRight(head, "/")
	}
	return head
}

// joinPath is Python's os.path.join.
func joinPath(a, b string) string {
	switch {
	case strings.HasPrefix(b, "/"), a == "":
		return b
	case strings.HasSuffix(a, "/"):
		return a + b
	}
	return a + "/" + b
}

func (s *Set) expandUser(t string) string {
	if t == "~" || strings.HasPrefix(t, "~/") {
		return s.Home + t[1:]
	}
	return t
}

func commonPath(v value.Value, _ *value.Args) (value.Value, error) {
	list, err := items(v)
	if err != nil || len(list) == 0 {
		return nil, value.Errorf("|commonpath expects sequence, got %s instead.", value.TypeName(v))
	}
	var common []string
	for i, item := range list {
		parts := strings.Split(path.Clean(value.Str(item)), "/")
		if i == 0 {
			common = parts
			continue
		}
		n := 0
		for n < len(common) && n < len(parts) && common[n] == parts[n] {
			n++
		}
		common = slices.Clip(common[:n])
	}
	if len(common) == 1 && common[0] == "" {
		return "/", nil
	}
	return strings.Join(common, "/"), nil
}

func winDir(t string) string {
	at := strings.LastIndexAny(t, `/\`)
	if at < 0 {
		return ""
	}
	return t[:at]
}

func winDrive(t string, _ *value.Args) (value.Value, error) {
	if len(t) > 1 && t[1] == ':' {
		return value.NewTuple(t[:2], t[2:]), nil
	}
	return value.NewTuple("", t), nil
}

package filter

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/regex"
	"garboard.dev/garboard/capability/play/value"
)

// result asks a registered result for a key.
func result(what string, keys ...string) jinja.Callable {
	return of(func(v value.Value, _ *value.Args) (value.Value, error) {
		d, ok := v.(*value.Dict)
		if !ok {
			if u, isUndefined := v.(*value.Undefined); isUndefined {
				return nil, undefined(u)
			}
			return nil, value.Errorf("The '%s' test expects a dictionary", what)
		}
		for _, k := range keys {
			if x, ok := d.Str(k); ok && value.Truth(x) {
				return true, nil
			}
		}
		return false, nil
	})
}

func not(f jinja.Callable) jinja.Callable {
	return func(c *jinja.Call) (value.Value, error) {
		v, err := f(c)
		return err == nil && !value.Truth(v), err
	}
}

func (s *Set) resultTests() map[string]jinja.Callable {
	failed, skipped := result("failed", "failed"), result("skipped", "skipped")
	changed := of(func(v value.Value, _ *value.Args) (value.Value, error) {
		d, ok := v.(*value.Dict)
		if !ok {
			if u, isUndefined := v.(*value.Undefined); isUndefined {
				return nil, undefined(u)
			}
			return nil, value.Errorf("The 'changed' test expects a dictionary")
		}
		if x, ok := d.Str("changed"); ok {
			return value.Truth(x), nil
		}
		results, _ := d.Str("results")
		if l, ok := results.(*value.List); ok {
			for _, i := range l.Items {
				if r, isDict := i.(*value.Dict); isDict {
					if x, ok := r.Str("changed"); ok && value.Truth(x) {
						return true, nil
					}
				}
			}
		}
		return false, nil
	})
	job := func(what string) jinja.Callable {
		return of(func(v value.Value, _ *value.Args) (value.Value, error) {
			d, ok := v.(*value.Dict)
			if !ok {
				return nil, value.Errorf("The '%s' test expects a dictionary", what)
			}
			x, has := d.Str(what)
			return !has || value.Truth(x), nil // a task that is no job has begun and ended
		})
	}
	return map[string]jinja.Callable{
		"failed": failed, "failure": failed, "succeeded": not(failed), "success": not(failed), "successful": not(failed),
		"unreachable": result("unreachable", "unreachable"), "reachable": not(result("reachable", "unreachable")),
		"skipped": skipped, "skip": skipped, "changed": changed, "change": changed,
		"timedout": of(func(v value.Value, _ *value.Args) (value.Value, error) {
			d, ok := v.(*value.Dict)
			if !ok {
				return nil, value.Errorf("The 'timedout' test expects a dictionary")
			}
			x, _ := d.Str("timedout")
			t, ok := x.(*value.Dict)
			if !ok {
				return false, nil
			}
			period, _ := t.Str("period")
			return value.Truth(period), nil
		}),
		"started": job("started"), "finished": job("finished"),
	}
}

func match(how func(string) string) jinja.Callable {
	return of(func(v value.Value, a *value.Args) (value.Value, error) {
		if u, ok := v.(*value.Undefined); ok {
			return nil, undefined(u)
		}
		pattern := value.Str(a.Take("pattern", ""))
		return matches(value.Str(v), how(pattern), value.Truth(a.Take("ignorecase", false)), value.Truth(a.Take("multiline", false)))
	})
}

func matches(t, pattern string, ignore, multi bool) (value.Value, error) {
	var f regex.Flags
	if ignore {
		f |= regex.IgnoreCase
	}
	if multi {
		f |= regex.MultiLine
	}
	r, err := regex.Compile(pattern, f)
	if err != nil {
		return nil, err
	}
	m, err := r.Search(t)
	return m != nil, err
}

func (s *Set) textTests() map[string]jinja.Callable {
	version := of(compareVersions)
	return map[string]jinja.Callable{
		"match":  match(func(p string) string { return `\A(?:` + p + ")" }),
		"search": match(func(p string) string { return p }),
		"regex": of(func(v value.Value, a *value.Args) (value.Value, error) {
			pattern, ignore, multi := value.Str(a.Take("pattern", "")), value.Truth(a.Take("ignorecase", false)), value.Truth(a.Take("multiline", false))
			switch value.Str(a.Take("match_type", "search")) {
			case "match":
				pattern = `\A(?:` + pattern + ")"
			case "fullmatch":
				pattern = `\A(?:` + pattern + `)\Z`
			}
			return matches(value.Str(v), pattern, ignore, multi)
		}),
		"version": version, "version_compare": version,
		"vault_encrypted": of(func(v value.Value, _ *value.Args) (value.Value, error) {
			_, lazy := v.(value.Lazy)
			return lazy || strings.HasPrefix(value.Str(v), "$ANSIBLE_VAULT"), nil
		}),
		"truthy": of(func(v value.Value, a *value.Args) (value.Value, error) { return truthy(v, a, true) }),
		"falsy":  of(func(v value.Value, a *value.Args) (value.Value, error) { return truthy(v, a, false) }),
		"uri":    of(func(v value.Value, a *value.Args) (value.Value, error) { return isURI(v, a, "uri") }),
		"url":    of(func(v value.Value, a *value.Args) (value.Value, error) { return isURI(v, a, "url") }),
		"urn":    of(func(v value.Value, a *value.Args) (value.Value, error) { return isURI(v, a, "urn") }),
	}
}

func truthy(v value.Value, a *value.Args, want bool) (value.Value, error) {
	if u, ok := v.(*value.Undefined); ok {
		return nil, undefined(u)
	}
	if value.Truth(a.Take("convert_bool", false)) {
		switch lower(v) {
		case "yes", "on", "true", "t", "y", "1":
			return want, nil
		case "no", "off", "false", "f", "n", "0":
			return !want, nil
		}
	}
	return value.Truth(v) == want, nil
}

func isURI(v value.Value, a *value.Args, kind string) (value.Value, error) {
	scheme, host := splitURL(value.Str(v))
	schemes := a.Take("schemes", nil)
	if kind == "urn" {
		schemes = value.NewList("urn")
	}
	if schemes != nil && value.Truth(schemes) {
		allowed, err := value.Items(schemes)
		if err != nil {
			return nil, err
		}
		if !newIndex(allowed).has(scheme) {
			return false, nil
		}
	}
	return kind != "url" || host != "" || scheme == "file", nil
}

// splitURL finds a URL's scheme and network location as Python's urlparse does,
// which refuses nothing.
func splitURL(t string) (scheme, host string) {
	if at := strings.IndexByte(t, ':'); at > 0 && !strings.ContainsAny(t[:at], "/?# ") {
		scheme, t = strings.ToLower(t[:at]), t[at+1:]
	}
	rest, ok := strings.CutPrefix(t, "//")
	if !ok {
		return scheme, ""
	}
	if at := strings.IndexAny(rest, "/?#"); at >= 0 {
		rest = rest[:at]
	}
	return scheme, rest
}

func (s *Set) fileTests() map[string]jinja.Callable {
	stat := func(f func(info os.FileInfo) bool) jinja.Callable {
		return text(func(t string, _ *value.Args) (value.Value, error) {
			info, err := os.Stat(t)
			return err == nil && f(info), nil
		})
	}
	link := func(f func(info os.FileInfo) bool) jinja.Callable {
		return text(func(t string, _ *value.Args) (value.Value, error) {
			info, err := os.Lstat(t)
			return err == nil && f(info), nil
		})
	}
	isDir, isLink := stat(os.FileInfo.IsDir), link(func(i os.FileInfo) bool { return i.Mode()&os.ModeSymlink != 0 })
	isFile := stat(func(i os.FileInfo) bool { return i.Mode().IsRegular() })
	exists, linkExists := stat(func(os.FileInfo) bool { return true }), link(func(os.FileInfo) bool { return true })
	abs := text(func(t string, _ *value.Args) (value.Value, error) { return filepath.IsAbs(t), nil })
	same := text(func(t string, a *value.Args) (value.Value, error) {
		one, err := os.Stat(t)
		if err != nil {
			return nil, err
		}
		two, err := os.Stat(a.Text("b"))
		return err == nil && os.SameFile(one, two), err
	})
	mount := text(func(t string, _ *value.Args) (value.Value, error) { return isMount(t), nil })
	return map[string]jinja.Callable{
		"directory": isDir, "is_dir": isDir, "file": isFile, "is_file": isFile, "link": isLink, "is_link": isLink, "exists": exists,
		"link_exists": linkExists, "abs": abs, "is_abs": abs, "same_file": same, "is_same_file": same, "mount": mount, "is_mount": mount,
	}
}

func isMount(path string) bool {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	clean := filepath.Clean(path)
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == clean {
			return true
		}
	}
	return false
}

func (s *Set) setTests() map[string]jinja.Callable {
	subset := func(swap bool) jinja.Callable {
		return of(func(v value.Value, args *value.Args) (value.Value, error) {
			a, err := items(v)
			if err != nil {
				return nil, err
			}
			b, err := items(args.Need("b"))
			if err != nil {
				return nil, err
			}
			if swap {
				a, b = b, a
			}
			return len(keep(a, b, false)) == 0, nil
		})
	}
	contains := of(func(v value.Value, a *value.Args) (value.Value, error) { return value.Contains(v, a.Need("value")) })
	count := func(all bool) jinja.Callable {
		return of(func(v value.Value, _ *value.Args) (value.Value, error) {
			list, err := items(v)
			if err != nil {
				return nil, err
			}
			for _, i := range list {
				if value.Truth(i) != all {
					return !all, nil
				}
			}
			return all, nil
		})
	}
	nan := of(func(v value.Value, _ *value.Args) (value.Value, error) {
		f, ok := value.Float(v)
		if t, isText := value.Text(v); isText {
			var err error
			f, err = strconv.ParseFloat(strings.TrimSpace(t), 64)
			ok = err == nil
		}
		if !ok {
			return false, nil
		}
		return f != f, nil // that is what not-a-number is
	})
	return map[string]jinja.Callable{
		"subset": subset(false), "issubset": subset(false), "superset": subset(true), "issuperset": subset(true), "contains": contains,
		"all": count(true), "any": count(false), "nan": nan, "isnan": nan,
	}
}

// versionPart splits a version as Python's LooseVersion does.
var versionPart = regexp.MustCompile(`\d+|[a-z]+`)

func loose(t string) []value.Value {
	var out []value.Value
	for _, p := range versionPart.FindAllString(strings.ToLower(t), -1) {
		if n, err := strconv.ParseInt(p, 10, 64); err == nil {
			out = append(out, n)
			continue
		}
		out = append(out, p)
	}
	return out
}

func compareLoose(a, b string) (int, error) {
	return value.Compare(value.NewList(loose(a)...), value.NewList(loose(b)...), "<")
}

func compareVersions(v value.Value, a *value.Args) (value.Value, error) {
	other, operator, strict, kind := a.Need("version"), value.Str(a.Take("operator", "eq")), a.Take("strict", nil), a.Take("version_type", nil)
	if strict != nil && kind != nil {
		return nil, value.Errorf("Cannot specify both 'strict' and 'version_type'")
	}
	if value.Str(v) == "" {
		return nil, value.Errorf("Input version value cannot be empty")
	}
	if value.Str(other) == "" {
		return nil, value.Errorf("Version parameter to compare against cannot be empty")
	}
	how := "loose"
	if strict != nil && value.Truth(strict) {
		how = "strict"
	}
	if kind != nil {
		how = value.Str(kind)
	}
	n, err := versionOrder(how, value.Str(v), value.Str(other))
	if err != nil {
		return nil, value.Errorf("Version comparison failed: %s", err)
	}
	switch operator {
	case "==", "=", "eq":
		return n == 0, nil
	case "<", "lt":
		return n < 0, nil
	case "<=", "le":
		return n <= 0, nil
	case ">", "gt":
		return n > 0, nil
	case ">=", "ge":
		return n >= 0, nil
	case "!=", "<>", "ne":
		return n != 0, nil
	}
	return nil, value.Errorf("Invalid operator type (%s). Must be one of '==', '=', 'eq', '<', 'lt', '<=', 'le', '>', 'gt', '>=', 'ge', '!=', '<>', 'ne'", operator)
}

var strictVersion = regexp.MustCompile(`^\d+\.\d+(\.\d+)?([ab]\d+)?$`)

func versionOrder(how, a, b string) (int, error) {
	switch how {
	case "loose", "pep440":
		return compareLoose(a, b)
	case "strict":
		for _, t := range []string{a, b} {
			if !strictVersion.MatchString(t) {
				return 0, value.Errorf("invalid version number '%s'", t)
			}
		}
		return compareLoose(a, b)
	case "semver", "semantic":
		one, err := semver.StrictNewVersion(a)
		if err != nil {
			return 0, value.Errorf("invalid semantic version '%s'", a)
		}
		two, err := semver.StrictNewVersion(b)
		if err != nil {
			return 0, value.Errorf("invalid semantic version '%s'", b)
		}
		return one.Compare(two), nil
	}
	return 0, value.Errorf("Invalid version type (%s). Must be one of 'loose', 'strict', 'semver', 'semantic', 'pep440'", how)
}

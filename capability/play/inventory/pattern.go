package inventory

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// Match returns the hosts that a pattern names, in the inventory's order:
// names, groups, globs, ~regular expressions, unions with ":" or ",",
// intersections with "&", exclusions with "!", and [positions].
func (i *Inventory) Match(pattern string) ([]string, error) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	parts := Split(pattern)
	if len(parts) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(parts, func(a, b string) int { return rank(a) - rank(b) })
	if rank(parts[0]) > 0 {
		parts = append([]string{"all"}, parts...)
	}
	var out []string
	for _, p := range parts {
		found, err := i.one(strings.TrimLeft(p, "!&"))
		if err != nil {
			return nil, err
		}
		inside := map[string]bool{}
		for _, f := range found {
			inside[f] = true
		}
		switch p[0] {
		case '!':
			out = slices.DeleteFunc(out, func(h string) bool { return inside[h] })
		case '&':
			out = slices.DeleteFunc(out, func(h string) bool { return !inside[h] })
		default:
			have := map[string]bool{}
			for _, h := range out {
				have[h] = true
			}
			for _, f := range found {
				if !have[f] {
					out = append(out, f)
				}
			}
		}
	}
	return out, nil
}

// rank puts unions first, then intersections, then exclusions.
func rank(p string) int {
	switch p[0] {
	case '&':
		return 1
	case '!':
		return 2
	}
	return 0
}

// Split takes a pattern apart at commas and, outside of brackets, at colons.
func Split(pattern string) []string {
	var out []string
	for part := range strings.SplitSeq(pattern, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if strings.HasPrefix(part, "~") || strings.Count(part, ":") > 1 && !strings.ContainsAny(part, "[]!&*") && strings.Contains(part, "::") {
			out = append(out, part) // a regular expression, or an IPv6 address
			continue
		}
		depth, from := 0, 0
		for at := range len(part) {
			switch part[at] {
			case '[':
				depth++
			case ']':
				depth--
			case ':':
				if depth == 0 {
					out = append(out, part[from:at])
					from = at + 1
				}
			}
		}
		out = append(out, part[from:])
	}
	return slices.DeleteFunc(out, func(s string) bool { return strings.TrimLeft(s, "!&") == "" })
}

var subscript = regexp.MustCompile(`^(.+)\[(?:(-?\d+)|(\d*)[:-](\d*))\]$`)

func (i *Inventory) one(pattern string) ([]string, error) {
	if m := subscript.FindStringSubmatch(pattern); m != nil && !strings.HasPrefix(pattern, "~") {
		found, err := i.named(m[1])
		if err != nil {
			return nil, err
		}
		return cut(found, m[2], m[3], m[4]), nil
	}
	return i.named(pattern)
}

func cut(hosts []string, at, from, to string) []string {
	n := len(hosts)
	if at != "" {
		k, err := strconv.Atoi(at)
		if k < 0 {
			k += n
		}
		if err != nil || k < 0 || k >= n {
			return nil
		}
		return hosts[k : k+1]
	}
	begin, end := 0, n
	if k, err := strconv.Atoi(from); err == nil {
		begin = min(k, n)
	}
	if k, err := strconv.Atoi(to); err == nil {
		end = min(k+1, n)
	}
	if begin > end {
		return nil
	}
	return hosts[begin:end]
}

func (i *Inventory) named(pattern string) ([]string, error) {
	matches, err := matcher(pattern)
	if err != nil {
		return nil, err
	}
	var out []string
	have := map[string]bool{}
	add := func(names ...string) {
		for _, n := range names {
			if !have[n] {
				have[n] = true
				out = append(out, n)
			}
		}
	}
	group := false
	for _, name := range i.names {
		if matches(name) {
			group = true
			add(i.members(name)...)
		}
	}
	if !group || strings.ContainsAny(pattern, "*?[~") {
		for _, name := range i.order {
			if matches(name) && (!i.hosts[name].Implicit || name == pattern) {
				add(name)
			}
		}
	}
	return out, nil
}

func matcher(pattern string) (func(string) bool, error) {
	if expr, ok := strings.CutPrefix(pattern, "~"); ok {
		re, err := regexp.Compile("^(?:" + expr + ")")
		if err != nil {
			return nil, value.Errorf("Invalid host list pattern: %s: %s", pattern, err)
		}
		return re.MatchString, nil
	}
	if strings.ContainsAny(pattern, "*?[") {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, value.Errorf("Invalid host list pattern: %s", pattern)
		}
		return func(name string) bool {
			ok, err := path.Match(pattern, strings.ReplaceAll(name, "/", "\x00"))
			return ok && err == nil
		}, nil
	}
	return func(name string) bool { return name == pattern }, nil
}

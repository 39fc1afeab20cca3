package filter

import (
	"strings"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/regex"
	"garboard.dev/garboard/capability/play/value"
)

func (s *Set) regexes() map[string]jinja.Callable {
	return map[string]jinja.Callable{
		"regex_replace": text(regexReplace),
		"regex_search":  text(regexSearch),
		"regex_findall": text(regexFindall),
		"regex_escape":  text(regexEscape),
	}
}

func flags(a *value.Args) regex.Flags {
	var f regex.Flags
	if value.Truth(a.Take("multiline", false)) {
		f |= regex.MultiLine
	}
	return f
}

func regexReplace(t string, a *value.Args) (value.Value, error) {
	pattern, replacement := value.Str(a.Take("pattern", "")), value.Str(a.Take("replacement", ""))
	ignore := value.Truth(a.Take("ignorecase", false))
	f := flags(a)
	if ignore {
		f |= regex.IgnoreCase
	}
	r, err := regex.Compile(pattern, f)
	if err != nil {
		return nil, err
	}
	out, _, err := r.Sub(replacement, t, int(a.Int("count", 0)))
	return out, err
}

// regexSearch returns what a pattern finds first, or the groups that are asked for.
func regexSearch(t string, a *value.Args) (value.Value, error) {
	pattern := value.Str(a.Need("regex"))
	groups := a.Items[min(2, len(a.Items)):]
	f := regex.Flags(0)
	for name, flag := range map[string]regex.Flags{"ignorecase": regex.IgnoreCase, "multiline": regex.MultiLine} {
		if v, ok := a.Named.Str(name); ok && value.Truth(v) {
			f |= flag
		}
	}
	r, err := regex.Compile(pattern, f)
	if err != nil {
		return nil, err
	}
	m, err := r.Search(t)
	if err != nil || m == nil {
		return nil, err
	}
	if len(groups) == 0 {
		whole, _ := m.Group(0)
		return whole, nil
	}
	out := value.NewList()
	for _, g := range groups {
		name := value.Str(g)
		if !strings.HasPrefix(name, `\`) {
			return nil, value.Errorf("Unknown argument")
		}
		template := name
		if rest := strings.TrimPrefix(name, `\g`); rest != name && !strings.HasPrefix(rest, "<") {
			template = `\g<` + rest + ">"
		}
		found, err := m.Expand(template)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, found)
	}
	return out, nil
}

func regexFindall(t string, a *value.Args) (value.Value, error) {
	pattern := value.Str(a.Need("regex"))
	f := flags(a)
	if value.Truth(a.Take("ignorecase", false)) {
		f |= regex.IgnoreCase
	}
	r, err := regex.Compile(pattern, f)
	if err != nil {
		return nil, err
	}
	found, err := r.FindAll(t)
	out := value.NewList()
	for _, m := range found {
		group := func(i int) value.Value {
			g, _ := m.Group(i)
			return g
		}
		switch n := r.Groups(); n {
		case 0, 1:
			out.Items = append(out.Items, group(n))
		default:
			row := make([]value.Value, n)
			for i := range row {
				row[i] = group(i + 1)
			}
			out.Items = append(out.Items, value.NewTuple(row...))
		}
	}
	return out, err
}

func regexEscape(t string, a *value.Args) (value.Value, error) {
	var special string
	switch kind := value.Str(a.Take("re_type", "python")); kind {
	case "python":
		special = "()[]{}?*+-|^$\\.&~# \t\n\r\v\f"
	case "posix_basic":
		special = `[].^$*\`
	case "posix_extended":
		return nil, value.Errorf("Regex type (%s) not yet implemented", kind)
	default:
		return nil, value.Errorf("Invalid regex type (%s)", kind)
	}
	var b strings.Builder
	for _, r := range t {
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String(), nil
}

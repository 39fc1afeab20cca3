package filter

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

func (s *Set) texts() map[string]jinja.Callable {
	return map[string]jinja.Callable{
		"quote":     of(quote),
		"bool":      of(func(v value.Value, _ *value.Args) (value.Value, error) { return boolean(v), nil }),
		"ternary":   of(ternary),
		"mandatory": mandatory,
		"type_debug": of(func(v value.Value, _ *value.Args) (value.Value, error) {
			switch v.(type) {
			case string:
				return "str", nil
			case value.Unsafe:
				return "AnsibleUnsafeText", nil
			}
			return value.TypeName(v), nil
		}),
		"comment":        text(comment),
		"split":          text(func(t string, a *value.Args) (value.Value, error) { return split(t, a) }),
		"urlsplit":       text(urlsplit),
		"human_to_bytes": of(humanToBytes),
		"human_readable": of(humanReadable),
		"random":         of(random),
		"shuffle": of(func(v value.Value, a *value.Args) (value.Value, error) {
			list, err := items(v)
			if err != nil {
				return v, nil // what is no list stays as it is
			}
			r := seeded(a.Take("seed", nil))
			out := append([]value.Value(nil), list...)
			r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
			return value.NewList(out...), nil
		}),
	}
}

func split(t string, a *value.Args) (value.Value, error) {
	n := int64(-1)
	sep := a.Take("sep", nil)
	n = a.Int("maxsplit", n)
	parts, err := value.Split(t, sep, int(n), false)
	out := value.NewList()
	for _, p := range parts {
		out.Items = append(out.Items, p)
	}
	return out, err
}

// quote makes a value one word of a shell.
func quote(v value.Value, _ *value.Args) (value.Value, error) {
	if v == nil {
		return "''", nil
	}
	if u, ok := v.(*value.Undefined); ok {
		return nil, undefined(u)
	}
	return Quote(value.Str(v)), nil
}

// Quote is Python's shlex.quote.
func Quote(t string) string {
	if t == "" {
		return "''"
	}
	for _, r := range t {
		safe := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_@%+=:,./-", r)
		if !safe {
			return "'" + strings.ReplaceAll(t, "'", `'"'"'`) + "'"
		}
	}
	return t
}

// boolean is the filter bool: yes, on, 1 and true are true, what is none is false.
func boolean(v value.Value) value.Value {
	switch b := v.(type) {
	case nil:
		return nil
	case bool:
		return b
	}
	switch t := value.Str(v); strings.ToLower(t) {
	case "yes", "on", "1", "true":
		return true
	}
	if f, ok := value.Float(v); ok {
		return f == 1
	}
	return false
}

func ternary(v value.Value, a *value.Args) (value.Value, error) {
	yes, no, none := a.Need("true_val"), a.Need("false_val"), a.Take("none_val", nil)
	switch {
	case v == nil && none != nil:
		return none, nil
	case value.Truth(v):
		return yes, nil
	}
	if u, ok := v.(*value.Undefined); ok {
		return nil, undefined(u)
	}
	return no, nil
}

func mandatory(c *jinja.Call) (value.Value, error) {
	a := c.Arguments()
	v := a.Need("value")
	msg := a.Take("msg", nil)
	u, ok := v.(*value.Undefined)
	if !ok {
		return v, nil
	}
	if msg != nil {
		return nil, value.Errorf("%s", value.Str(msg))
	}
	name := ""
	if parts := strings.Split(u.Hint, "'"); len(parts) > 2 {
		name = "'" + parts[1] + "' "
	}
	return nil, value.Errorf("Mandatory variable %snot defined.", name)
}

// styles are comment's ready styles: beginning, decoration, end.
var styles = map[string][3]string{
	"plain": {"", "# ", ""}, "decorated": {"", "# ", ""}, "c": {"", "// ", ""}, "cblock": {"/*", " * ", " */"}, "xml": {"<!--", " - ", "-->"}, "erlang": {"", "% ", ""},
}

// comment puts text into comments.
func comment(t string, a *value.Args) (value.Value, error) {
	name := value.Str(a.Take("style", "plain"))
	style, ok := styles[name]
	if !ok {
		return nil, value.Errorf("Invalid style '%s'.", name)
	}
	newline := "\n"
	option := func(key, otherwise string) string {
		if v, ok := a.Named.Str(key); ok {
			return value.Str(v)
		}
		return otherwise
	}
	count := func(key string, otherwise int) int {
		if v, ok := a.Named.Str(key); ok {
			if i, isInt := value.Integer(v); isInt {
				return int(i.Int64())
			}
		}
		return otherwise
	}
	newline = option("newline", newline)
	beginning, end, decoration := option("beginning", style[0]), option("end", style[2]), option("decoration", style[1])
	prefix := option("prefix", strings.TrimRight(decoration, " \t\n"))
	postfix := option("postfix", strings.TrimRight(decoration, " \t\n"))
	if name == "cblock" || name == "xml" {
		prefix, postfix = option("prefix", strings.TrimRight(decoration, " ")), option("postfix", strings.TrimRight(decoration, " "))
	}
	var b strings.Builder
	if beginning != "" {
		b.WriteString(beginning + newline)
	}
	b.WriteString(strings.Repeat(prefix+newline, count("prefix_count", 1)))
	body := decoration + strings.ReplaceAll(t, newline, newline+decoration)
	b.WriteString(strings.ReplaceAll(body, decoration+newline, strings.TrimRight(decoration, " \t\n")+newline))
	for i := range count("postfix_count", 1) {
		if i == 0 {
			b.WriteString(newline)
		}
		b.WriteString(postfix)
		if i+1 < count("postfix_count", 1) {
			b.WriteString(newline)
		}
	}
	if end != "" {
		b.WriteString(newline + end)
	}
	return b.String(), nil
}

// urlsplit takes a URL apart.
func urlsplit(t string, a *value.Args) (value.Value, error) {
	u, err := url.Parse(t)
	if err != nil {
		return nil, err
	}
	password, _ := u.User.Password()
	out := value.DictOf("fragment", u.Fragment, "hostname", nil, "netloc", "", "password", nil, "path", u.EscapedPath(), "port", nil,
		"query", u.RawQuery, "scheme", u.Scheme, "username", nil)
	if u.Host != "" || u.User != nil {
		netloc := u.Host
		if u.User != nil {
			netloc = u.User.String() + "@" + netloc
			out.SetStr("username", u.User.Username())
			if _, set := u.User.Password(); set {
				out.SetStr("password", password)
			}
		}
		out.SetStr("netloc", netloc)
		out.SetStr("hostname", strings.ToLower(u.Hostname()))
		if port, err := strconv.ParseInt(u.Port(), 10, 64); err == nil {
			out.SetStr("port", port)
		}
	}
	query := value.Str(a.Take("query", ""))
	if query == "" {
		return out, nil
	}
	v, ok := out.Str(query)
	if !ok {
		return nil, value.Errorf("unknown URL component: %s", query)
	}
	return v, nil
}

// ranges are the units of sizes, the largest first.
var ranges = []struct {
	letter string
	factor float64
}{{"Y", 1 << 80}, {"Z", 1 << 70}, {"E", 1 << 60}, {"P", 1 << 50}, {"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"B", 1}}

func humanToBytes(v value.Value, a *value.Args) (value.Value, error) {
	defaultUnit, isBits := a.Take("default_unit", nil), value.Truth(a.Take("isbits", false))
	t := strings.TrimSpace(value.Str(v))
	at := strings.IndexFunc(t, func(r rune) bool { return (r < '0' || r > '9') && r != '.' && r != ' ' })
	number, unit := t, ""
	if at >= 0 {
		number, unit = strings.TrimSpace(t[:at]), t[at:]
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return nil, value.Errorf("human_to_bytes() can't interpret following string: %s", value.Str(v))
	}
	if unit == "" {
		if defaultUnit == nil {
			return int64(n + 0.5), nil
		}
		unit = value.Str(defaultUnit)
	}
	letter := strings.ToUpper(unit[:1])
	for _, r := range ranges {
		if r.letter != letter {
			continue
		}
		if tail := unit[1:]; tail != "" && letter != "B" && (isBits && !strings.HasPrefix(tail, "b") || !isBits && !strings.HasPrefix(tail, "B")) {
			break
		}
		return int64(n*r.factor + 0.5), nil
	}
	return nil, value.Errorf("human_to_bytes() failed to convert %s (unit = %s). The suffix must be one of Y, Z, E, P, T, G, M, K, B", value.Str(v), unit)
}

func humanReadable(v value.Value, a *value.Args) (value.Value, error) {
	isBits, unit := value.Truth(a.Take("isbits", false)), a.Take("unit", nil)
	n, ok := value.Float(v)
	if !ok {
		parsed, err := strconv.ParseFloat(value.Str(v), 64)
		if err != nil {
			return nil, value.Errorf("human_readable() failed on bad input: %s", value.Str(v))
		}
		n = parsed
	}
	base := "Bytes"
	if isBits {
		base = "bits"
	}
	for _, r := range ranges {
		if unit == nil && n >= r.factor || unit != nil && strings.EqualFold(value.Str(unit), r.letter) || r.letter == "B" {
			suffix := base
			if r.letter != "B" {
				suffix = r.letter + base[:1]
			}
			return fmt.Sprintf("%.2f %s", n/r.factor, suffix), nil
		}
	}
	return nil, nil
}

// random is a number below the value, or an item of it.
func random(v value.Value, a *value.Args) (value.Value, error) {
	startRaw, stepRaw, seed := a.Take("start", nil), a.Take("step", nil), a.Take("seed", nil)
	r := seeded(seed)
	if n, ok := v.(int64); ok {
		start, step := int64(0), int64(1)
		if i, ok := startRaw.(int64); ok {
			start = i
		}
		if i, ok := stepRaw.(int64); ok && i != 0 {
			step = i
		}
		count := (n - start + step - 1) / step
		if count <= 0 {
			return nil, value.Errorf("empty range for randrange() (%d, %d, %d)", start, n, step)
		}
		return start + r.Int64N(count)*step, nil
	}
	if startRaw != nil || stepRaw != nil {
		return nil, value.Errorf("start and step can only be used with integer values")
	}
	list, err := items(v)
	if err != nil {
		return nil, value.Errorf("random can only be used on sequences and integers")
	}
	if len(list) == 0 {
		return nil, value.Errorf("Cannot choose from an empty sequence")
	}
	return list[r.IntN(len(list))], nil
}

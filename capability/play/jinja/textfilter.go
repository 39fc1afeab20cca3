package jinja

import (
	"fmt"
	"math"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"garboard.dev/garboard/capability/play/value"
)

// onText makes a filter of a function on text. Undefined values count as empty
// text unless they must not be used.
func onText(work func(s string, a *value.Args) (value.Value, error)) (Callable, bool) {
	return func(c *Call) (value.Value, error) {
		a := c.Arguments()
		v, err := value.Force(a.Need("s"))
		if err != nil {
			return nil, err
		}
		if u, ok := v.(*value.Undefined); ok && c.Environment != nil && c.Environment.Strict {
			return nil, &value.UndefinedError{Message: u.Hint}
		}
		out, err := work(value.Str(v), a)
		if err == nil {
			err = a.Err
		}
		text, isText := out.(string)
		if _, unsafe := v.(value.Unsafe); unsafe && isText {
			out = value.Unsafe(text)
		}
		if _, markup := v.(value.Markup); markup && isText {
			out = value.Markup(text)
		}
		return out, err
	}, true
}

func simple(change func(string) string) (Callable, bool) {
	return onText(func(s string, _ *value.Args) (value.Value, error) { return change(s), nil })
}

func textFilters(name string) (Callable, bool) {
	switch name {
	case "capitalize":
		return simple(value.Capitalize)
	case "lower":
		return simple(strings.ToLower)
	case "upper":
		return simple(strings.ToUpper)
	case "title":
		return simple(titled)
	case "string":
		return onText(func(s string, _ *value.Args) (value.Value, error) { return s, nil })
	case "trim":
		return onText(func(s string, a *value.Args) (value.Value, error) {
			return value.Strip(s, a.Take("chars", nil), "strip"), nil
		})
	case "center":
		return onText(func(s string, a *value.Args) (value.Value, error) {
			return value.Pad(s, int(a.Int("width", 80)), " ", "center"), nil
		})
	case "escape", "e":
		return func(c *Call) (value.Value, error) {
			if m, ok := c.Args[0].(value.Markup); ok {
				return m, nil
			}
			if u, ok := c.Args[0].(*value.Undefined); ok && c.Environment.Strict {
				return nil, &value.UndefinedError{Message: u.Hint}
			}
			return value.Markup(Escape(value.Str(c.Args[0]))), nil
		}, true
	case "forceescape":
		return func(c *Call) (value.Value, error) { return value.Markup(Escape(value.Str(c.Args[0]))), nil }, true
	case "safe":
		return func(c *Call) (value.Value, error) { return value.Markup(value.Str(c.Args[0])), nil }, true
	case "striptags":
		return simple(stripTags)
	case "wordcount":
		return onText(func(s string, _ *value.Args) (value.Value, error) { return int64(len(words.FindAllString(s, -1))), nil })
	case "replace":
		return onText(func(s string, a *value.Args) (value.Value, error) {
			old, with, count := value.Str(a.Need("old")), value.Str(a.Need("new")), a.Take("count", nil)
			n := -1
			if i, ok := count.(int64); ok {
				n = int(i)
			}
			if len(with) > 0 && len(s) > 0 && strings.Count(s, old)*len(with) > maxText {
				return nil, &Error{Kind: Limit, Message: "the text gets too long"}
			}
			return strings.Replace(s, old, with, n), nil
		})
	case "format":
		return format, true
	case "indent":
		return onText(indent)
	case "truncate":
		return onText(truncate)
	case "wordwrap":
		return onText(wordwrap)
	case "filesizeformat":
		return fileSize, true
	case "urlencode":
		return urlencode, true
	case "urlize":
		return onText(urlize)
	case "xmlattr":
		return xmlattr, true
	}
	return nil, false
}

var words = regexp.MustCompile(`[\p{L}\p{N}_]+`)

// titled is Jinja2's title: a capital behind blanks, dashes and opening brackets.
func titled(s string) string {
	var b strings.Builder
	start := true
	for _, r := range s {
		if start {
			b.WriteRune(unicode.ToTitle(r))
		} else {
			b.WriteRune(unicode.ToLower(r))
		}
		start = r == '-' || r == '(' || r == '{' || r == '[' || r == '<' || unicode.IsSpace(r)
	}
	return b.String()
}

var tags = regexp.MustCompile(`(?s)<!--.*?-->|<[^>]*>`)

func stripTags(s string) string {
	s = strings.Join(strings.Fields(tags.ReplaceAllString(s, "")), " ")
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#39;", "'", "&#34;", `"`, "&quot;", `"`, "&nbsp;", "\u00a0", "&amp;", "&").Replace(s)
}

func format(c *Call) (value.Value, error) {
	text := value.Str(c.Args[0])
	for _, v := range c.Args {
		if u, ok := v.(*value.Undefined); ok && c.Environment.Strict {
			return nil, &value.UndefinedError{Message: u.Hint}
		}
	}
	if c.Kwargs.Len() > 0 {
		if len(c.Args) > 1 {
			return nil, value.Errorf("can't handle positional and keyword arguments at the same time")
		}
		return formatted(c.Args[0], text, c.Kwargs)
	}
	return formatted(c.Args[0], text, value.NewTuple(c.Args[1:]...))
}

// formatted is text % args; what is put into markup is escaped, but for numbers.
func formatted(of value.Value, text string, args value.Value) (value.Value, error) {
	if _, ok := of.(value.Markup); !ok {
		out, err := value.FormatPercent(text, args)
		return marked(of, args, out), err
	}
	out, err := value.FormatPercent(text, escapedArgs(args))
	return value.Markup(out), err
}

func escapedArgs(v value.Value) value.Value {
	switch v := v.(type) {
	case *value.Tuple:
		out := make([]value.Value, len(v.Items))
		for i, item := range v.Items {
			out[i] = escapedArgs(item)
		}
		return value.NewTuple(out...)
	case *value.Dict:
		out := value.NewDict()
		for k, item := range v.All() {
			out.Set(k, escapedArgs(item))
		}
		return out
	}
	if _, isNumber := value.Float(v); isNumber {
		return v
	}
	return escaped(v, value.Str(v))
}

func indent(s string, a *value.Args) (value.Value, error) {
	width, first, blank := a.Take("width", int64(4)), value.Truth(a.Take("first", false)), value.Truth(a.Take("blank", false))
	prefix, ok := value.Text(width)
	if !ok {
		n, isInt := width.(int64)
		if !isInt {
			return nil, &value.TypeError{Message: "can't multiply sequence by non-int of type '" + value.TypeName(width) + "'"}
		}
		prefix = strings.Repeat(" ", int(min(max(n, 0), 4096)))
	}
	s += "\n" // a last line that is empty stays one
	lines := value.SplitLines(s, false)
	for i, line := range lines {
		if i > 0 && (blank || line != "") {
			lines[i] = prefix + line
		}
	}
	out := strings.Join(lines, "\n")
	if first {
		out = prefix + out
	}
	return out, nil
}

func truncate(s string, a *value.Args) (value.Value, error) {
	length, kill, end, leeway := int(a.Int("length", 255)), value.Truth(a.Take("killwords", false)), value.Str(a.Take("end", "...")), int(a.Int("leeway", 5))
	runes := []rune(s)
	cut := length - utf8.RuneCountInString(end)
	switch {
	case cut < 0:
		return nil, value.Errorf("expected length >= %d, got %d", utf8.RuneCountInString(end), length)
	case leeway < 0:
		return nil, value.Errorf("expected leeway >= 0, got %d", leeway)
	case len(runes) <= length+leeway:
		return s, nil
	}
	head := string(runes[:cut])
	if !kill {
		if at := strings.LastIndex(head, " "); at >= 0 {
			head = head[:at]
		}
	}
	return head + end, nil
}

func wordwrap(s string, a *value.Args) (value.Value, error) {
	width, long, with, hyphens := int(a.Int("width", 79)), value.Truth(a.Take("break_long_words", true)), a.Take("wrapstring", nil), value.Truth(a.Take("break_on_hyphens", true))
	if width <= 0 {
		return nil, value.Errorf("invalid width %d (must be > 0)", width)
	}
	glue := "\n"
	if with != nil {
		glue = value.Str(with)
	}
	var out []string
	for _, line := range value.SplitLines(s, false) {
		out = append(out, strings.Join(wrapLine(line, width, long, hyphens), glue))
	}
	return strings.Join(out, glue), nil
}

// wrapLine breaks one line into lines of at most width characters, as Python's
// textwrap does without changing blanks.
func wrapLine(line string, width int, breakLong, hyphens bool) []string {
	var out []string
	current := ""
	flush := func() {
		if t := strings.TrimRight(current, " \t"); t != "" || len(out) == 0 && current != "" {
			out = append(out, t)
		}
		current = ""
	}
	for _, chunk := range wrapChunks(line, hyphens) {
		n := utf8.RuneCountInString(chunk)
		blank := strings.TrimSpace(chunk) == ""
		if utf8.RuneCountInString(current)+n <= width {
			if blank && current == "" && len(out) > 0 {
				continue
			}
			current += chunk
			continue
		}
		if blank {
			flush()
			continue
		}
		if n > width && breakLong {
			room := width - utf8.RuneCountInString(current)
			runes := []rune(chunk)
			for len(runes) > 0 {
				if room <= 0 {
					flush()
					room = width
				}
				k := min(room, len(runes))
				current += string(runes[:k])
				runes = runes[k:]
				room = width - utf8.RuneCountInString(current)
			}
			continue
		}
		if current != "" {
			flush()
		}
		current = chunk
	}
	if current != "" {
		flush()
	}
	return out
}

func wrapChunks(line string, hyphens bool) []string {
	var out []string
	for _, word := range regexp.MustCompile(`\s+|\S+`).FindAllString(line, -1) {
		if !hyphens || strings.TrimSpace(word) == "" {
			out = append(out, word)
			continue
		}
		rest := word
		for {
			at := strings.Index(rest, "-")
			if at <= 0 || at == len(rest)-1 || !unicode.IsLetter(rune(rest[at-1])) || !unicode.IsLetter(rune(rest[at+1])) {
				break
			}
			out = append(out, rest[:at+1])
			rest = rest[at+1:]
		}
		out = append(out, rest)
	}
	return out
}

func fileSize(c *Call) (value.Value, error) {
	a := c.Arguments()
	v, binary := a.Need("value"), value.Truth(a.Take("binary", false))
	size, ok := value.Float(v)
	if text, isText := value.Text(v); isText {
		_, err := fmt.Sscan(text, &size)
		ok = err == nil
	}
	if !ok {
		return nil, &value.TypeError{Message: fmt.Sprintf("float() argument must be a string or a real number, not '%s'", value.TypeName(v))}
	}
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if binary {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case size == 1:
		return "1 Byte", a.Err
	case size < base:
		return fmt.Sprintf("%d Bytes", int64(size)), a.Err
	}
	for i, unit := range units {
		if limit := math.Pow(base, float64(i+2)); size < limit || i == len(units)-1 {
			return fmt.Sprintf("%.1f %s", base*size/limit, unit), a.Err
		}
	}
	return nil, a.Err
}

// Quote is Python's urllib.parse.quote with "/" as it is.
func Quote(s, safe string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.-~"+safe, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func urlencode(c *Call) (value.Value, error) {
	v := c.Args[0]
	if text, ok := value.Text(v); ok {
		return Quote(text, "/"), nil
	}
	switch v.(type) {
	case *value.Dict, *value.List, *value.Tuple:
	default:
		return Quote(value.Str(v), "/"), nil
	}
	d, err := value.ToDict(v)
	if err != nil {
		return nil, err
	}
	var parts []string
	for k, v := range d.All() {
		parts = append(parts, Quote(value.Str(k), "")+"="+strings.ReplaceAll(Quote(value.Str(v), ""), "%20", "+"))
	}
	return strings.Join(parts, "&"), nil
}

func urlize(s string, a *value.Args) (value.Value, error) {
	limit, nofollow, target, rel := a.Take("trim_url_limit", nil), value.Truth(a.Take("nofollow", false)), a.Take("target", nil), a.Take("rel", nil)
	rels := []string{}
	if rel != nil {
		rels = strings.Fields(value.Str(rel))
	}
	if nofollow {
		rels = append(rels, "nofollow")
	}
	if !strings.Contains(strings.Join(rels, " "), "noopener") {
		rels = append(rels, "noopener")
	}
	attributes := fmt.Sprintf(` rel="%s"`, Escape(strings.Join(rels, " ")))
	if target != nil {
		attributes += fmt.Sprintf(` target="%s"`, Escape(value.Str(target)))
	}
	var out strings.Builder
	for _, word := range regexp.MustCompile(`\s+|\S+`).FindAllString(s, -1) {
		trimmed := strings.TrimRight(word, ".,)>\n;:!?")
		if !strings.HasPrefix(trimmed, "http://") && !strings.HasPrefix(trimmed, "https://") && !strings.HasPrefix(trimmed, "www.") {
			out.WriteString(Escape(word))
			continue
		}
		if _, err := url.Parse(trimmed); err != nil {
			out.WriteString(Escape(word))
			continue
		}
		href, shown := trimmed, trimmed
		if strings.HasPrefix(trimmed, "www.") {
			href = "https://" + trimmed
		}
		if n, ok := limit.(int64); ok && int64(utf8.RuneCountInString(shown)) > n {
			shown = string([]rune(shown)[:n]) + "..."
		}
		fmt.Fprintf(&out, `<a href="%s"%s>%s</a>%s`, Escape(href), attributes, Escape(shown), Escape(word[len(trimmed):]))
	}
	return out.String(), nil
}

func xmlattr(c *Call) (value.Value, error) {
	a := c.Arguments()
	d, err := value.ToDict(a.Need("d"))
	space := value.Truth(a.Take("autospace", true))
	if err != nil {
		return nil, err
	}
	var parts []string
	for k, v := range d.All() {
		if _, undefined := v.(*value.Undefined); v == nil || undefined {
			continue
		}
		if key := value.Str(k); strings.ContainsAny(key, " \t\n\r\f/>=") {
			return nil, value.Errorf("Invalid character in attribute name: %s", value.Repr(key))
		}
		parts = append(parts, fmt.Sprintf(`%s="%s"`, Escape(value.Str(k)), Escape(value.Str(v))))
	}
	out := strings.Join(parts, " ")
	if space && out != "" {
		out = " " + out
	}
	return value.Markup(out), a.Err
}

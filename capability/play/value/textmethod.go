package value

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textMethod returns a method of Python's str. o is the text as a value: what is
// cut out of unsafe text is unsafe.
func textMethod(o Value, s, name string) method {
	if m := textCase(s, name); m != nil {
		return func(*Args) (Value, error) { return like(o, m(s)), nil }
	}
	if is := textIs(name); is != nil {
		return func(*Args) (Value, error) { return is(s), nil }
	}
	if m := textSearch(s, name); m != nil {
		return m
	}
	if m := textSplit(o, s, name); m != nil {
		return m
	}
	return textShape(o, s, name)
}

func textCase(s, name string) func(string) string {
	switch name {
	case "lower", "casefold":
		return strings.ToLower
	case "upper":
		return strings.ToUpper
	case "capitalize":
		return Capitalize
	case "title":
		return Title
	case "swapcase":
		return func(s string) string {
			return strings.Map(func(r rune) rune {
				if unicode.IsUpper(r) {
					return unicode.ToLower(r)
				}
				return unicode.ToUpper(r)
			}, s)
		}
	}
	return nil
}

// Capitalize is Python's str.capitalize.
func Capitalize(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + strings.ToLower(s[size:])
}

// Title is Python's str.title: a capital after everything that is no letter.
func Title(s string) string {
	var b strings.Builder
	inside := false
	for _, r := range s {
		letter := unicode.IsLetter(r)
		switch {
		case letter && inside:
			b.WriteRune(unicode.ToLower(r))
		case letter:
			b.WriteRune(unicode.ToTitle(r))
		default:
			b.WriteRune(r)
		}
		inside = letter
	}
	return b.String()
}

func textIs(name string) func(string) bool {
	every := func(is func(rune) bool) func(string) bool {
		return func(s string) bool {
			return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !is(r) })
		}
	}
	switch name {
	case "isalnum":
		return every(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
	case "isalpha":
		return every(unicode.IsLetter)
	case "isdigit", "isdecimal":
		return every(unicode.IsDigit)
	case "isnumeric":
		return every(unicode.IsNumber)
	case "isspace":
		return every(unicode.IsSpace)
	case "isascii":
		return func(s string) bool {
			return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
		}
	case "islower":
		return func(s string) bool {
			return strings.ContainsFunc(s, unicode.IsLower) && !strings.ContainsFunc(s, unicode.IsUpper)
		}
	case "isupper":
		return func(s string) bool {
			return strings.ContainsFunc(s, unicode.IsUpper) && !strings.ContainsFunc(s, unicode.IsLower)
		}
	case "istitle":
		return func(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) && Title(s) == s }
	case "isidentifier":
		return func(s string) bool {
			for i, r := range s {
				if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
					return false
				}
			}
			return s != ""
		}
	case "isprintable":
		return func(s string) bool { return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) }
	}
	return nil
}

func textSearch(s, name string) method {
	switch name {
	case "startswith", "endswith":
		has := strings.HasPrefix
		if name == "endswith" {
			has = strings.HasSuffix
		}
		return func(a *Args) (Value, error) { return affix(a, s, has) }
	case "find", "rfind", "index", "rindex":
		return func(a *Args) (Value, error) { return find(a, s, name) }
	case "count":
		return func(a *Args) (Value, error) { return count(a, s) }
	case "format":
		return func(a *Args) (Value, error) { return FormatBraces(s, a.Items, a.Named) }
	case "format_map":
		return func(a *Args) (Value, error) {
			d, err := ToDict(a.Need("mapping"))
			if err != nil {
				return nil, err
			}
			return FormatBraces(s, nil, d)
		}
	case "encode":
		return func(*Args) (Value, error) { return Bytes(s), nil }
	}
	return nil
}

func affix(a *Args, s string, has func(s, part string) bool) (Value, error) {
	parts := []Value{a.Need("prefix")}
	if t, ok := parts[0].(*Tuple); ok {
		parts = t.Items
	}
	runes := []rune(s)
	start, end := a.Int("start", 0), a.Int("end", int64(len(runes)))
	n := int64(len(runes))
	if start < 0 {
		start = max(0, start+n)
	}
	if end < 0 {
		end = max(0, end+n)
	}
	start, end = min(start, n), min(end, n)
	if a.Err != nil || start > end {
		return false, a.Err
	}
	for _, p := range parts {
		part, ok := Text(forced(p))
		if !ok {
			return nil, &TypeError{fmt.Sprintf("%s first arg must be str or a tuple of str, not %s", a.Name, TypeName(p))}
		}
		if has(string(runes[start:end]), part) {
			return true, nil
		}
	}
	return false, nil
}

// section cuts s to the arguments start and end; offset is where it begins, in
// characters. ok is false where it begins behind the end.
func section(a *Args, s string) (part string, offset int, ok bool, err error) {
	start, end := a.Take("start", nil), a.Take("end", nil)
	if start == nil && end == nil {
		return s, 0, true, nil
	}
	runes := []rune(s)
	from, to, _, err := bounds(start, end, nil, len(runes))
	if i, isInt := start.(int64); err != nil || from > to || isInt && i > int64(len(runes)) {
		return "", 0, false, err
	}
	return string(runes[from:to]), from, true, nil
}

func find(a *Args, s, name string) (Value, error) {
	sub := a.Text("sub")
	part, offset, ok, err := section(a, s)
	at := strings.Index(part, sub)
	if name[0] == 'r' {
		at = strings.LastIndex(part, sub)
	}
	switch {
	case err != nil || a.Err != nil:
		return nil, err
	case ok && at >= 0:
		return int64(offset + utf8.RuneCountInString(part[:at])), nil
	case strings.HasSuffix(name, "index"):
		return nil, Errorf("substring not found")
	}
	return int64(-1), nil
}

func count(a *Args, s string) (Value, error) {
	sub := a.Text("sub")
	part, _, ok, err := section(a, s)
	if !ok {
		return int64(0), err
	}
	return int64(strings.Count(part, sub)), err
}

func textSplit(o Value, s, name string) method {
	list := func(parts []string) Value {
		out := &List{Items: make([]Value, len(parts))}
		for i, p := range parts {
			out.Items[i] = like(o, p)
		}
		return out
	}
	switch name {
	case "split", "rsplit":
		return func(a *Args) (Value, error) {
			sep, n := a.Take("sep", nil), a.Int("maxsplit", -1)
			parts, err := Split(s, sep, int(n), name == "rsplit")
			if err != nil {
				return nil, err
			}
			return list(parts), a.Err
		}
	case "splitlines":
		return func(a *Args) (Value, error) { return list(SplitLines(s, Truth(a.Take("keepends", false)))), nil }
	case "partition", "rpartition":
		return func(a *Args) (Value, error) {
			sep := a.Text("sep")
			at := strings.Index(s, sep)
			if name == "rpartition" {
				at = strings.LastIndex(s, sep)
			}
			switch {
			case a.Err != nil:
				return nil, a.Err
			case sep == "":
				return nil, Errorf("empty separator")
			case at < 0 && name == "partition":
				return NewTuple(like(o, s), "", ""), nil
			case at < 0:
				return NewTuple("", "", like(o, s)), nil
			}
			return NewTuple(like(o, s[:at]), like(o, sep), like(o, s[at+len(sep):])), nil
		}
	}
	return nil
}

// Split is Python's str.split and rsplit; sep is nil for blanks.
func Split(s string, sep Value, n int, right bool) ([]string, error) {
	if sep == nil {
		return splitBlanks(s, n, right), nil
	}
	by, ok := Text(forced(sep))
	if !ok {
		return nil, &TypeError{"must be str or None, not " + TypeName(sep)}
	}
	if by == "" {
		return nil, Errorf("empty separator")
	}
	parts := strings.Split(s, by)
	if n < 0 || len(parts) <= n+1 {
		return parts, nil
	}
	if right {
		cut := len(parts) - n
		return append([]string{strings.Join(parts[:cut], by)}, parts[cut:]...), nil
	}
	return append(parts[:n:n], strings.Join(parts[n:], by)), nil
}

func splitBlanks(s string, n int, right bool) []string {
	fields := strings.Fields(s)
	if n < 0 || len(fields) <= n {
		return fields
	}
	if right {
		rest := strings.TrimRightFunc(s, unicode.IsSpace)
		var out []string
		for range n {
			at := strings.LastIndexFunc(rest, unicode.IsSpace)
			_, size := utf8.DecodeRuneInString(rest[at:])
			out = append(out, rest[at+size:])
			rest = strings.TrimRightFunc(rest[:at], unicode.IsSpace)
		}
		out = append(out, rest)
		slices.Reverse(out)
		return out
	}
	rest := strings.TrimLeftFunc(s, unicode.IsSpace)
	var out []string
	for range n {
		at := strings.IndexFunc(rest, unicode.IsSpace)
		out = append(out, rest[:at])
		rest = strings.TrimLeftFunc(rest[at:], unicode.IsSpace)
	}
	return append(out, rest)
}

// SplitLines is Python's str.splitlines.
func SplitLines(s string, keep bool) []string {
	var out []string
	for s != "" {
		at := strings.IndexAny(s, "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029")
		if at < 0 {
			return append(out, s)
		}
		_, size := utf8.DecodeRuneInString(s[at:])
		if strings.HasPrefix(s[at:], "\r\n") {
			size = 2
		}
		end := at
		if keep {
			end += size
		}
		out = append(out, s[:end])
		s = s[at+size:]
	}
	return out
}

func textShape(o Value, s, name string) method {
	switch name {
	case "strip", "lstrip", "rstrip":
		return func(a *Args) (Value, error) { return like(o, Strip(s, a.Take("chars", nil), name)), nil }
	case "join":
		return func(a *Args) (Value, error) {
			items, err := Items(a.Need("iterable"))
			parts := make([]string, len(items))
			for i, item := range items {
				text, ok := Text(forced(item))
				if !ok {
					return nil, &TypeError{fmt.Sprintf("sequence item %d: expected str instance, %s found", i, TypeName(item))}
				}
				parts[i] = text
			}
			return strings.Join(parts, s), err
		}
	case "replace":
		return func(a *Args) (Value, error) {
			old, with, n := a.Text("old"), a.Text("new"), a.Int("count", -1)
			return like(o, strings.Replace(s, old, with, int(n))), a.Err
		}
	case "removeprefix":
		return func(a *Args) (Value, error) { return like(o, strings.TrimPrefix(s, a.Text("prefix"))), a.Err }
	case "removesuffix":
		return func(a *Args) (Value, error) { return like(o, strings.TrimSuffix(s, a.Text("suffix"))), a.Err }
	case "ljust", "rjust", "center":
		return func(a *Args) (Value, error) {
			width, fill := a.Int("width", 0), a.Take("fillchar", " ")
			if utf8.RuneCountInString(Str(fill)) != 1 {
				return nil, &TypeError{"The fill character must be exactly one character long"}
			}
			return like(o, Pad(s, int(width), Str(fill), name)), a.Err
		}
	case "zfill":
		return func(a *Args) (Value, error) {
			sign, digits := "", s
			if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
				sign, digits = s[:1], s[1:]
			}
			width := int(a.Int("width", 0)) - len(sign)
			return like(o, sign+Pad(digits, width, "0", "rjust")), a.Err
		}
	case "expandtabs":
		return func(a *Args) (Value, error) { return like(o, expandTabs(s, int(a.Int("tabsize", 8)))), a.Err }
	}
	return nil
}

func expandTabs(s string, size int) string {
	var b strings.Builder
	column := 0
	for _, r := range s {
		switch {
		case r == '\t' && size > 0:
			n := size - column%size
			b.WriteString(strings.Repeat(" ", n))
			column += n
		case r == '\t':
		case r == '\n' || r == '\r':
			b.WriteRune(r)
			column = 0
		default:
			b.WriteRune(r)
			column++
		}
	}
	return b.String()
}

// Strip is Python's strip, lstrip and rstrip; chars is nil for blanks.
func Strip(s string, chars Value, how string) string {
	trim := unicode.IsSpace
	if chars != nil {
		set := Str(chars)
		trim = func(r rune) bool { return strings.ContainsRune(set, r) }
	}
	if how != "rstrip" {
		s = strings.TrimLeftFunc(s, trim)
	}
	if how != "lstrip" {
		s = strings.TrimRightFunc(s, trim)
	}
	return s
}

// maxPad bounds the width that text is padded to.
const maxPad = 1 << 20

// Pad is Python's ljust, rjust and center.
func Pad(s string, width int, fill, how string) string {
	n := min(width, maxPad) - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	switch how {
	case "ljust":
		return s + strings.Repeat(fill, n)
	case "rjust":
		return strings.Repeat(fill, n) + s
	}
	left := n/2 + n&width&1
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, n-left)
}

package value

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FormatBraces is Python's str.format: fields by number, name, attribute and
// index, conversions, and the format specification of text and numbers.
func FormatBraces(format string, args []Value, named *Dict) (string, error) {
	f := &braces{args: args, named: named}
	return f.run(format, 0)
}

type braces struct {
	args  []Value
	named *Dict
	next  int
}

func (f *braces) run(format string, depth int) (string, error) {
	if depth > 2 {
		return "", Errorf("Max string recursion exceeded")
	}
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		c := format[i]
		switch {
		case (c == '{' || c == '}') && i+1 < len(format) && format[i+1] == c:
			out.WriteByte(c)
			i++
		case c == '}':
			return "", Errorf("Single '}' encountered in format string")
		case c == '{':
			end := closing(format[i+1:])
			if end < 0 {
				return "", Errorf("expected '}' before end of string")
			}
			text, err := f.field(format[i+1:i+1+end], depth)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
			i += end + 1
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

func closing(s string) int {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}

func (f *braces) field(text string, depth int) (string, error) {
	name, layout, _ := strings.Cut(text, ":")
	name, conversion, _ := strings.Cut(name, "!")
	v, err := f.lookup(name)
	if err != nil {
		return "", err
	}
	if strings.Contains(layout, "{") {
		if layout, err = f.run(layout, depth+1); err != nil {
			return "", err
		}
	}
	switch conversion {
	case "r", "a":
		v = Repr(v)
	case "s":
		v = Str(v)
	}
	return FormatSpec(v, layout)
}

func (f *braces) lookup(name string) (Value, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	v, err := f.first(name[:end])
	for rest := name[end:]; err == nil && rest != ""; {
		v, rest, err = step(v, rest)
	}
	return v, err
}

func (f *braces) first(name string) (Value, error) {
	if name == "" {
		name = strconv.Itoa(f.next)
		f.next++
	}
	if i, err := strconv.Atoi(name); err == nil {
		if i < 0 || i >= len(f.args) {
			return nil, &KeyError{"Replacement index " + name + " out of range for positional args tuple"}
		}
		return f.args[i], nil
	}
	if v, ok := f.named.Str(name); ok {
		return v, nil
	}
	return nil, &KeyError{Repr(name)}
}

func step(v Value, rest string) (Value, string, error) {
	if rest[0] == '[' {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return nil, "", Errorf("Missing ']' in format string")
		}
		var key Value = rest[1:end]
		if i, err := strconv.ParseInt(rest[1:end], 10, 64); err == nil {
			key = i
		}
		item, err := GetItem(v, key)
		return item, rest[end+1:], err
	}
	end := strings.IndexAny(rest[1:], ".[")
	if end < 0 {
		end = len(rest) - 1
	}
	name := rest[1 : 1+end]
	if strings.HasPrefix(name, "_") {
		return nil, "", Errorf("access to attribute '%s' is unsafe", name)
	}
	attr, ok := GetAttr(v, name)
	if !ok {
		return nil, "", Errorf("'%s' object has no attribute '%s'", TypeName(v), name)
	}
	return attr, rest[1+end:], nil
}

// layout is a parsed format specification: [[fill]align][sign][#][0][width][,][.precision][type].
type layout struct {
	fill, align      string
	sign             byte
	alternate        bool
	group            string
	width, precision int
	verb             byte
}

func parseLayout(s string) (layout, error) {
	l := layout{fill: " ", precision: -1}
	_, size := utf8.DecodeRuneInString(s)
	switch {
	case size > 0 && len(s) > size && strings.IndexByte("<>=^", s[size]) >= 0:
		l.fill, l.align, s = s[:size], s[size:size+1], s[size+1:]
	case s != "" && strings.IndexByte("<>=^", s[0]) >= 0:
		l.align, s = s[:1], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		l.sign, s = s[0], s[1:]
	}
	if strings.HasPrefix(s, "#") {
		l.alternate, s = true, s[1:]
	}
	if strings.HasPrefix(s, "0") {
		if l.align == "" {
			l.fill, l.align = "0", "="
		}
		s = s[1:]
	}
	l.width, s = leading(s, 0)
	if s != "" && (s[0] == ',' || s[0] == '_') {
		l.group, s = s[:1], s[1:]
	}
	if strings.HasPrefix(s, ".") {
		l.precision, s = leading(s[1:], 0)
	}
	if len(s) > 1 || l.width > maxPad || l.precision > maxPad {
		return l, Errorf("Invalid format specifier")
	}
	if s != "" {
		l.verb = s[0]
	}
	return l, nil
}

func leading(s string, otherwise int) (int, string) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	i, err := strconv.Atoi(s[:n])
	if err != nil {
		return otherwise, s[n:]
	}
	return i, s[n:]
}

// FormatSpec is Python's format(v, spec).
func FormatSpec(v Value, text string) (string, error) {
	v = forced(v)
	if text == "" {
		return Str(v), nil
	}
	l, err := parseLayout(text)
	if err != nil {
		return "", err
	}
	switch x := v.(type) {
	case string, Unsafe, Markup:
		return l.text(x)
	case bool:
		if l.verb == 0 {
			return l.text(Str(v))
		}
	case int64:
		if l.verb == 0 {
			l.verb = 'd'
		}
	case float64:
		if l.verb == 0 && l.precision < 0 {
			return l.pad(l.signed(strings.HasPrefix(FloatText(x), "-")), strings.TrimPrefix(FloatText(x), "-"), ">"), nil
		}
		if l.verb == 0 {
			l.verb = 'g'
		}
	default:
		return "", &TypeError{fmt.Sprintf("unsupported format string passed to %s.__format__", TypeName(v))}
	}
	return l.number(v)
}

func (l layout) text(v Value) (string, error) {
	s := Str(v)
	if l.verb != 0 && l.verb != 's' {
		return "", Errorf("Unknown format code '%c' for object of type 'str'", l.verb)
	}
	if l.precision >= 0 && utf8.RuneCountInString(s) > l.precision {
		s = string([]rune(s)[:l.precision])
	}
	return l.pad("", s, "<"), nil
}

func (l layout) signed(negative bool) string {
	switch {
	case negative:
		return "-"
	case l.sign == '+' || l.sign == ' ':
		return string(l.sign)
	}
	return ""
}

func (l layout) number(v Value) (string, error) {
	_, isFloat := v.(float64)
	switch l.verb {
	case 'd', 'x', 'X', 'o', 'b', 'n', 'c':
		if isFloat {
			return "", Errorf("Unknown format code '%c' for object of type 'float'", l.verb)
		}
		return l.integer(v)
	case 'f', 'F', 'e', 'E', 'g', 'G', '%':
		x, _ := Float(v)
		return l.float(x), nil
	}
	return "", Errorf("Unknown format code '%c' for object of type '%s'", l.verb, TypeName(v))
}

func (l layout) integer(v Value) (string, error) {
	i, _ := Integer(v)
	base, prefix := 10, ""
	switch l.verb {
	case 'x', 'X':
		base, prefix = 16, "0"+string(l.verb)
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	case 'c':
		return l.pad("", string(rune(i.Int64())), "<"), nil
	}
	if !l.alternate {
		prefix = ""
	}
	digits := i.Text(base)
	negative := strings.HasPrefix(digits, "-")
	digits = strings.TrimPrefix(digits, "-")
	if l.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if l.group != "" {
		digits = grouped(digits, l.group)
	}
	return l.pad(l.signed(negative)+prefix, digits, ">"), nil
}

func (l layout) float(x float64) string {
	precision := l.precision
	if precision < 0 {
		precision = 6
	}
	suffix, verb := "", l.verb
	if verb == '%' {
		x, verb, suffix = x*100, 'f', "%"
	}
	text := floatText(x, verb, precision)
	negative := strings.HasPrefix(text, "-")
	text = strings.TrimPrefix(text, "-")
	if l.group != "" {
		whole, rest, found := strings.Cut(text, ".")
		text = grouped(whole, l.group)
		if found {
			text += "." + rest
		}
	}
	return l.pad(l.signed(negative), text+suffix, ">")
}

func grouped(digits, by string) string {
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, parts...), by)
}

func (l layout) pad(sign, text, align string) string {
	if l.align != "" {
		align = l.align
	}
	n := l.width - utf8.RuneCountInString(sign) - utf8.RuneCountInString(text)
	if n <= 0 {
		return sign + text
	}
	switch align {
	case "<":
		return sign + text + strings.Repeat(l.fill, n)
	case "=":
		return sign + strings.Repeat(l.fill, n) + text
	case "^":
		return strings.Repeat(l.fill, n/2) + sign + text + strings.Repeat(l.fill, n-n/2)
	}
	return strings.Repeat(l.fill, n) + sign + text
}

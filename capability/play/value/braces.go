package value

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FormatBraces is Python's str.format(*args, **kwargs).
func FormatBraces(format string, args []Value, kwargs *Dict) (string, error) {
	f := formatter{args: args, kwargs: kwargs}
	return f.expand(format, 2)
}

type formatter struct {
	args   []Value
	kwargs *Dict
	auto   int
	manual bool
}

func (f *formatter) expand(s string, depth int) (string, error) {
	if depth == 0 {
		return "", Errorf("Max string recursion exceeded")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '{' && c != '}' {
			b.WriteByte(c)
			continue
		}
		if i+1 < len(s) && s[i+1] == c {
			b.WriteByte(c)
			i++
			continue
		}
		if c == '}' {
			return "", Errorf("Single '}' encountered in format string")
		}
		end, err := fieldEnd(s, i)
		if err != nil {
			return "", err
		}
		text, err := f.field(s[i+1:end], depth)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		i = end
	}
	return b.String(), nil
}

func fieldEnd(s string, start int) (int, error) {
	depth := 0
	for i := start; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i, nil
			}
		}
	}
	if start == len(s)-1 {
		return 0, Errorf("Single '{' encountered in format string")
	}
	return 0, Errorf("expected '}' before end of string")
}

func (f *formatter) field(s string, depth int) (string, error) {
	name, spec, conv := s, "", byte(0)
	bracket := 0
	for i := range len(s) {
		c := s[i]
		if c == '[' {
			bracket++
		} else if c == ']' {
			bracket--
		}
		if bracket == 0 && (c == ':' || c == '!') {
			name, spec = s[:i], s[i:]
			break
		}
	}
	if strings.HasPrefix(spec, "!") {
		if len(spec) < 2 {
			return "", Errorf("end of string while looking for conversion specifier")
		}
		conv, spec = spec[1], spec[2:]
		if spec != "" && spec[0] != ':' {
			return "", Errorf("expected ':' after conversion specifier")
		}
	}
	v, err := f.lookup(name)
	if err != nil {
		return "", err
	}
	switch conv {
	case 0:
	case 's':
		v = Str(v)
	case 'r':
		v = Repr(v)
	case 'a':
		v = ASCII(Repr(v))
	default:
		return "", Errorf("Unknown conversion specifier '%c'", conv)
	}
	if strings.HasPrefix(spec, ":") {
		if spec, err = f.expand(spec[1:], depth-1); err != nil {
			return "", err
		}
	}
	return FormatSpec(v, spec)
}

// lookup finds the value of a field name: first, then .attribute and [item].
func (f *formatter) lookup(name string) (Value, error) {
	i := strings.IndexAny(name, ".[")
	first, rest := name, ""
	if i >= 0 {
		first, rest = name[:i], name[i:]
	}
	v, err := f.first(first)
	for err == nil && rest != "" {
		if rest[0] == '.' {
			end := strings.IndexAny(rest[1:], ".[") + 1
			if end == 0 {
				end = len(rest)
			}
			attr := rest[1:end]
			if strings.HasPrefix(attr, "_") {
				return nil, Errorf("access to attribute '%s' is unsafe", attr)
			}
			got, ok := GetAttr(v, attr)
			if !ok {
				return nil, Errorf("'%s' object has no attribute '%s'", TypeName(v), attr)
			}
			v, rest = got, rest[end:]
			continue
		}
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return nil, Errorf("Missing ']' in format string")
		}
		v, err = GetItem(v, numberOrName(rest[1:end]))
		rest = rest[end+1:]
	}
	return v, err
}

func numberOrName(s string) Value {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && s[0] >= '0' && s[0] <= '9' {
		return n
	}
	return s
}

func (f *formatter) first(name string) (Value, error) {
	if name == "" {
		if f.manual {
			return nil, Errorf("cannot switch from manual field specification to automatic field numbering")
		}
		f.auto++
		name = strconv.Itoa(f.auto - 1)
	} else if _, ok := numberOrName(name).(int64); ok {
		if f.auto > 0 {
			return nil, Errorf("cannot switch from automatic field numbering to manual field specification")
		}
		f.manual = true
	}
	if n, ok := numberOrName(name).(int64); ok {
		if n >= int64(len(f.args)) {
			return nil, &KeyError{fmt.Sprintf("Replacement index %d out of range for positional args tuple", n)}
		}
		return f.args[n], nil
	}
	if v, ok := f.kwargs.Str(name); ok {
		return v, nil
	}
	return nil, &KeyError{Repr(name)}
}

// layout is [[fill]align][sign][#][0][width][grouping][.precision][type].
type layout struct {
	fill      rune
	align     byte
	sign      byte
	alt       bool
	width     int
	group     string
	precision int
	verb      byte
}

func parseSpec(s string) (layout, error) {
	p := layout{fill: ' ', precision: -1}
	r, n := utf8.DecodeRuneInString(s)
	if len(s) > n && n > 0 && strings.IndexByte("<>=^", s[n]) >= 0 {
		p.fill, p.align, s = r, s[n], s[n+1:]
	} else if s != "" && strings.IndexByte("<>=^", s[0]) >= 0 {
		p.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		p.sign, s = s[0], s[1:]
	}
	if strings.HasPrefix(s, "#") {
		p.alt, s = true, s[1:]
	}
	if strings.HasPrefix(s, "0") {
		s = s[1:]
		if p.align == 0 {
			p.fill, p.align = '0', '='
		}
	}
	p.width, s = digits(s, 0)
	if s != "" && (s[0] == ',' || s[0] == '_') {
		p.group, s = s[:1], s[1:]
	}
	if strings.HasPrefix(s, ".") {
		if p.precision, s = digits(s[1:], -1); p.precision < 0 {
			return p, Errorf("Format specifier missing precision")
		}
	}
	if len(s) > 1 {
		return p, Errorf("Invalid format specifier")
	}
	if s != "" {
		p.verb = s[0]
	}
	if p.width > maxPad || p.precision > maxPad {
		return p, Errorf("Too many decimal digits in format string")
	}
	return p, nil
}

func digits(s string, n int) (int, string) {
	for s != "" && s[0] >= '0' && s[0] <= '9' {
		n = min(max(n, 0)*10+int(s[0]-'0'), maxPad+1)
		s = s[1:]
	}
	return n, s
}

// FormatSpec is format(v, spec).
func FormatSpec(v Value, text string) (string, error) {
	v = forced(v)
	if text == "" {
		return Str(v), nil
	}
	if t, ok := v.(Time); ok {
		return Strftime(text, t.Time), nil
	}
	p, err := parseSpec(text)
	if err != nil {
		return "", err
	}
	if s, ok := Text(v); ok {
		return p.text(s)
	}
	switch x := v.(type) {
	case bool, int64, *big.Int:
		i, _ := Integer(x)
		return p.integer(i)
	case float64:
		return p.float(x, "float")
	}
	return "", &TypeError{fmt.Sprintf("unsupported format string passed to %s.__format__", TypeName(v))}
}

func (p layout) text(s string) (string, error) {
	switch {
	case p.verb != 0 && p.verb != 's':
		return "", Errorf("Unknown format code '%c' for object of type 'str'", p.verb)
	case p.sign != 0:
		return "", Errorf("Sign not allowed in string format specifier")
	case p.align == '=' && p.fill == '0':
		p.align = '<'
	case p.align == '=':
		return "", Errorf("'=' alignment not allowed in string format specifier")
	case p.group != "":
		return "", Errorf("Cannot specify '%s' with 's'.", p.group)
	}
	if p.precision >= 0 && utf8.RuneCountInString(s) > p.precision {
		s = string([]rune(s)[:p.precision])
	}
	return p.pad("", s, '<'), nil
}

func (p layout) integer(i *big.Int) (string, error) {
	base, prefix := 10, ""
	switch p.verb {
	case 0, 'd', 'n':
	case 'x', 'X':
		base, prefix = 16, "0"+string(p.verb)
	case 'o':
		base, prefix = 8, "0o"
	case 'b':
		base, prefix = 2, "0b"
	case 'c':
		return p.pad("", string(rune(i.Int64())), '<'), nil
	case 'e', 'E', 'f', 'F', 'g', 'G', '%':
		f, _ := new(big.Float).SetInt(i).Float64()
		return p.float(f, "int")
	default:
		return "", Errorf("Unknown format code '%c' for object of type 'int'", p.verb)
	}
	if p.precision >= 0 {
		return "", Errorf("Precision not allowed in integer format specifier")
	}
	if p.group == "," && base != 10 {
		return "", Errorf("Cannot specify ',' with '%c'.", p.verb)
	}
	s := new(big.Int).Abs(i).Text(base)
	if p.verb == 'X' {
		s = strings.ToUpper(s)
	}
	sign := p.signOf(i.Sign() < 0)
	if p.alt {
		sign += prefix
	}
	size := 3
	if base != 10 {
		size = 4
	}
	return p.number(sign, s, size), nil
}

func (p layout) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case p.sign == '+' || p.sign == ' ':
		return string(p.sign)
	}
	return ""
}

// number groups the digits and pads; zeros are grouped too.
func (p layout) number(sign, s string, size int) string {
	if p.group == "" {
		return p.pad(sign, s, '>')
	}
	whole, rest := s, ""
	if i := strings.IndexAny(s, ".e%"); i >= 0 {
		whole, rest = s[:i], s[i:]
	}
	if p.fill == '0' && p.align == '=' {
		for len(group(whole, p.group, size))+len(rest)+len(sign) < p.width {
			whole = "0" + whole
		}
	}
	return p.pad(sign, group(whole, p.group, size)+rest, '>')
}

func group(s, sep string, size int) string {
	var b strings.Builder
	for i, c := range s {
		if i > 0 && (len(s)-i)%size == 0 {
			b.WriteString(sep)
		}
		b.WriteRune(c)
	}
	return strings.TrimPrefix(b.String(), sep)
}

func (p layout) float(f float64, of string) (string, error) {
	verb, precision := p.verb, p.precision
	s := ""
	switch verb {
	case 0:
		s = p.plainFloat(math.Abs(f))
	case 'n':
		verb = 'g'
		fallthrough
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if precision < 0 {
			precision = 6
		}
		s = floatText(math.Abs(f), verb, precision)
	case '%':
		if precision < 0 {
			precision = 6
		}
		s = floatText(math.Abs(f)*100, 'f', precision) + "%"
	default:
		return "", Errorf("Unknown format code '%c' for object of type '%s'", verb, of)
	}
	return p.number(p.signOf(math.Signbit(f)), s, 3), nil
}

// plainFloat is a float without a type: as repr, or like g with the precision
// but never without a decimal point.
func (p layout) plainFloat(f float64) string {
	if p.precision < 0 {
		return FloatText(f)
	}
	precision := max(p.precision, 1)
	s := floatText(f, 'g', precision)
	if strings.ContainsAny(s, ".en") {
		return s
	}
	if len(s) >= precision { // no room for a digit behind the point
		return floatText(f, 'e', precision-1)
	}
	return s + ".0"
}

func (p layout) pad(sign, s string, align byte) string {
	missing := p.width - utf8.RuneCountInString(sign) - utf8.RuneCountInString(s)
	if missing <= 0 {
		return sign + s
	}
	if p.align != 0 {
		align = p.align
	}
	fill := string(p.fill)
	switch align {
	case '<':
		return sign + s + strings.Repeat(fill, missing)
	case '=':
		return sign + strings.Repeat(fill, missing) + s
	case '^':
		return strings.Repeat(fill, missing/2) + sign + s + strings.Repeat(fill, missing-missing/2)
	}
	return strings.Repeat(fill, missing) + sign + s
}

package value

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// FormatPercent is Python's text % args.
func FormatPercent(format string, args Value) (string, error) {
	p := &percent{in: format}
	switch a := args.(type) {
	case *Tuple:
		p.args = a.Items
	case *Dict:
		p.dict, p.args = a, []Value{a}
	default:
		p.args = []Value{args}
	}
	return p.run(args)
}

type percent struct {
	in   string
	args []Value
	at   int
	dict *Dict
	out  strings.Builder
}

func (p *percent) run(args Value) (string, error) {
	named := false
	for i := 0; i < len(p.in); i++ {
		if p.in[i] != '%' {
			p.out.WriteByte(p.in[i])
			continue
		}
		n, isNamed, err := p.spec(p.in[i+1:])
		if err != nil {
			return "", err
		}
		named = named || isNamed
		i += n
	}
	_, isDict := args.(*Dict)
	_, isList := args.(*List)
	if !named && !isDict && !isList && p.at < len(p.args) {
		return "", &TypeError{"not all arguments converted during string formatting"}
	}
	return p.out.String(), nil
}

func (p *percent) next() (Value, error) {
	if p.at >= len(p.args) {
		return nil, &TypeError{"not enough arguments for format string"}
	}
	p.at++
	return p.args[p.at-1], nil
}

// spec formats one conversion, which begins behind its "%", and returns its length.
func (p *percent) spec(s string) (n int, named bool, err error) {
	var v Value
	if strings.HasPrefix(s, "(") {
		end := strings.IndexByte(s, ')')
		if end < 0 {
			return 0, false, Errorf("incomplete format key")
		}
		if p.dict == nil {
			return 0, false, &TypeError{"format requires a mapping"}
		}
		found, ok := p.dict.Str(s[1:end])
		if !ok {
			return 0, false, &KeyError{Repr(s[1:end])}
		}
		v, named, n = found, true, end+1
	}
	flags := n
	for n < len(s) && strings.IndexByte("-+ #0", s[n]) >= 0 {
		n++
	}
	f := spec{flags: s[flags:n], width: -1, precision: -1}
	if f.width, n, err = p.amount(s, n); err != nil {
		return 0, false, err
	}
	if n < len(s) && s[n] == '.' {
		if f.precision, n, err = p.amount(s, n+1); err != nil {
			return 0, false, err
		}
		f.precision = max(f.precision, 0)
	}
	if n >= len(s) {
		return 0, false, Errorf("incomplete format")
	}
	f.verb = s[n]
	if f.verb == '%' && n == 0 {
		p.out.WriteByte('%')
		return n + 1, named, nil
	}
	if !named {
		if v, err = p.next(); err != nil {
			return 0, false, err
		}
	}
	text, err := f.format(v)
	p.out.WriteString(text)
	return n + 1, named, err
}

func (p *percent) amount(s string, n int) (int, int, error) {
	if n < len(s) && s[n] == '*' {
		v, err := p.next()
		i, _ := v.(int64)
		return int(min(i, maxPad)), n + 1, err
	}
	start := n
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	if start == n {
		return -1, n, nil
	}
	width, err := strconv.Atoi(s[start:n])
	if err != nil || width > maxPad {
		return 0, n, Errorf("width too big")
	}
	return width, n, nil
}

type spec struct {
	flags            string
	width, precision int
	verb             byte
}

func (f spec) has(flag string) bool { return strings.Contains(f.flags, flag) }

func (f spec) format(v Value) (string, error) {
	v = forced(v)
	switch f.verb {
	case 's', 'r', 'a':
		text := Str(v)
		switch f.verb {
		case 'r':
			text = Repr(v)
		case 'a':
			text = ASCII(Repr(v))
		}
		if f.precision >= 0 && utf8.RuneCountInString(text) > f.precision {
			text = string([]rune(text)[:f.precision])
		}
		return f.pad("", text, false), nil
	case 'c':
		if i, ok := v.(int64); ok {
			return f.pad("", string(rune(i)), false), nil
		}
		return f.pad("", Str(v), false), nil
	case 'd', 'i', 'u', 'x', 'X', 'o':
		return f.integer(v)
	case 'f', 'F', 'e', 'E', 'g', 'G':
		return f.float(v)
	}
	return "", Errorf("unsupported format character '%c' (0x%x)", f.verb, f.verb)
}

func (f spec) integer(v Value) (string, error) {
	i, ok := Integer(v)
	if x, isFloat := v.(float64); isFloat && (f.verb == 'd' || f.verb == 'i' || f.verb == 'u') {
		i, _ = big.NewFloat(x).Int(nil)
		ok = true
	}
	if !ok {
		kind := "a real number is required"
		if f.verb != 'd' && f.verb != 'i' && f.verb != 'u' {
			kind = "an integer is required"
		}
		return "", &TypeError{fmt.Sprintf("%%%c format: %s, not %s", f.verb, kind, TypeName(v))}
	}
	base, prefix := 10, ""
	switch f.verb {
	case 'x', 'X':
		base, prefix = 16, "0"+string(f.verb)
	case 'o':
		base, prefix = 8, "0o"
	}
	if !f.has("#") {
		prefix = ""
	}
	text := new(big.Int).Abs(i).Text(base)
	if f.verb == 'X' {
		text = strings.ToUpper(text)
	}
	if f.precision > len(text) {
		text = strings.Repeat("0", f.precision-len(text)) + text
	}
	return f.pad(f.sign(i.Sign() < 0)+prefix, text, true), nil
}

func (f spec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case f.has("+"):
		return "+"
	case f.has(" "):
		return " "
	}
	return ""
}

func (f spec) float(v Value) (string, error) {
	x, ok := Float(v)
	if !ok {
		return "", &TypeError{"must be real number, not " + TypeName(v)}
	}
	precision := f.precision
	if precision < 0 {
		precision = 6
	}
	text := floatText(x, f.verb, precision)
	negative := strings.HasPrefix(text, "-")
	return f.pad(f.sign(negative), strings.TrimPrefix(text, "-"), true), nil
}

// floatText writes a float with C's verbs.
func floatText(x float64, verb byte, precision int) string {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		text := FloatText(x)
		if verb < 'a' {
			text = strings.ToUpper(text)
		}
		return text
	}
	if verb == 'F' {
		verb = 'f'
	}
	if verb == 'g' || verb == 'G' {
		return general(x, verb, max(precision, 1))
	}
	return strconv.FormatFloat(x, verb, precision, 64)
}

// general is C's %g: trailing zeros go, and the exponent has two digits at least.
func general(x float64, verb byte, precision int) string {
	text := strconv.FormatFloat(x, 'e', precision-1, 64)
	_, exponent, _ := strings.Cut(text, "e")
	power, err := strconv.Atoi(exponent)
	if err == nil && power >= -4 && power < precision {
		text = strconv.FormatFloat(x, 'f', precision-1-power, 64)
		if strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		return text
	}
	digits, exponent, found := strings.Cut(text, "e")
	if found && strings.Contains(digits, ".") {
		digits = strings.TrimRight(strings.TrimRight(digits, "0"), ".")
	}
	if found {
		text = digits + "e" + exponent
	}
	if verb == 'G' {
		text = strings.ToUpper(text)
	}
	return text
}

func (f spec) pad(sign, text string, zeros bool) string {
	n := f.width - utf8.RuneCountInString(sign) - utf8.RuneCountInString(text)
	switch {
	case n <= 0:
		return sign + text
	case f.has("-"):
		return sign + text + strings.Repeat(" ", n)
	case f.has("0") && zeros:
		return sign + strings.Repeat("0", n) + text
	}
	return strings.Repeat(" ", n) + sign + text
}

// ASCII is Python's ascii() of a text that is a repr already: other characters
// are escaped.
func ASCII(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}

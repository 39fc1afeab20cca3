package value

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Literal reads a Python literal, as ast.literal_eval does: numbers, text, bytes,
// lists, tuples, dictionaries, sets (as lists), True, False and None.
func Literal(text string) (Value, error) {
	return (&literalReader{s: text}).whole()
}

// JSONLiteral is Literal with JSON's true, false and null besides.
func JSONLiteral(text string) (Value, error) {
	return (&literalReader{s: text, more: map[string]Value{"true": true, "false": false, "null": nil}}).whole()
}

func (p *literalReader) whole() (Value, error) {
	p.space()
	v, err := p.read(0)
	if err != nil {
		return nil, err
	}
	p.space()
	if p.i < len(p.s) && p.s[p.i] == ',' { // a bare tuple
		return p.rest(v)
	}
	if p.i != len(p.s) {
		return nil, p.wrong()
	}
	return v, nil
}

type literalReader struct {
	s    string
	i    int
	more map[string]Value // names besides True, False and None
}

func (p *literalReader) wrong() error {
	return Errorf("invalid literal at character %d", p.i)
}

func (p *literalReader) space() {
	for p.i < len(p.s) && strings.IndexByte(" \t\n\r\f", p.s[p.i]) >= 0 {
		p.i++
	}
}

func (p *literalReader) rest(first Value) (Value, error) {
	items := []Value{first}
	for p.i < len(p.s) {
		if p.s[p.i] != ',' {
			return nil, p.wrong()
		}
		p.i++
		p.space()
		if p.i == len(p.s) {
			break
		}
		v, err := p.read(0)
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		p.space()
	}
	return NewTuple(items...), nil
}

func (p *literalReader) read(depth int) (Value, error) {
	if depth > maxLiteral {
		return nil, Errorf("too deeply nested")
	}
	if p.i >= len(p.s) {
		return nil, p.wrong()
	}
	switch c := p.s[p.i]; {
	case c == '[':
		items, _, err := p.list(']', depth)
		return &List{Items: items}, err
	case c == '(':
		items, comma, err := p.list(')', depth)
		if err == nil && len(items) == 1 && !comma {
			return items[0], nil
		}
		return &Tuple{Items: items}, err
	case c == '{':
		return p.braces(depth)
	case c == '\'' || c == '"':
		return p.strings()
	case (c == 'b' || c == 'B' || c == 'u' || c == 'U' || c == 'r' || c == 'R') && p.i+1 < len(p.s) && (p.s[p.i+1] == '\'' || p.s[p.i+1] == '"'):
		return p.strings()
	case c == '-' || c == '+':
		p.i++
		p.space()
		return p.signed(c, depth)
	case c >= '0' && c <= '9' || c == '.':
		return p.number()
	}
	return p.name()
}

// maxLiteral bounds the depth of literals.
const maxLiteral = 200

func (p *literalReader) signed(sign byte, depth int) (Value, error) {
	v, err := p.read(depth + 1)
	if err != nil || sign == '+' {
		return v, err
	}
	switch v := v.(type) {
	case int64:
		return -v, nil
	case float64:
		return -v, nil
	case *big.Int:
		return Int(new(big.Int).Neg(v)), nil
	}
	return nil, p.wrong()
}

func (p *literalReader) name() (Value, error) {
	start := p.i
	for p.i < len(p.s) && (p.s[p.i] == '_' || p.s[p.i] >= 'a' && p.s[p.i] <= 'z' || p.s[p.i] >= 'A' && p.s[p.i] <= 'Z' || p.s[p.i] >= '0' && p.s[p.i] <= '9') {
		p.i++
	}
	switch p.s[start:p.i] {
	case "True":
		return true, nil
	case "False":
		return false, nil
	case "None":
		return nil, nil
	}
	if v, ok := p.more[p.s[start:p.i]]; ok {
		return v, nil
	}
	return nil, p.wrong()
}

func (p *literalReader) list(end byte, depth int) (items []Value, comma bool, err error) {
	items = []Value{}
	p.i++
	for {
		p.space()
		if p.i < len(p.s) && p.s[p.i] == end {
			p.i++
			return items, comma, nil
		}
		if len(items) > 0 && !comma {
			return nil, false, p.wrong()
		}
		v, err := p.read(depth + 1)
		if err != nil {
			return nil, false, err
		}
		items = append(items, v)
		p.space()
		comma = p.i < len(p.s) && p.s[p.i] == ','
		if comma {
			p.i++
		}
	}
}

func (p *literalReader) braces(depth int) (Value, error) {
	p.i++
	d, set := NewDict(), NewList()
	for comma := true; ; {
		p.space()
		if p.i < len(p.s) && p.s[p.i] == '}' {
			p.i++
			if len(set.Items) > 0 {
				return set, nil
			}
			return d, nil
		}
		if !comma {
			return nil, p.wrong()
		}
		k, err := p.read(depth + 1)
		if err != nil {
			return nil, err
		}
		p.space()
		if p.i < len(p.s) && p.s[p.i] == ':' && len(set.Items) == 0 {
			p.i++
			p.space()
			v, err := p.read(depth + 1)
			if err != nil {
				return nil, err
			}
			if !Hashable(k) {
				return nil, p.wrong()
			}
			d.Set(k, v)
		} else if d.Len() == 0 {
			set.Items = append(set.Items, k)
		} else {
			return nil, p.wrong()
		}
		p.space()
		comma = p.i < len(p.s) && p.s[p.i] == ','
		if comma {
			p.i++
		}
	}
}

func (p *literalReader) number() (Value, error) {
	start := p.i
	for p.i < len(p.s) {
		c := p.s[p.i]
		exponent := p.i > start && (c == '+' || c == '-') && (p.s[p.i-1] == 'e' || p.s[p.i-1] == 'E') && !strings.HasPrefix(strings.ToLower(p.s[start:]), "0x")
		if c != '_' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !exponent {
			break
		}
		p.i++
	}
	return Number(p.s[start:p.i])
}

// Number reads a Python number without a sign.
func Number(text string) (Value, error) {
	bad := Errorf("invalid number %q", text)
	if strings.HasSuffix(text, "_") || strings.HasPrefix(text, "_") || strings.Contains(text, "__") {
		return nil, bad
	}
	digits := strings.ReplaceAll(text, "_", "")
	lower := strings.ToLower(digits)
	for prefix, base := range map[string]int{"0x": 16, "0o": 8, "0b": 2} {
		if rest, ok := strings.CutPrefix(lower, prefix); ok {
			if i, ok := new(big.Int).SetString(rest, base); ok {
				return Int(i), nil
			}
			return nil, bad
		}
	}
	if i, ok := new(big.Int).SetString(digits, 10); ok {
		if len(digits) > 1 && digits[0] == '0' && i.Sign() != 0 {
			return nil, bad // Python has no octals of this form
		}
		return Int(i), nil
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || strings.ContainsAny(lower, "pxin") {
		return nil, bad
	}
	return f, nil
}

// strings reads texts that stand side by side, which are one.
func (p *literalReader) strings() (Value, error) {
	var out strings.Builder
	isBytes := false
	for n := 0; ; n++ {
		prefix := p.i
		for p.i < len(p.s) && strings.IndexByte("bBuUrR", p.s[p.i]) >= 0 {
			p.i++
		}
		if p.i >= len(p.s) || p.s[p.i] != '\'' && p.s[p.i] != '"' {
			p.i = prefix
			break
		}
		kind := strings.ToLower(p.s[prefix:p.i])
		isBytes = isBytes || strings.Contains(kind, "b")
		if err := p.quoted(&out, strings.Contains(kind, "r"), isBytes); err != nil {
			return nil, err
		}
		p.space()
	}
	if isBytes {
		return Bytes(out.String()), nil
	}
	return out.String(), nil
}

func (p *literalReader) quoted(out *strings.Builder, raw, isBytes bool) error {
	q := p.s[p.i : p.i+1]
	if strings.HasPrefix(p.s[p.i:], q+q+q) {
		q = q + q + q
	}
	p.i += len(q)
	for p.i < len(p.s) {
		switch {
		case strings.HasPrefix(p.s[p.i:], q):
			p.i += len(q)
			return nil
		case p.s[p.i] == '\n' && len(q) == 1:
			return p.wrong()
		case p.s[p.i] == '\\' && !raw:
			n, err := Escape(out, p.s[p.i:], isBytes)
			if err != nil {
				return err
			}
			p.i += n
		default:
			out.WriteByte(p.s[p.i])
			p.i++
		}
	}
	return p.wrong()
}

// Escape writes what the escape at the beginning of s stands for in Python's
// texts and returns its length.
func Escape(out *strings.Builder, s string, isBytes bool) (int, error) {
	if len(s) < 2 {
		return 0, Errorf("a backslash at the end")
	}
	simple := map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': "\\", '\'': "'", '"': "\"", 'a': "\a", 'b': "\b", 'f': "\f", 'v': "\v", '\n': ""}
	if text, ok := simple[s[1]]; ok {
		out.WriteString(text)
		return 2, nil
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if s[1] != 'x' && isBytes {
		digits = 0
	}
	if digits > 0 {
		if len(s) < 2+digits {
			return 0, Errorf("truncated \\%c escape", s[1])
		}
		code, err := strconv.ParseUint(s[2:2+digits], 16, 32)
		if err != nil {
			return 0, Errorf("truncated \\%c escape", s[1])
		}
		if isBytes {
			out.WriteByte(byte(code))
		} else {
			out.WriteRune(rune(code))
		}
		return 2 + digits, nil
	}
	if s[1] >= '0' && s[1] <= '7' {
		n := 1
		code := 0
		for n < len(s) && n < 4 && s[n] >= '0' && s[n] <= '7' {
			code = code*8 + int(s[n]-'0')
			n++
		}
		out.WriteRune(rune(code))
		return n, nil
	}
	_, size := utf8.DecodeRuneInString(s[1:])
	out.WriteString(s[:1+size]) // Python leaves what it does not know
	return 1 + size, nil
}

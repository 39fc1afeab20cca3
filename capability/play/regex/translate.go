package regex

import (
	"fmt"
	"strconv"
	"strings"
)

// translator rewrites a pattern: groups get explicit numbers in Python's
// order, and what the two dialects write differently is rewritten.
type translator struct {
	in     []rune
	at     int
	out    strings.Builder
	flags  Flags
	groups int
	names  map[string]int
}

func (t *translator) translate() (string, error) {
	t.globalFlags()
	for t.at < len(t.in) {
		if err := t.one(); err != nil {
			return "", err
		}
	}
	return t.out.String(), nil
}

func (t *translator) rest(prefix string) bool {
	return strings.HasPrefix(string(t.in[t.at:min(t.at+len(prefix), len(t.in))]), prefix)
}

func (t *translator) trouble(at int, format string, args ...any) error {
	return fmt.Errorf("%s at position %d", fmt.Sprintf(format, args...), at)
}

// globalFlags takes flags such as (?im) from the beginning of the pattern.
func (t *translator) globalFlags() {
	for t.rest("(?") {
		end := t.at + 2
		for end < len(t.in) && strings.ContainsRune("aiLmsux", t.in[end]) {
			end++
		}
		if end == t.at+2 || end >= len(t.in) || t.in[end] != ')' {
			return
		}
		for _, r := range t.in[t.at+2 : end] {
			t.flags |= map[rune]Flags{'i': IgnoreCase, 'm': MultiLine, 's': DotAll, 'x': Verbose}[r]
		}
		t.at = end + 1
	}
}

func (t *translator) one() error {
	r := t.in[t.at]
	switch {
	case r == '\\':
		return t.escape()
	case r == '[':
		return t.class()
	case r == '(':
		return t.group()
	case t.flags&Verbose != 0 && strings.ContainsRune(" \t\n\r\f\v", r):
		t.at++
	case t.flags&Verbose != 0 && r == '#':
		for t.at < len(t.in) && t.in[t.at] != '\n' {
			t.at++
		}
	case r == '{' && t.rest("{,"):
		t.out.WriteString("{0,")
		t.at += 2
	default:
		t.literal(r)
		t.at++
	}
	return nil
}

// literal writes an element that the engine's parser must see as it is.
func (t *translator) literal(r rune) {
	if r >= escape && r <= escape+0xFF || r == '#' || r == ' ' {
		fmt.Fprintf(&t.out, `\u%04x`, r)
		return
	}
	t.out.WriteRune(r)
}

// plain writes an element that stands for itself only.
func (t *translator) plain(r rune) {
	switch {
	case r > 0xFFFF:
		t.out.WriteRune(r)
	case r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
		t.out.WriteRune(r)
	default:
		fmt.Fprintf(&t.out, `\u%04x`, r)
	}
}

// escape translates what begins with a backslash, outside of a class.
func (t *translator) escape() error {
	if t.at+1 >= len(t.in) {
		return t.trouble(t.at, `bad escape (end of pattern)`)
	}
	switch r := t.in[t.at+1]; {
	case r == 'Z':
		t.out.WriteString(`\z`)
	case strings.ContainsRune("AbBdDsSwW", r):
		t.out.WriteRune('\\')
		t.out.WriteRune(r)
	case r >= '1' && r <= '9' && !t.octal():
		return t.backreference()
	default:
		c, err := t.char()
		if err != nil {
			return err
		}
		t.plain(c)
		return nil
	}
	t.at += 2
	return nil
}

// octal says whether three octal digits follow the backslash: those are a character.
func (t *translator) octal() bool {
	if t.at+3 >= len(t.in) {
		return false
	}
	for i, r := range t.in[t.at+1 : t.at+4] {
		if r < '0' || r > '7' || i == 0 && r > '3' {
			return false
		}
	}
	return true
}

func (t *translator) backreference() error {
	end := t.at + 2
	if end < len(t.in) && t.in[end] >= '0' && t.in[end] <= '9' {
		end++
	}
	n, err := strconv.Atoi(string(t.in[t.at+1 : end]))
	if err != nil || n > t.groups {
		return t.trouble(t.at+1, "invalid group reference %d", n)
	}
	fmt.Fprintf(&t.out, `\k<%d>`, n)
	t.at = end
	return nil
}

// controls are the escapes that stand for one control character.
var controls = map[rune]rune{'a': 7, 'b': 8, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11, '\\': '\\'}

// char reads an escape that stands for one character, and steps over it.
func (t *translator) char() (rune, error) {
	start := t.at
	r := t.in[t.at+1]
	t.at += 2
	if c, known := controls[r]; known {
		return c, nil
	}
	if digits, hexadecimal := map[rune]int{'x': 2, 'u': 4, 'U': 8}[r]; hexadecimal {
		end := min(t.at+digits, len(t.in))
		n, err := strconv.ParseUint(string(t.in[t.at:end]), 16, 32)
		if err != nil || end-t.at < digits || n > 0x10FFFF {
			return 0, t.trouble(start, `incomplete escape \%s`, string(r)+string(t.in[t.at:end]))
		}
		t.at = end
		if t.flags&Bytes != 0 && n >= 0x80 {
			n += escape
		}
		return rune(n), nil
	}
	if r >= '0' && r <= '7' {
		end := t.at
		for end < len(t.in) && end < t.at+2 && t.in[end] >= '0' && t.in[end] <= '7' {
			end++
		}
		n, err := strconv.ParseUint(string(t.in[t.at-1:end]), 8, 32)
		t.at = end
		return rune(n), err
	}
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '8' || r == '9' {
		return 0, t.trouble(start, `bad escape \%c`, r)
	}
	return r, nil
}

// class translates [...].
func (t *translator) class() error {
	start := t.at
	t.at++
	t.out.WriteRune('[')
	if t.rest("^") {
		t.out.WriteRune('^')
		t.at++
	}
	for first := true; ; first = false {
		if t.at >= len(t.in) {
			return t.trouble(start, "unterminated character set")
		}
		if t.in[t.at] == ']' && !first {
			t.at++
			t.out.WriteRune(']')
			return nil
		}
		if err := t.item(); err != nil {
			return err
		}
	}
}

// item translates one character, class or range in [...].
func (t *translator) item() error {
	start := t.at
	low, isClass, err := t.element()
	if err != nil {
		return err
	}
	if !(t.rest("-") && t.at+1 < len(t.in) && t.in[t.at+1] != ']') {
		if isClass {
			t.out.WriteString(`\` + string(low))
		} else {
			t.plain(low)
		}
		return nil
	}
	t.at++
	high, alsoClass, err := t.element()
	if err != nil {
		return err
	}
	if isClass || alsoClass || high < low {
		return t.trouble(start, "bad character range %s", string(t.in[start:t.at]))
	}
	t.plain(low)
	t.out.WriteRune('-')
	t.plain(high)
	return nil
}

// element reads a character or, with true, the letter of a class such as \d.
func (t *translator) element() (rune, bool, error) {
	r := t.in[t.at]
	if r != '\\' {
		t.at++
		return r, false, nil
	}
	if t.at+1 >= len(t.in) {
		return 0, false, t.trouble(t.at, "bad escape (end of pattern)")
	}
	if r = t.in[t.at+1]; strings.ContainsRune("dDsSwW", r) {
		t.at += 2
		return r, true, nil
	}
	c, err := t.char()
	return c, false, err
}

// until reads up to and over a character.
func (t *translator) until(end rune) (string, error) {
	for i := t.at; i < len(t.in); i++ {
		if t.in[i] == end {
			text := string(t.in[t.at:i])
			t.at = i + 1
			return text, nil
		}
	}
	return "", t.trouble(t.at, "missing %c, unterminated name", end)
}

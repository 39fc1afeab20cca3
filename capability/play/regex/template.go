package regex

import (
	"fmt"
	"strconv"
	"strings"
)

// part is a piece of a template: text, or a group where group is not negative.
type part struct {
	text  string
	group int
}

// Expand fills a template with what the groups matched; a group that took no
// part is empty.
func (m *Match) Expand(template string) (string, error) {
	parts, err := m.of.template(template)
	if err != nil {
		return "", err
	}
	return m.fill(parts), nil
}

func (m *Match) fill(parts []part) string {
	var out strings.Builder
	for _, p := range parts {
		if p.group < 0 {
			out.WriteString(p.text)
			continue
		}
		text, _ := m.Group(p.group)
		out.WriteString(text)
	}
	return out.String()
}

// template reads \1, \g<1>, \g<name>, \n and the like, and octal numbers.
func (r *Regexp) template(text string) ([]part, error) {
	var parts []part
	for text0 := text; text != ""; {
		at := strings.IndexByte(text, '\\')
		if at < 0 {
			return append(parts, part{text, -1}), nil
		}
		if at > 0 {
			parts = append(parts, part{text[:at], -1})
		}
		p, size, err := r.escaped(text[at:])
		if err != nil {
			return nil, fmt.Errorf("%w at position %d", err, len(text0)-len(text)+at)
		}
		parts = append(parts, p)
		text = text[at+size:]
	}
	return parts, nil
}

// escaped reads one escape and says how long it is.
func (r *Regexp) escaped(text string) (part, int, error) {
	if len(text) < 2 {
		return part{}, 0, fmt.Errorf("bad escape (end of pattern)")
	}
	c := rune(text[1])
	switch {
	case c == 'g':
		return r.reference(text)
	case c >= '0' && c <= '9':
		return r.digits(text)
	}
	if control, known := controls[c]; known {
		return part{string(control), -1}, 2, nil
	}
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		return part{}, 0, fmt.Errorf(`bad escape \%c`, c)
	}
	return part{text[:1], -1}, 1, nil
}

func (r *Regexp) reference(text string) (part, int, error) {
	name, _, closed := strings.Cut(strings.TrimPrefix(text[2:], "<"), ">")
	if !strings.HasPrefix(text[2:], "<") {
		return part{}, 0, fmt.Errorf("missing <")
	}
	if !closed {
		return part{}, 0, fmt.Errorf("missing >, unterminated name")
	}
	size := len(`\g<>`) + len(name)
	if n, known := r.names[name]; known {
		return part{group: n}, size, nil
	}
	n, err := strconv.Atoi(name)
	switch {
	case err != nil || n < 0:
		return part{}, 0, fmt.Errorf("unknown group name '%s'", name)
	case n > r.groups:
		return part{}, 0, fmt.Errorf("invalid group reference %d", n)
	}
	return part{group: n}, size, nil
}

// digits reads \0 and three octal digits as a character, and else one or two
// digits as a group.
func (r *Regexp) digits(text string) (part, int, error) {
	n := 1
	for n < len(text) && n < 4 && text[n] >= '0' && text[n] <= '7' {
		n++
	}
	if text[1] == '0' || n == 4 {
		if text[1] == '0' {
			n = min(n, 3)
		}
		value, err := strconv.ParseUint(text[1:n], 8, 8)
		if err != nil {
			return part{}, 0, fmt.Errorf(`octal escape value %s outside of range 0-0o377`, text[:n])
		}
		if r.flags&Bytes != 0 {
			return part{string([]byte{byte(value)}), -1}, n, nil
		}
		return part{string(rune(value)), -1}, n, nil
	}
	size := 2
	if len(text) > 2 && text[2] >= '0' && text[2] <= '9' {
		size = 3
	}
	group, err := strconv.Atoi(text[1:size])
	if err != nil || group > r.groups {
		return part{}, 0, fmt.Errorf("invalid group reference %d", group)
	}
	return part{group: group}, size, nil
}

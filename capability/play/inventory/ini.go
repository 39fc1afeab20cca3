package inventory

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// Error says what is wrong with an inventory file, and where.
type Error struct {
	File    string
	Line    int
	Message string
}

func (e *Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message) }

var section = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)

// INI reads an inventory in the INI format.
func (i *Inventory) INI(file, text string) error {
	p := &iniReader{inventory: i, file: file, group: "ungrouped", pending: map[string]int{}}
	for line := range strings.Lines(text) {
		p.line++
		if err := p.read(strings.TrimSpace(line)); err != nil {
			return err
		}
	}
	for name, line := range p.pending {
		return &Error{file, line, fmt.Sprintf("Section [%s:vars] includes undefined group: %s", name, name)}
	}
	return nil
}

type iniReader struct {
	inventory *Inventory
	file      string
	line      int
	group     string
	kind      string         // "", "vars" or "children"
	pending   map[string]int // groups that have variables but were not named yet
}

func (p *iniReader) fail(format string, args ...any) error {
	return &Error{p.file, p.line, fmt.Sprintf(format, args...)}
}

func (p *iniReader) read(line string) error {
	if line == "" || line[0] == '#' || line[0] == ';' {
		return nil
	}
	if m := section.FindStringSubmatch(line); m != nil {
		return p.section(m[1], m[2])
	}
	if line[0] == '[' && strings.HasSuffix(line, "]") {
		return p.fail("Invalid section entry: '%s'. Please make sure that there are no spaces in the section entry, and that there are no other invalid characters", line)
	}
	switch p.kind {
	case "vars":
		key, v, ok := strings.Cut(line, "=")
		if !ok {
			return p.fail("Expected key=value, got: %s", line)
		}
		p.inventory.group(p.group).Vars.SetStr(strings.TrimSpace(key), Literal(strings.TrimSpace(v)))
		return nil
	case "children":
		name := strings.Fields(line)[0]
		if !p.inventory.child(p.group, name) {
			return p.fail("can't add group to itself: %s in %s", name, p.group)
		}
		delete(p.pending, name)
		return nil
	}
	return p.host(line)
}

func (p *iniReader) section(name, kind string) error {
	switch kind {
	case "", "children":
		p.inventory.group(name)
		delete(p.pending, name)
	case "vars":
		if _, ok := p.inventory.groups[name]; !ok {
			p.pending[name] = p.line
		}
	default:
		return p.fail("Section [%s:%s] has unknown type: %s", name, kind, kind)
	}
	p.group, p.kind = name, kind
	return nil
}

func (p *iniReader) host(line string) error {
	words, err := shellWords(line)
	if err != nil {
		return p.fail("Error parsing host definition '%s': %s", line, err)
	}
	names, port, err := Expand(words[0])
	if err != nil {
		return p.fail("%s", err)
	}
	vars := value.NewDict()
	for _, w := range words[1:] {
		key, v, ok := strings.Cut(w, "=")
		if !ok {
			return p.fail("Expected key=value host variable assignment, got: %s", w)
		}
		vars.SetStr(key, Literal(v))
	}
	for _, name := range names {
		h := p.inventory.host(name)
		p.inventory.member(p.group, name)
		if port != 0 {
			h.Vars.SetStr("ansible_port", int64(port))
		}
		for k, v := range vars.All() {
			h.Vars.Set(k, v)
		}
	}
	return nil
}

// Literal reads a variable of an INI file: a Python literal where it is one, else text.
func Literal(text string) value.Value {
	if text == "" || strings.HasPrefix(text, "#") {
		return ""
	}
	if v, err := value.Literal(text); err == nil {
		return v
	}
	return text
}

// shellWords splits a host's line as a shell would, up to a comment.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote byte
	begun := false
	flush := func() {
		if begun {
			words = append(words, word.String())
			word.Reset()
			begun = false
		}
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == '"' && c == '\\' && i+1 < len(line) && (line[i+1] == '"' || line[i+1] == '\\'):
			i++
			word.WriteByte(line[i])
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, begun = c, true
		case c == '\\' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
			begun = true
		case c == ' ' || c == '\t':
			flush()
		case c == '#' && !begun:
			flush()
			return words, nil
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, value.Errorf("No closing quotation")
	}
	flush()
	return words, nil
}

// maxHosts bounds what one pattern may stand for.
const maxHosts = 1_000_000

var withPort = regexp.MustCompile(`^(?:\[([0-9a-fA-F:.]+)\]|([^\[\]:]+(?:\[[^\]]*\][^\[\]:]*)*)):(\d+)$`)

// Expand returns the hosts that an entry stands for, with ranges such as
// web[01:20:2].example.org or db[a:c], and the port that it ends with.
func Expand(pattern string) (names []string, port int, err error) {
	if m := withPort.FindStringSubmatch(pattern); m != nil {
		if n, err := strconv.Atoi(m[3]); err == nil && n < 1<<16 {
			port, pattern = n, m[1]+m[2]
		}
	}
	names, err = ranges(pattern)
	return names, port, err
}

func ranges(pattern string) ([]string, error) {
	open := strings.IndexByte(pattern, '[')
	end := strings.IndexByte(pattern, ']')
	if open < 0 || end < open || !strings.Contains(pattern[open:end], ":") {
		return []string{pattern}, nil
	}
	head, body, tail := pattern[:open], pattern[open+1:end], pattern[end+1:]
	parts := strings.Split(body, ":")
	if len(parts) != 2 && len(parts) != 3 {
		return nil, fmt.Errorf("host range must be begin:end or begin:end:step")
	}
	step := 1
	if len(parts) == 3 {
		n, err := strconv.Atoi(parts[2])
		if err != nil || n < 1 {
			return nil, fmt.Errorf("host range has an invalid step: %s", parts[2])
		}
		step = n
	}
	middle, err := sequence(parts[0], parts[1], step)
	if err != nil {
		return nil, err
	}
	rest, err := ranges(tail)
	if err != nil {
		return nil, err
	}
	if len(middle)*len(rest) > maxHosts {
		return nil, fmt.Errorf("the range %s stands for too many hosts", pattern)
	}
	out := make([]string, 0, len(middle)*len(rest))
	for _, m := range middle {
		for _, r := range rest {
			out = append(out, head+m+r)
		}
	}
	return out, nil
}

func sequence(begin, end string, step int) ([]string, error) {
	if begin == "" {
		begin = "0"
	}
	if end == "" {
		return nil, fmt.Errorf("host range must specify end value")
	}
	var out []string
	if isLetter(begin) && isLetter(end) {
		for c := int(begin[0]); c <= int(end[0]); c += step {
			out = append(out, string(rune(c)))
		}
		if begin[0] > end[0] {
			return nil, fmt.Errorf("host range must have begin <= end")
		}
		return out, nil
	}
	from, err1 := strconv.Atoi(begin)
	to, err2 := strconv.Atoi(end)
	switch {
	case err1 != nil || err2 != nil:
		return nil, fmt.Errorf("invalid range: %s:%s", begin, end)
	case from > to:
		return nil, fmt.Errorf("host range must have begin <= end")
	case len(begin) > 1 && begin[0] == '0' && len(begin) != len(end):
		return nil, fmt.Errorf("host range must specify equal-length begin and end formats")
	case (to-from)/step > maxHosts:
		return nil, fmt.Errorf("the range %s:%s stands for too many hosts", begin, end)
	}
	width := 0
	if begin[0] == '0' && len(begin) > 1 {
		width = len(begin)
	}
	for n := from; n <= to; n += step {
		out = append(out, fmt.Sprintf("%0*d", width, n))
	}
	return out, nil
}

func isLetter(s string) bool {
	return len(s) == 1 && (s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
}

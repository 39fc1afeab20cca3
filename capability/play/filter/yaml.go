package filter

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

// toYAML writes a value as PyYAML does: nice has an indent of four and no
// collections within a line.
func toYAML(v value.Value, a *value.Args, nice bool) (value.Value, error) {
	y := &yamlWriter{indentBy: 2, width: 80, sort: true, flow: !nice, whitespace: true, indention: true, indent: -1}
	if nice {
		y.indentBy = 4
	}
	for k, o := range a.Named.All() {
		switch value.Str(k) {
		case "indent":
			if n := whole(o, y.indentBy); n > 1 && n < 10 {
				y.indentBy = n
			}
		case "width":
			y.width = whole(o, y.width)
			if f, ok := o.(float64); ok && math.IsInf(f, 1) {
				y.width = math.MaxInt
			}
		case "sort_keys":
			y.sort = value.Truth(o)
		case "default_flow_style":
			y.flow, y.allFlow = o == nil, o != nil && value.Truth(o)
		case "default_style":
			y.style = value.Str(o)
		case "explicit_start":
			if value.Truth(o) {
				y.out.WriteString("---\n")
			}
		}
	}
	if err := y.count(v, 0); err != nil {
		return nil, err
	}
	if err := y.node(v, place{root: true}); err != nil {
		return nil, err
	}
	text := y.out.String()
	if y.openEnded {
		return text + "\n...\n", nil
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text, nil
}

// YAML writes a value as to_nice_yaml does, with an indent. What cannot be written
// is written as text.
func YAML(v value.Value, indent int) string {
	out, err := toYAML(v, &value.Args{Named: value.DictOf("indent", int64(indent))}, true)
	if err != nil {
		return value.Str(v)
	}
	return value.Str(out)
}

// yamlWriter is PyYAML's emitter for what Ansible writes.
type yamlWriter struct {
	out       strings.Builder
	indentBy  int
	width     int
	sort      bool
	flow      bool // collections of scalars stand within a line
	allFlow   bool
	style     string
	openEnded bool

	column                int
	indent                int // -1 at the root
	whitespace, indention bool
	flowLevel             int
	seen                  map[any]int
	anchors               map[any]string
	told                  map[any]bool
	next                  int
}

// place is where a node stands.
type place struct{ root, sequence, mapping, key bool }

// maxYAML bounds how deep values may nest.
const maxYAML = 1000

// count finds what stands more than once, to write it once.
func (y *yamlWriter) count(v value.Value, depth int) error {
	if depth > maxYAML {
		return value.Errorf("maximum recursion depth exceeded")
	}
	if y.seen == nil {
		y.seen, y.anchors, y.told = map[any]int{}, map[any]string{}, map[any]bool{}
	}
	again := func(p any) bool {
		y.seen[p]++
		if y.seen[p] == 2 {
			y.next++
			y.anchors[p] = fmt.Sprintf("id%03d", y.next)
		}
		return y.seen[p] > 1
	}
	switch c := v.(type) {
	case *value.List:
		if again(c) {
			return nil
		}
		for _, i := range c.Items {
			if err := y.count(i, depth+1); err != nil {
				return err
			}
		}
	case *value.Dict:
		if again(c) {
			return nil
		}
		for _, pair := range y.pairs(c) {
			if err := y.count(pair[1], depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (y *yamlWriter) pairs(d *value.Dict) [][2]value.Value {
	out := make([][2]value.Value, 0, d.Len())
	for k, v := range d.All() {
		out = append(out, [2]value.Value{k, v})
	}
	if y.sort {
		sorted := slices.Clone(out)
		failed := false
		slices.SortStableFunc(sorted, func(a, b [2]value.Value) int {
			n, err := value.Compare(a[0], b[0], "<")
			failed = failed || err != nil
			return n
		})
		if !failed {
			return sorted
		}
	}
	return out
}

func (y *yamlWriter) node(v value.Value, at place) error {
	forced, err := value.Force(v)
	if err != nil {
		return err
	}
	switch c := forced.(type) {
	case *value.List:
		return y.anchored(c, at, func() error { return y.sequence(c.Items, at) })
	case *value.Tuple:
		return y.sequence(c.Items, at)
	case *value.Dict:
		return y.anchored(c, at, func() error { return y.mapping(y.pairs(c), at) })
	case value.Mapping:
		d, err := value.ToDict(c)
		if err != nil {
			return err
		}
		return y.mapping(y.pairs(d), at)
	case *value.Undefined:
		return undefined(c)
	}
	return y.scalar(forced, at)
}

func (y *yamlWriter) anchored(p any, _ place, write func() error) error {
	name := y.anchors[p]
	if name == "" {
		return write()
	}
	if y.told[p] {
		y.indicator("*"+name, true, false, false)
		return nil
	}
	y.told[p] = true
	y.indicator("&"+name, true, false, false)
	return write()
}

func plainScalar(v value.Value) bool {
	switch v.(type) {
	case *value.List, *value.Dict, *value.Tuple, value.Mapping:
		return false
	}
	return true
}

func (y *yamlWriter) inLine(values []value.Value) bool {
	if y.allFlow || y.flowLevel > 0 || len(values) == 0 {
		return true
	}
	return y.flow && !slices.ContainsFunc(values, func(v value.Value) bool { return !plainScalar(v) })
}

func (y *yamlWriter) increase(flow, indentless bool) int {
	before := y.indent
	switch {
	case y.indent < 0 && flow:
		y.indent = y.indentBy
	case y.indent < 0:
		y.indent = 0
	case !indentless:
		y.indent += y.indentBy
	}
	return before
}

func (y *yamlWriter) sequence(items []value.Value, at place) error {
	if y.inLine(items) {
		return y.flowSequence(items)
	}
	before := y.increase(false, at.mapping && !y.indention)
	for _, i := range items {
		y.writeIndent()
		y.indicator("-", true, false, true)
		if err := y.node(i, place{sequence: true}); err != nil {
			return err
		}
	}
	y.indent = before
	return nil
}

func (y *yamlWriter) flowSequence(items []value.Value) error {
	y.indicator("[", true, true, false)
	y.flowLevel++
	before := y.increase(true, false)
	for i, item := range items {
		if i > 0 {
			y.indicator(",", false, false, false)
		}
		if y.column > y.width {
			y.writeIndent()
		}
		if err := y.node(item, place{sequence: true}); err != nil {
			return err
		}
	}
	y.indent = before
	y.flowLevel--
	y.indicator("]", false, false, false)
	return nil
}

func (y *yamlWriter) mapping(pairs [][2]value.Value, at place) error {
	values := make([]value.Value, 0, 2*len(pairs))
	for _, p := range pairs {
		values = append(values, p[0], p[1])
	}
	flow := y.inLine(values)
	if flow {
		y.indicator("{", true, true, false)
		y.flowLevel++
	}
	before := y.increase(flow, false)
	for i, p := range pairs {
		if flow && i > 0 {
			y.indicator(",", false, false, false)
		}
		if !flow || y.column > y.width {
			y.writeIndent()
		}
		if err := y.pair(p); err != nil {
			return err
		}
	}
	y.indent = before
	if flow {
		y.flowLevel--
		y.indicator("}", false, false, false)
	}
	return nil
}

func (y *yamlWriter) pair(p [2]value.Value) error {
	text := value.Str(p[0])
	if simple := plainScalar(p[0]) && len([]rune(text)) < 128 && !strings.ContainsAny(text, "\n\u0085\u2028\u2029"); simple {
		if err := y.node(p[0], place{mapping: true, key: true}); err != nil {
			return err
		}
		y.indicator(":", false, false, false)
		return y.node(p[1], place{mapping: true})
	}
	y.indicator("?", true, false, true)
	if err := y.node(p[0], place{mapping: true}); err != nil {
		return err
	}
	if y.flowLevel == 0 {
		y.writeIndent()
	}
	y.indicator(":", true, false, true)
	return y.node(p[1], place{mapping: true})
}

func (y *yamlWriter) scalar(v value.Value, at place) error {
	before := y.increase(true, false)
	defer func() { y.indent = before }()
	switch s := v.(type) {
	case string:
		y.text(s, at)
		return nil
	case value.Unsafe:
		y.text(string(s), at)
		return nil
	case value.Markup:
		y.text(string(s), at)
		return nil
	case nil:
		y.plain("null", at)
	case bool:
		y.plain(strings.ToLower(value.Str(s)), at)
	case int64, *big.Int:
		y.plain(value.Str(s), at)
	case float64:
		y.plain(floatText(s), at)
	case value.Bytes:
		y.indicator("!!binary", true, false, false)
		y.plain("|\n  "+base64.StdEncoding.EncodeToString([]byte(s)), at)
	case value.Time:
		y.plain(value.Str(s), at)
	default:
		y.text(value.Str(v), at)
	}
	return nil
}

func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return ".nan"
	case math.IsInf(f, 1):
		return ".inf"
	case math.IsInf(f, -1):
		return "-.inf"
	}
	text := value.FloatText(f)
	if !strings.Contains(text, ".") {
		text = strings.Replace(text, "e", ".0e", 1)
	}
	return text
}

func (y *yamlWriter) text(s string, at place) {
	a := analyze(s)
	_, isText := source.Resolve(s).(string)
	implicit := isText && s != "<<" && s != "=" && s != ""
	plain := a.blockPlain
	if y.flowLevel > 0 {
		plain = a.flowPlain
	}
	switch {
	case y.style == `"`:
		y.doubleQuoted(s, !at.key)
	case y.style == "" && implicit && !(at.key && a.multiline) && plain:
		y.plain(s, at)
	case a.single && !(at.key && a.multiline):
		y.singleQuoted(s, !at.key)
	default:
		y.doubleQuoted(s, !at.key)
	}
}

// write puts text out and keeps the column.
func (y *yamlWriter) write(s string) {
	y.out.WriteString(s)
	y.column += len([]rune(s))
}

func (y *yamlWriter) indicator(s string, needSpace, whitespace, indention bool) {
	if !y.whitespace && needSpace {
		y.write(" ")
	}
	y.whitespace = whitespace
	y.indention = y.indention && indention
	y.openEnded = false
	y.write(s)
}

func (y *yamlWriter) writeIndent() {
	indent := max(0, y.indent)
	if !y.indention || y.column > indent || y.column == indent && !y.whitespace {
		y.lineBreak()
	}
	if y.column < indent {
		y.whitespace = true
		y.write(strings.Repeat(" ", indent-y.column))
	}
}

func (y *yamlWriter) lineBreak() {
	y.whitespace, y.indention = true, true
	y.column = 0
	y.out.WriteByte('\n')
}

func isBreak(r rune) bool { return r == '\n' || r == '\u0085' || r == '\u2028' || r == '\u2029' }

// plain writes text without quotes, broken at single blanks behind the width.
func (y *yamlWriter) plain(s string, at place) {
	if at.root {
		y.openEnded = true
	}
	if s == "" {
		return
	}
	if !y.whitespace {
		y.write(" ")
	}
	y.whitespace, y.indention = false, false
	y.wrapped([]rune(s), !at.key, func(start, end, n int) bool { return true })
}

// wrapped writes runs of text and of blanks; a single blank behind the width
// becomes a line break where that is allowed.
func (y *yamlWriter) wrapped(text []rune, split bool, may func(start, end, n int) bool) {
	start, spaces := 0, false
	for end := 0; end <= len(text); end++ {
		atEnd := end == len(text)
		switch {
		case spaces && (atEnd || text[end] != ' '):
			if start+1 == end && y.column > y.width && split && may(start, end, len(text)) {
				y.writeIndent()
				y.whitespace, y.indention = false, false
			} else {
				y.write(string(text[start:end]))
			}
			start = end
		case !spaces && (atEnd || text[end] == ' '):
			y.write(string(text[start:end]))
			start = end
		}
		if !atEnd {
			spaces = text[end] == ' '
		}
	}
}

func (y *yamlWriter) singleQuoted(s string, split bool) {
	y.indicator("'", true, false, false)
	text := []rune(s)
	start := 0
	spaces, breaks := false, false
	for end := 0; end <= len(text); end++ {
		atEnd := end == len(text)
		var r rune
		if !atEnd {
			r = text[end]
		}
		switch {
		case spaces:
			if atEnd || r != ' ' {
				if start+1 == end && y.column > y.width && split && start != 0 && end != len(text) {
					y.writeIndent()
				} else {
					y.write(string(text[start:end]))
				}
				start = end
			}
		case breaks:
			if atEnd || !isBreak(r) {
				if text[start] == '\n' {
					y.lineBreak()
				}
				for range text[start:end] {
					y.lineBreak()
				}
				y.writeIndent()
				start = end
			}
		case atEnd || r == ' ' || isBreak(r) || r == '\'':
			if start < end {
				y.write(string(text[start:end]))
				start = end
			}
		}
		if !atEnd && r == '\'' {
			y.write("''")
			start = end + 1
		}
		if !atEnd {
			spaces, breaks = r == ' ', isBreak(r)
		}
	}
	y.indicator("'", false, false, false)
}

// escapes are the short escapes of double-quoted text.
var escapes = map[rune]string{
	0: "0", '\a': "a", '\b': "b", '\t': "t", '\n': "n", '\v': "v", '\f': "f", '\r': "r", 0x1b: "e", '"': `"`, '\\': `\`, 0x85: "N", 0xa0: "_", 0x2028: "L", 0x2029: "P",
}

func escaped(r rune) string {
	if e, ok := escapes[r]; ok {
		return `\` + e
	}
	switch {
	case r <= 0xff:
		return fmt.Sprintf(`\x%02X`, r)
	case r <= 0xffff:
		return fmt.Sprintf(`\u%04X`, r)
	}
	return fmt.Sprintf(`\U%08X`, r)
}

func printable(r rune) bool {
	return r >= ' ' && r <= '~' || r >= 0xa0 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000
}

func (y *yamlWriter) doubleQuoted(s string, split bool) {
	y.indicator(`"`, true, false, false)
	text := []rune(s)
	start := 0
	for end := 0; end <= len(text); end++ {
		atEnd := end == len(text)
		if atEnd || strings.ContainsRune("\"\\\u0085\u2028\u2029\ufeff", text[end]) || !printable(text[end]) {
			if start < end {
				y.write(string(text[start:end]))
				start = end
			}
			if !atEnd {
				y.write(escaped(text[end]))
				start = end + 1
			}
		}
		if 0 < end && end < len(text)-1 && (text[end] == ' ' || start >= end) && y.column+(end-start) > y.width && split {
			data := ""
			if start < end {
				data = string(text[start:end])
				start = end
			}
			y.write(data + `\`)
			y.writeIndent()
			y.whitespace, y.indention = false, false
			if text[start] == ' ' {
				y.write(`\`)
			}
		}
	}
	y.indicator(`"`, false, false, false)
}

// analysis says in which styles text can be written.
type analysis struct{ multiline, flowPlain, blockPlain, single bool }

func blank(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == 0 || isBreak(r) }

func analyze(s string) analysis {
	if s == "" {
		return analysis{blockPlain: true, single: true}
	}
	text := []rune(s)
	var flowIndicator, blockIndicator, breaks, special, leading, trailing, breakSpace, spaceBreak bool
	if strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		flowIndicator, blockIndicator = true, true
	}
	previousSpace, previousBreak, preceded := false, false, true
	for i, r := range text {
		followed := i+1 >= len(text) || blank(text[i+1])
		f, b := indicators(r, i == 0, preceded, followed)
		flowIndicator, blockIndicator = flowIndicator || f, blockIndicator || b
		breaks = breaks || isBreak(r)
		special = special || r != '\n' && !printable(r) || r == 0xfeff || r == 0x85
		edge := r == ' ' || isBreak(r)
		leading = leading || edge && i == 0
		trailing = trailing || edge && i == len(text)-1
		switch {
		case r == ' ':
			breakSpace = breakSpace || previousBreak
			previousSpace, previousBreak = true, false
		case isBreak(r):
			spaceBreak = spaceBreak || previousSpace
			previousSpace, previousBreak = false, true
		default:
			previousSpace, previousBreak = false, false
		}
		preceded = blank(r)
	}
	plain := !leading && !trailing && !breakSpace && !spaceBreak && !special && !breaks
	return analysis{multiline: breaks, flowPlain: plain && !flowIndicator, blockPlain: plain && !blockIndicator, single: !breakSpace && !spaceBreak && !special}
}

// indicators says whether a character keeps text from being plain, within a line
// and in a block.
func indicators(r rune, first, preceded, followed bool) (flow, block bool) {
	if first {
		switch {
		case strings.ContainsRune("#,[]{}&*!|>'\"%@`", r):
			return true, true
		case r == '?' || r == ':':
			return true, followed
		case r == '-' && followed:
			return true, true
		}
		return false, false
	}
	switch {
	case strings.ContainsRune(",?[]{}", r):
		return true, false
	case r == ':':
		return true, followed
	case r == '#' && preceded:
		return true, true
	}
	return false, false
}

package jinja

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"garboard.dev/garboard/capability/play/value"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenData
	tokenVariableStart
	tokenVariableEnd
	tokenBlockStart
	tokenBlockEnd
	tokenName
	tokenText
	tokenNumber
	tokenOperator
)

type token struct {
	kind  tokenKind
	text  string
	value value.Value // of numbers
	line  int
}

// describe names a token as Jinja2's errors do.
func (t token) describe() string {
	switch t.kind {
	case tokenEnd:
		return "'end of template'"
	case tokenVariableEnd:
		return "'end of print statement'"
	case tokenBlockEnd:
		return "'end of statement block'"
	case tokenText:
		return "'string'"
	case tokenNumber:
		if _, ok := t.value.(float64); ok {
			return "'float'"
		}
		return "'integer'"
	}
	return quoted(t.text)
}

// lexer splits a template into tokens.
type lexer struct {
	env    *Environment
	name   string
	source string
	at     int
	line   int
	tokens []token
}

func (l *lexer) fail(format string, args ...any) error {
	return &Error{Kind: Syntax, Name: l.name, Line: l.line, Message: fmt.Sprintf(format, args...)}
}

func (l *lexer) add(kind tokenKind, text string) {
	l.tokens = append(l.tokens, token{kind: kind, text: text, line: l.line})
}

// delimiter is one way in which a template leaves text.
type delimiter struct {
	kind  byte // 'b' block, 'v' variable, 'c' comment, 's' line statement, 'l' line comment
	start string
	at    int
}

func (l *lexer) all() ([]token, error) {
	if !l.env.KeepTrailingNewline {
		switch {
		case strings.HasSuffix(l.source, "\r\n"):
			l.source = l.source[:len(l.source)-2]
		case strings.HasSuffix(l.source, "\n"), strings.HasSuffix(l.source, "\r"):
			l.source = l.source[:len(l.source)-1]
		}
	}
	l.source = newlines(l.source, orElse(l.env.Newline, "\n"))
	for l.at < len(l.source) {
		d, found := l.next()
		if !found {
			l.text(l.source[l.at:], false)
			break
		}
		if err := l.enter(d); err != nil {
			return nil, err
		}
	}
	l.add(tokenEnd, "")
	return l.tokens, nil
}

func newlines(s, with string) string {
	if strings.Contains(s, "\r") {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	}
	if with != "\n" {
		s = strings.ReplaceAll(s, "\n", with)
	}
	return s
}

// next finds where the text ends: at the first delimiter, and of those that
// begin at the same place at the longest.
func (l *lexer) next() (delimiter, bool) {
	e := l.env
	candidates := []delimiter{
		{kind: 'c', start: orElse(e.CommentStart, "{#")}, {kind: 'b', start: orElse(e.BlockStart, "{%")}, {kind: 'v', start: orElse(e.VariableStart, "{{")},
	}
	best, found := delimiter{}, false
	rest := l.source[l.at:]
	for _, c := range candidates {
		if c.at = strings.Index(rest, c.start); c.at < 0 {
			continue
		}
		if !found || c.at < best.at || c.at == best.at && len(c.start) > len(best.start) {
			best, found = c, true
		}
	}
	for kind, prefix := range map[byte]string{'s': e.LineStatementPrefix, 'l': e.LineCommentPrefix} {
		if prefix == "" {
			continue
		}
		if at := l.linePrefix(prefix, kind == 'l'); at >= 0 && (!found || at < best.at || at == best.at && len(prefix) > len(best.start)) {
			best, found = delimiter{kind: kind, start: prefix, at: at}, true
		}
	}
	best.at += l.at
	return best, found
}

// linePrefix finds a line that begins with prefix behind blanks, or for comments
// the prefix anywhere behind a blank.
func (l *lexer) linePrefix(prefix string, anywhere bool) int {
	rest := l.source[l.at:]
	for from := 0; ; {
		at := strings.Index(rest[from:], prefix)
		if at < 0 {
			return -1
		}
		at += from
		begin := strings.LastIndexByte(l.source[:l.at+at], '\n') + 1
		before := l.source[begin : l.at+at]
		if strings.TrimLeft(before, " \t\v") == "" && begin >= l.at-len(before) || anywhere {
			return at
		}
		from = at + len(prefix)
	}
}

// text adds literal text. strip removes blanks at its end.
func (l *lexer) text(s string, strip bool) {
	out := s
	if strip {
		out = strings.TrimRightFunc(s, unicode.IsSpace)
	}
	if out != "" {
		l.add(tokenData, out)
	}
	l.line += strings.Count(s, "\n")
}

func (l *lexer) enter(d delimiter) error {
	data := l.source[l.at:d.at]
	after := d.at + len(d.start)
	sign := byte(0)
	if after < len(l.source) && (l.source[after] == '-' || l.source[after] == '+') && d.kind != 's' && d.kind != 'l' {
		sign = l.source[after]
		after++
	}
	lineStart := l.at == 0 || l.source[l.at-1] == '\n'
	if l.env.LstripBlocks && sign == 0 && d.kind != 'v' || d.kind == 's' {
		data = l.stripLine(data, lineStart)
	}
	if d.kind == 'l' { // the blanks before a comment belong to it
		data = strings.TrimRight(data, " \t\v\f")
	}
	l.text(data, sign == '-')
	l.line += strings.Count(l.source[l.at+len(data):d.at], "\n")
	l.at = after
	switch d.kind {
	case 'c':
		return l.comment()
	case 'l':
		end := strings.IndexByte(l.source[l.at:], '\n')
		if end < 0 {
			end = len(l.source) - l.at
		}
		l.at += end
		return nil
	case 's':
		return l.lineStatement()
	case 'b':
		if raw, err := l.raw(); raw || err != nil {
			return err
		}
		l.add(tokenBlockStart, d.start)
		return l.inside(tokenBlockEnd, orElse(l.env.BlockEnd, "%}"))
	}
	l.add(tokenVariableStart, d.start)
	return l.inside(tokenVariableEnd, orElse(l.env.VariableEnd, "}}"))
}

// stripLine removes blanks between the last line break and the end of data,
// where nothing else stands in that line.
func (l *lexer) stripLine(data string, lineStart bool) string {
	begin := strings.LastIndexByte(data, '\n') + 1
	if begin == 0 && !lineStart {
		return data
	}
	if strings.TrimLeftFunc(data[begin:], func(r rune) bool { return r != '\n' && unicode.IsSpace(r) }) != "" {
		return data
	}
	return data[:begin]
}

func (l *lexer) comment() error {
	end := orElse(l.env.CommentEnd, "#}")
	n := strings.Index(l.source[l.at:], end)
	if n < 0 {
		return l.fail("Missing end of comment tag")
	}
	inner := l.source[l.at : l.at+n]
	l.line += strings.Count(inner, "\n")
	l.at += n + len(end)
	l.leave(inner, true)
	return nil
}

// leave eats what follows a tag that ends with "-", or with trim_blocks one line break.
func (l *lexer) leave(inner string, block bool) {
	switch {
	case strings.HasSuffix(inner, "-"):
		rest := strings.TrimLeftFunc(l.source[l.at:], unicode.IsSpace)
		n := len(l.source) - l.at - len(rest)
		l.line += strings.Count(l.source[l.at:l.at+n], "\n")
		l.at += n
	case strings.HasSuffix(inner, "+"):
	case block && l.env.TrimBlocks && strings.HasPrefix(l.source[l.at:], "\n"):
		l.at++
		l.line++
	}
}

// raw takes a raw block as text.
func (l *lexer) raw() (bool, error) {
	rest := l.source[l.at:]
	end := orElse(l.env.BlockEnd, "%}")
	inner := strings.TrimLeftFunc(rest, unicode.IsSpace)
	inner, ok := strings.CutPrefix(inner, "raw")
	if !ok {
		return false, nil
	}
	inner = strings.TrimLeftFunc(inner, unicode.IsSpace)
	sign := ""
	if strings.HasPrefix(inner, "-"+end) || strings.HasPrefix(inner, "+"+end) {
		sign, inner = inner[:1], inner[1:]
	}
	if !strings.HasPrefix(inner, end) {
		return false, nil
	}
	begin := len(l.source) - len(inner) + len(end)
	l.line += strings.Count(l.source[l.at:begin], "\n")
	l.at = begin
	l.leave(sign, true)
	return true, l.rawText()
}

func (l *lexer) rawText() error {
	start, end := orElse(l.env.BlockStart, "{%"), orElse(l.env.BlockEnd, "%}")
	for from := l.at; ; {
		n := strings.Index(l.source[from:], start)
		if n < 0 {
			return l.fail("Missing end of raw directive")
		}
		at := from + n
		inner := l.source[at+len(start):]
		sign := byte(0)
		if inner != "" && (inner[0] == '-' || inner[0] == '+') {
			sign, inner = inner[0], inner[1:]
		}
		inner, ok := strings.CutPrefix(strings.TrimLeftFunc(inner, unicode.IsSpace), "endraw")
		inner = strings.TrimLeftFunc(inner, unicode.IsSpace)
		closing := ""
		if ok && (strings.HasPrefix(inner, "-"+end) || strings.HasPrefix(inner, "+"+end)) {
			closing, inner = inner[:1], inner[1:]
		}
		if !ok || !strings.HasPrefix(inner, end) {
			from = at + len(start)
			continue
		}
		data := l.source[l.at:at]
		if l.env.LstripBlocks && sign == 0 {
			data = l.stripLine(data, false)
		}
		l.text(data, sign == '-')
		l.at = len(l.source) - len(inner) + len(end)
		l.leave(closing, true)
		return nil
	}
}

func (l *lexer) lineStatement() error {
	l.add(tokenBlockStart, l.env.LineStatementPrefix)
	depth := ""
	for l.at < len(l.source) {
		c := l.source[l.at]
		if c == '\n' && depth == "" {
			l.at++
			l.add(tokenBlockEnd, "")
			l.line++
			return nil
		}
		if err := l.one(&depth); err != nil {
			return err
		}
	}
	l.add(tokenBlockEnd, "")
	return nil
}

// inside reads the tokens of an expression or statement up to its end.
func (l *lexer) inside(kind tokenKind, end string) error {
	depth := ""
	for l.at < len(l.source) {
		rest := l.source[l.at:]
		if depth == "" {
			sign := ""
			if rest[0] == '-' || rest[0] == '+' {
				sign = rest[:1]
			}
			if strings.HasPrefix(rest, end) || sign != "" && strings.HasPrefix(rest[1:], end) {
				if strings.HasPrefix(rest, end) {
					sign = ""
				}
				l.at += len(sign) + len(end)
				l.add(kind, end)
				l.leave(sign, kind == tokenBlockEnd)
				return nil
			}
		}
		if err := l.one(&depth); err != nil {
			return err
		}
	}
	return nil // the parser knows what is missing
}

var operators = []string{"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "<", ">", "=", ".", ":", "|", ",", ";", "(", ")", "[", "]", "{", "}"}

// one reads one token of an expression, or blanks. depth holds the brackets that
// have to be closed.
func (l *lexer) one(depth *string) error {
	rest := l.source[l.at:]
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case r == '\n':
		l.line++
		l.at++
		return nil
	case unicode.IsSpace(r):
		l.at += size
		return nil
	case r == '"' || r == '\'':
		return l.string(byte(r))
	case r >= '0' && r <= '9':
		return l.number()
	case r == '_' || unicode.IsLetter(r):
		n := 0
		for n < len(rest) {
			r, size := utf8.DecodeRuneInString(rest[n:])
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				break
			}
			n += size
		}
		l.add(tokenName, rest[:n])
		l.at += n
		return nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			switch op {
			case "(":
				*depth += ")"
			case "[":
				*depth += "]"
			case "{":
				*depth += "}"
			case ")", "]", "}":
				if *depth == "" {
					return l.fail("unexpected '%s'", op)
				}
				last := len(*depth) - 1
				if want := (*depth)[last:]; want != op {
					return l.fail("unexpected '%s', expected '%s'", op, want)
				}
				*depth = (*depth)[:last]
			}
			l.add(tokenOperator, op)
			l.at += len(op)
			return nil
		}
	}
	return l.fail("unexpected char %s at %d", quoted(string(r)), l.at)
}

func (l *lexer) string(q byte) error {
	i := l.at + 1
	for i < len(l.source) && l.source[i] != q {
		if l.source[i] == '\\' {
			i++
		}
		i++
	}
	if i >= len(l.source) {
		return l.fail("unexpected char %s at %d", quoted(string(q)), l.at)
	}
	raw := l.source[l.at+1 : i]
	text, err := unescape(raw)
	if err != nil {
		return l.fail("%s", err)
	}
	l.add(tokenText, text)
	l.line += strings.Count(raw, "\n")
	l.at = i + 1
	return nil
}

func unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			i++
			continue
		}
		n, err := value.Escape(&b, s[i:], false)
		if err != nil {
			return "", err
		}
		i += n
	}
	return b.String(), nil
}

func (l *lexer) number() error {
	rest := l.source[l.at:]
	n := 0
	digit := func(i int) bool {
		return i < len(rest) && (rest[i] == '_' || rest[i] >= '0' && rest[i] <= '9')
	}
	if len(rest) > 1 && rest[0] == '0' && strings.IndexByte("xXoObB", rest[1]) >= 0 {
		n = 2
		for digit(n) || n < len(rest) && (rest[n] >= 'a' && rest[n] <= 'f' || rest[n] >= 'A' && rest[n] <= 'F') {
			n++
		}
	} else {
		for digit(n) {
			n++
		}
		if n < len(rest) && rest[n] == '.' && digit(n+1) && rest[n+1] != '_' {
			for n++; digit(n); n++ {
			}
		}
		if n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
			m := n + 1
			if m < len(rest) && (rest[m] == '+' || rest[m] == '-') {
				m++
			}
			if digit(m) {
				for n = m; digit(n); n++ {
				}
			}
		}
	}
	v, err := value.Number(rest[:n])
	if err != nil {
		return l.fail("%s", err)
	}
	l.tokens = append(l.tokens, token{kind: tokenNumber, text: rest[:n], value: v, line: l.line})
	l.at += n
	return nil
}

// expressionTokens reads a source that is one expression.
func (l *lexer) expressionTokens() ([]token, error) {
	depth := ""
	for l.at < len(l.source) {
		if err := l.one(&depth); err != nil {
			return nil, err
		}
	}
	l.add(tokenEnd, "")
	return l.tokens, nil
}

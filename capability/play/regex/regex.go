// Package regex has the regular expressions of Python's module re, as modules
// and filters take them: look-around, backreferences, named groups, and
// templates such as \1 and \g<name>. A pattern is translated for a backtracking
// engine; a pattern can therefore take very long, as in Python.
package regex

import (
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// Flags are those of re.compile.
type Flags uint

// The flags.
const (
	IgnoreCase Flags = 1 << iota
	MultiLine
	DotAll
	Verbose
	Bytes // the pattern and texts are bytes: one element is one byte, and only ASCII has letters and digits
)

// Regexp is a compiled pattern. It is safe for concurrent use.
type Regexp struct {
	engine *regexp2.Regexp
	names  map[string]int
	groups int
	flags  Flags
}

// Compile compiles a pattern of Python's.
func Compile(pattern string, flags Flags) (*Regexp, error) {
	t := translator{in: decode(pattern, flags), flags: flags, names: map[string]int{}}
	text, err := t.translate()
	if err != nil {
		return nil, err
	}
	var options regexp2.RegexOptions
	for flag, option := range map[Flags]regexp2.RegexOptions{
		IgnoreCase: regexp2.IgnoreCase, MultiLine: regexp2.Multiline, DotAll: regexp2.Singleline,
	} {
		if t.flags&flag != 0 {
			options |= option
		}
	}
	engine, err := regexp2.Compile(text, options)
	if err != nil {
		return nil, err
	}
	return &Regexp{engine: engine, names: t.names, groups: t.groups, flags: t.flags}, nil
}

// MultiLine says whether ^ and $ match at every line, by flag or by (?m) at the beginning.
func (r *Regexp) MultiLine() bool { return r.flags&MultiLine != 0 }

// Groups is how many groups the pattern has.
func (r *Regexp) Groups() int { return r.groups }

// Names are the numbers of the named groups.
func (r *Regexp) Names() map[string]int { return r.names }

// Match is one place where a pattern matches.
type Match struct {
	of   *Regexp
	text []rune
	m    *regexp2.Match
}

// Search returns the first match anywhere in text, nil where there is none.
func (r *Regexp) Search(text string) (*Match, error) { return r.from(decode(text, r.flags), 0) }

// Match returns the match at the beginning of text, nil where there is none.
func (r *Regexp) Match(text string) (*Match, error) {
	m, err := r.Search(text)
	if m == nil || err != nil || m.m.Index > 0 {
		return nil, err
	}
	return m, nil
}

func (r *Regexp) from(text []rune, at int) (*Match, error) {
	m, err := r.engine.FindRunesMatchStartingAt(text, at)
	if m == nil || err != nil {
		return nil, err
	}
	return &Match{r, text, m}, nil
}

// next returns the match after m.
func (m *Match) next() (*Match, error) {
	n, err := m.of.engine.FindNextMatch(m.m)
	if n == nil || err != nil {
		return nil, err
	}
	return &Match{m.of, m.text, n}, nil
}

// FindAll returns all matches that do not overlap, from left to right.
func (r *Regexp) FindAll(text string) ([]*Match, error) {
	var all []*Match
	m, err := r.Search(text)
	for ; m != nil && err == nil; m, err = m.next() {
		all = append(all, m)
	}
	return all, err
}

// Sub replaces up to count matches (all where count is 0) by a template, and
// says how many it replaced.
func (r *Regexp) Sub(template, text string, count int) (string, int, error) {
	parts, err := r.template(template)
	if err != nil {
		return "", 0, err
	}
	runes := decode(text, r.flags)
	var out strings.Builder
	done, at := 0, 0
	m, err := r.from(runes, 0)
	for ; m != nil && err == nil && (count == 0 || done < count); m, err = m.next() {
		out.WriteString(encode(runes[at:m.m.Index]))
		out.WriteString(m.fill(parts))
		at = m.m.Index + m.m.Length
		done++
	}
	out.WriteString(encode(runes[at:]))
	return out.String(), done, err
}

// Group returns what group number i matched, 0 being the whole match, and
// whether it took part.
func (m *Match) Group(i int) (string, bool) {
	g := m.m.GroupByNumber(i)
	if g == nil || len(g.Captures) == 0 {
		return "", false
	}
	return encode(m.text[g.Index : g.Index+g.Length]), true
}

// Span returns where group number i begins and ends, in bytes of the text.
func (m *Match) Span(i int) (start, end int, ok bool) {
	g := m.m.GroupByNumber(i)
	if g == nil || len(g.Captures) == 0 {
		return 0, 0, false
	}
	start = len(encode(m.text[:g.Index]))
	return start, start + len(encode(m.text[g.Index:g.Index+g.Length])), true
}

// escape is where bytes that are no characters stand: as in Python, surrogates
// that well-formed text never has. They have no case and are no letters.
const escape = 0xDC00

// decode turns text into the elements that the engine works on.
func decode(text string, flags Flags) []rune {
	out := make([]rune, 0, len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if text[i] >= utf8.RuneSelf && (flags&Bytes != 0 || r == utf8.RuneError && size == 1) {
			r, size = escape+rune(text[i]), 1
		}
		out = append(out, r)
		i += size
	}
	return out
}

func encode(runes []rune) string {
	out := make([]byte, 0, len(runes))
	for _, r := range runes {
		if r >= escape+0x80 && r <= escape+0xFF {
			out = append(out, byte(r-escape))
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

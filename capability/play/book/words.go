package book

import (
	"errors"
	"strings"
)

var errUnbalanced = errors.New("unbalanced quotes or template")

// SplitWords splits a line of arguments at blanks that stand outside quotes and
// outside Jinja2's braces. A word keeps the line break behind it, so that a
// command of several lines comes together again as it was.
func SplitWords(text string) ([]string, error) {
	s := splitter{}
	for i := 0; i < len(text); i++ {
		s.step(text, &i)
	}
	if s.quote != 0 || s.depth > 0 {
		return nil, errUnbalanced
	}
	s.flush()
	return s.words, nil
}

type splitter struct {
	words []string
	word  strings.Builder
	quote byte
	depth int // of {{, {% and {#
}

func (s *splitter) flush() {
	if s.word.Len() > 0 {
		s.words = append(s.words, s.word.String())
		s.word.Reset()
	}
}

func (s *splitter) step(text string, i *int) {
	c := text[*i]
	next := byte(0)
	if *i+1 < len(text) {
		next = text[*i+1]
	}
	switch {
	case c == '\\' && next != 0 && s.depth == 0 && next != '\n':
		s.word.WriteByte(c)
		s.word.WriteByte(next)
		*i++
		return
	case c == '{' && (next == '{' || next == '%' || next == '#'):
		s.pair(c, next, i, 1)
		return
	case s.depth > 0 && next == '}' && (c == '}' || c == '%' || c == '#'):
		s.pair(c, next, i, -1)
		return
	case s.depth > 0:
	case s.quote != 0 && c == s.quote:
		s.quote = 0
	case s.quote == 0 && (c == '"' || c == '\''):
		s.quote = c
	case s.quote == 0 && c == '\n':
		s.newline()
		return
	case s.quote == 0 && (c == ' ' || c == '\t'):
		s.flush()
		return
	}
	s.word.WriteByte(c)
}

func (s *splitter) pair(c, next byte, i *int, step int) {
	s.word.WriteByte(c)
	s.word.WriteByte(next)
	s.depth += step
	*i++
}

// newline ends a word and belongs to it; an empty line belongs to the word before.
func (s *splitter) newline() {
	if s.word.Len() == 0 {
		if n := len(s.words); n > 0 {
			s.words[n-1] += "\n"
		}
		return
	}
	s.word.WriteByte('\n')
	s.flush()
}

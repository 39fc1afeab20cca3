package execute

import (
	"garboard.dev/garboard/capability/play/value"
	"regexp"
	"strings"

	"garboard.dev/garboard/capability/play/module"
)

// splitter cuts a line into words by the rules of a POSIX shell, without expansion.
type splitter struct {
	words   []string
	word    strings.Builder
	open    bool // a word has begun, maybe an empty one in quotes
	quote   rune // the quote that is open, or 0
	escaped bool
}

// Split cuts a command line into words as Python's shlex.split does: quotes,
// backslashes (inside double quotes only before " and \), no comments.
func Split(line string) ([]string, error) {
	s := &splitter{}
	for _, r := range line {
		s.take(r)
	}
	switch {
	case s.escaped:
		return nil, value.Errorf("No escaped character")
	case s.quote != 0:
		return nil, value.Errorf("No closing quotation")
	}
	s.end()
	return s.words, nil
}

func (s *splitter) take(r rune) {
	switch {
	case s.escaped:
		if s.quote == '"' && r != '"' && r != '\\' {
			s.word.WriteByte('\\')
		}
		s.word.WriteRune(r)
		s.escaped = false
	case r == '\\' && s.quote != '\'':
		s.escaped, s.open = true, true
	case s.quote != 0:
		if r == s.quote {
			s.quote = 0
		} else {
			s.word.WriteRune(r)
		}
	case r == '\'' || r == '"':
		s.quote, s.open = r, true
	case strings.ContainsRune(" \t\r\n", r):
		s.end()
	default:
		s.open = true
		s.word.WriteRune(r)
	}
}

func (s *splitter) end() {
	if s.open {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.open = false
}

// Words cuts a command line as Split does, and expands ~ and $NAME in the words.
func Words(c *module.Call, line string) ([]string, error) {
	words, err := Split(line)
	if err != nil {
		return nil, &module.Failure{Message: err.Error()}
	}
	for i, w := range words {
		words[i] = Expand(c, w)
	}
	return words, nil
}

var variable = regexp.MustCompile(`\$(\w+|\{[^}]*\})`)

// Expand replaces $NAME and ${NAME} where the variable exists, and a leading ~.
func Expand(c *module.Call, word string) string {
	getenv := c.Machine.Getenv
	if getenv == nil {
		return word
	}
	word = variable.ReplaceAllStringFunc(word, func(text string) string {
		if v := getenv(strings.Trim(text, "${}")); v != "" {
			return v
		}
		return text
	})
	if home := getenv("HOME"); home != "" && (word == "~" || strings.HasPrefix(word, "~/")) {
		return home + word[1:]
	}
	return word
}

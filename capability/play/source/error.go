package source

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Error says what is wrong with a document, and where.
type Error struct {
	Problem  string
	Position Position
	Text     string // the document
}

func (e *Error) Error() string {
	out := e.Problem
	if e.Position.Line > 0 {
		out += "\n\n" + Excerpt(e.Position, e.Text)
	}
	return out
}

var lines = regexp.MustCompile(`line (\d+)`)

// problem turns the library's error into ours.
func problem(err error, file, text string) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	e := &Error{Problem: "Syntax Error while loading YAML.\n  " + message, Position: Position{File: file, Column: 1}, Text: text}
	if m := lines.FindStringSubmatch(message); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			e.Position.Line = n
		}
	}
	return e
}

// Excerpt shows a place in a file with the line before it, and hints for common
// mistakes, as ansible-core 2.14 does.
func Excerpt(p Position, text string) string {
	out := fmt.Sprintf("The error appears to be in '%s': line %d, column %d, but may\nbe elsewhere in the file depending on the exact syntax problem.\n", p.File, p.Line, p.Column)
	all := strings.Split(text, "\n")
	if p.Line < 1 || p.Line > len(all) {
		return out
	}
	before, line := "", strings.TrimRight(all[p.Line-1], "\r")
	if p.Line > 1 {
		before = strings.TrimRight(all[p.Line-2], "\r")
	}
	out += "\nThe offending line appears to be:\n\n" + before + "\n" + line + "\n" + strings.Repeat(" ", max(p.Column-1, 0)) + "^ here\n"
	return out + hint(line)
}

func hint(line string) string {
	switch {
	case strings.Contains(line, "\t"):
		return "\nIt appears that there is a tab character at the start of the line.\n\nYAML does not use tabs for formatting. Tabs should be replaced with spaces.\n"
	case strings.Contains(line, "{{") && strings.Contains(line, "}}") && !(strings.Contains(line, "\"{{") && strings.Contains(line, "'{{")):
		return "We could be wrong, but this one looks like it might be an issue with\nmissing quotes. Always quote template expression brackets when they\nstart a value. For instance:\n\n    with_items:\n      - {{ foo }}\n\nShould be written as:\n\n    with_items:\n      - \"{{ foo }}\"\n"
	}
	return ""
}

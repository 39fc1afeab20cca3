// Package guide finds the commands that guides show, so that a test can ask the
// program whether it has them: a guide that nobody checks is wrong within a month.
package guide

import (
	"strings"
)

// Command is one call of garboard in a document.
type Command struct {
	Line int
	Args []string // without the program
}

// Commands returns the calls of garboard in the fenced blocks of a Markdown
// text. A prompt "$ " before a call, a comment behind it and a pipe to another
// program do not belong to it.
func Commands(text string) []Command {
	var out []Command
	fenced := false
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			continue
		}
		line = strings.TrimPrefix(strings.TrimPrefix(line, "$ "), "sudo ")
		rest, ok := strings.CutPrefix(strings.TrimPrefix(line, "bin/"), "garboard ")
		if fenced && ok {
			out = append(out, Command{number, arguments(rest)})
		}
	}
	return out
}

// arguments splits at blanks outside quotes and ends at a comment or a pipe.
func arguments(line string) []string {
	var out []string
	var word strings.Builder
	var quote rune
	begun := false
	flush := func() {
		if begun {
			out = append(out, word.String())
			word.Reset()
			begun = false
		}
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == ' ':
			flush()
		case !begun && strings.ContainsRune("#|&>;", r):
			return out
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	flush()
	return out
}

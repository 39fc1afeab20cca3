// Package callback prints what happens in a run: as Ansible's default output
// does to the letter, and as json, yaml, minimal, oneline, junit and profile_tasks.
package callback

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"garboard.dev/garboard/capability/play/event"
)

// Colors are terminal colours by what they stand for (the settings COLOR_*).
type Colors struct {
	Ok, Changed, Error, Unreachable, Skip, Verbose, Warn, Debug, Deprecate, DiffAdd, DiffRemove, DiffLines, Highlight string
}

// DefaultColors are upstream's.
var DefaultColors = Colors{
	Ok: "0;32", Changed: "0;33", Error: "0;31", Unreachable: "1;31", Skip: "0;36", Verbose: "0;34", Warn: "1;35", Debug: "1;30",
	Deprecate: "0;35", DiffAdd: "0;32", DiffRemove: "0;31", DiffLines: "0;36", Highlight: "1;37",
}

// Display writes lines for people.
type Display struct {
	Out, Err  io.Writer
	Color     bool
	Columns   int // 79 where it is 0
	Verbosity int
	Colors    Colors
	// NoWarnings and NoDeprecations keep such lines away.
	NoWarnings, NoDeprecations bool

	seen map[string]bool
}

// paint puts text into a colour, line by line.
func (d *Display) paint(text, color string) string {
	if !d.Color || color == "" {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = "\033[" + color + "m" + l + "\033[0m"
	}
	return strings.Join(lines, "\n")
}

// Tell writes a message by how loud it is.
func (d *Display) Tell(level event.Level, text string) {
	switch level {
	case event.Warning:
		d.Warn(text)
	case event.Deprecated:
		d.Deprecated(text, "")
	case event.Fault:
		d.Error(text)
	case event.Info:
		d.Line(text, "")
	default:
		if int(level) <= d.Verbosity {
			d.Line(text, d.Colors.Verbose)
		}
	}
}

// Line writes a line.
func (d *Display) Line(text, color string) {
	fmt.Fprintln(d.Out, d.paint(text, color))
}

// Banner writes a line of stars behind a text, with an empty line before it.
func (d *Display) Banner(text string) {
	text = strings.TrimSpace(text)
	columns := d.Columns
	if columns == 0 {
		columns = 79
	}
	stars := max(3, columns-utf8.RuneCountInString(text))
	fmt.Fprintf(d.Out, "\n%s %s\n", text, strings.Repeat("*", stars))
}

// Warn writes a warning, once.
func (d *Display) Warn(text string) {
	if d.NoWarnings {
		return
	}
	d.once("[WARNING]: "+text, d.Colors.Warn)
}

// Deprecated writes that something will go away, once.
func (d *Display) Deprecated(text, version string) {
	if d.NoDeprecations {
		return
	}
	line := "[DEPRECATION WARNING]: " + strings.TrimSuffix(text, ".")
	if version != "" {
		line += ". This feature will be removed in version " + version
	} else {
		line += ". This feature will be removed in a future release"
	}
	d.once(line+". Deprecation warnings can be disabled by setting deprecation_warnings=False in ansible.cfg.", d.Colors.Deprecate)
}

func (d *Display) once(text, color string) {
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	text = wrap(text, d.Columns) + "\n"
	if d.seen[text] {
		return
	}
	d.seen[text] = true
	fmt.Fprint(d.Err, d.paint(strings.TrimSuffix(text, "\n"), color)+"\n")
}

// Error writes an error.
func (d *Display) Error(text string) {
	fmt.Fprintln(d.Err, d.paint("ERROR! "+text, d.Colors.Error))
}

// wrap breaks text at blanks into lines of at most width characters, as Python's textwrap does.
func wrap(text string, width int) string {
	if width == 0 {
		width = 79
	}
	var lines []string
	var line string
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

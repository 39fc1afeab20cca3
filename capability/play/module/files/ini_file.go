package files

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func iniFileModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "community.general.ini_file", Summary: "Keeps options in a file of sections", Files: true, CheckMode: true,
		Options: []module.Option{
			{Name: "path", Aliases: []string{"dest"}, Type: module.Path, Required: true, Help: "The file."},
			{Name: "section", Help: "The section; without it, what stands before all sections."},
			{Name: "option", Help: "The option; without it, the whole section."},
			{Name: "value", Help: "The option's value."},
			{Name: "values", Type: module.List, Elements: module.Str, Help: "The values of an option that stands several times."},
			{Name: "state", Default: "present", Choices: choices("absent", "present"), Help: "Whether it shall be there."},
			{Name: "exclusive", Type: module.Bool, Default: true, Help: "The option has these values and no others."},
			{Name: "allow_no_value", Type: module.Bool, Default: false, Help: "An option may stand without a value."},
			{Name: "no_extra_spaces", Type: module.Bool, Default: false, Help: "No spaces around =."},
			{Name: "create", Type: module.Bool, Default: true, Help: "Make the file where it does not exist."},
			{Name: "backup", Type: module.Bool, Default: false, Help: "Keep a copy of the file before it is changed."},
		},
		Rules:   module.Rules{Exclusive: [][]string{{"value", "values"}}},
		Returns: []module.Return{{Name: "msg", Type: "str", Help: "What was done."}, {Name: "backup_file", Type: "str", Help: "The copy of the old file."}},
	}, Run: runIniFile}
}

// ini is a file of sections while it is edited.
type ini struct {
	option    string
	values    []string // those that are still to be placed
	format    string   // of a line with option and value
	noValue   bool
	exclusive bool
	lines     []string // of the section, with its head; the head of the lines before all sections is ""
	touched   []bool   // lines that are as they shall be
	bare      bool     // the option stands without a value
	changed   bool
	message   string
}

func runIniFile(ctx context.Context, c *module.Call) (module.Result, error) {
	f := &ini{option: c.Args.String("option"), format: "%s = %s\n", noValue: c.Args.Bool("allow_no_value"),
		exclusive: c.Args.Bool("exclusive"), message: "OK", values: c.Args.Strings("values")}
	if c.Args.Has("value") {
		f.values = []string{c.Args.String("value")}
	}
	if c.Args.Bool("no_extra_spaces") {
		f.format = "%s=%s\n"
	}
	present := c.Args.String("state") == "present"
	if present && !f.noValue && len(f.values) == 0 {
		return nil, fail("Parameter 'value(s)' must be defined if state=present and allow_no_value=False.")
	}
	e, err := openEdit(c, c.Args.Bool("create"), "Destination %s does not exist!")
	if err != nil {
		return nil, err
	}
	e.after = f.edit(e.before, c.Args.String("section"), present)
	header := e.path + " (content)"
	diff := map[string]any{"before": "", "after": "", "before_header": header, "after_header": header}
	if c.Diff {
		diff["before"], diff["after"] = strings.TrimPrefix(e.before, "\ufeff"), e.after
	}
	r := module.Result{"changed": f.changed, "diff": diff, "msg": f.message, "path": e.path}
	if f.changed {
		e.message = f.message
		if err := e.save(ctx); err != nil {
			return nil, err
		}
	}
	if e.backup != "" {
		r["backup_file"] = e.backup
	}
	if _, err := os.Stat(e.path); err != nil || c.Check {
		return r, nil
	}
	did, err := attribute.Of(c, e.path).Apply(ctx, c, nil)
	r["changed"] = f.changed || did
	return r, err
}

// edit returns the file's new text.
func (f *ini) edit(text, section string, present bool) string {
	lines := splitLines(strings.TrimPrefix(text, "\ufeff"))
	if len(lines) == 0 {
		lines = []string{"\n"}
	}
	if last := len(lines) - 1; !strings.HasSuffix(lines[last], "\n") {
		lines[last] += "\n"
		f.changed = true
	}
	lines = append([]string{""}, lines...) // the head of what stands before all sections
	start, end := sectionOf(lines, section)
	f.lines = slices.Clone(lines[start:end])
	f.touched = make([]bool, len(f.lines))
	switch {
	case !present:
		f.remove()
	case start == end:
	default:
		f.place()
	}
	out := strings.Join(lines[:start], "") + strings.Join(f.lines, "") + strings.Join(lines[end:], "")
	if present && start == end {
		out += f.newSection(section)
	}
	return out
}

// sectionOf finds a section: from its head to the next one; an empty range
// where there is none.
func sectionOf(lines []string, section string) (start, end int) {
	start = -1
	if section == "" {
		start = 0
	}
	for i, line := range lines {
		switch {
		case section != "" && strings.HasPrefix(line, "["+section+"]"):
			start = i
		case strings.HasPrefix(line, "[") && start >= 0:
			return start, i
		}
	}
	if start < 0 {
		return 0, 0
	}
	return start, len(lines)
}

func (f *ini) newSection(section string) string {
	f.changed, f.message = true, "section and option added"
	out := "[" + section + "]\n"
	switch {
	case f.option != "" && len(f.values) > 0:
		for _, v := range f.values {
			out += fmt.Sprintf(f.format, f.option, v)
		}
	case f.option != "" && f.noValue:
		out += f.option + "\n"
	default:
		f.message = "only section added"
	}
	return out
}

// match reads a line as the option: commented says that ; or # may stand in
// front. It returns the value.
func (f *ini) match(line string, commented bool) (string, bool) {
	rest := strings.TrimLeft(strings.TrimSuffix(line, "\n"), " \t")
	if commented && rest != "" && (rest[0] == ';' || rest[0] == '#') {
		rest = strings.TrimLeft(rest[1:], " \t")
	}
	rest, found := strings.CutPrefix(rest, f.option)
	if !found {
		return "", false
	}
	rest = strings.TrimLeft(rest, " \t")
	if rest == "" {
		return "", true
	}
	value, found := strings.CutPrefix(rest, "=")
	return strings.TrimLeft(value, " \t"), found
}

func (f *ini) set(i int, line string) {
	if f.lines[i] != line {
		f.changed, f.message = true, "option changed"
	}
	f.lines[i], f.touched[i] = line, true
}

// place makes the option have its values: in lines that have them, then in
// lines that have others, and else at the end of the section.
func (f *ini) place() {
	if f.option == "" {
		return
	}
	f.keepMatching()
	if f.exclusive && !f.noValue {
		f.replaceOthers()
	}
	for i := len(f.lines); i > 0; i-- {
		if blankOrComment(f.lines[i-1]) && i > 1 {
			continue
		}
		f.insert(i)
		return
	}
}

// keepMatching takes the lines, commented ones too, that have one of the values.
func (f *ini) keepMatching() {
	for i, line := range f.lines {
		value, found := f.match(line, true)
		if !found {
			continue
		}
		if at := slices.Index(f.values, value); at >= 0 {
			if value == "" && f.noValue {
				f.set(i, f.option+"\n")
				f.bare = true
			} else {
				f.set(i, fmt.Sprintf(f.format, f.option, value))
			}
			f.values = slices.Delete(slices.Clone(f.values), at, at+1)
		} else if len(f.values) == 0 && f.noValue {
			f.set(i, f.option+"\n")
			f.bare = true
			return
		}
	}
}

// replaceOthers gives lines with other values, commented ones too, the values
// that are left, and removes lines that are too many.
func (f *ini) replaceOthers() {
	var kept []string
	for i, line := range f.lines {
		_, active := f.match(line, false)
		_, found := f.match(line, true)
		switch {
		case f.touched[i] || i == 0:
			kept = append(kept, line)
		case found && len(f.values) > 0:
			f.set(i, fmt.Sprintf(f.format, f.option, f.values[0]))
			f.values = f.values[1:]
			kept = append(kept, f.lines[i])
		case active:
			f.changed, f.message = true, "option changed"
		default:
			kept = append(kept, line)
		}
	}
	f.lines = kept
}

func (f *ini) insert(at int) {
	var more []string
	for _, v := range f.values {
		more = append(more, fmt.Sprintf(f.format, f.option, v))
	}
	if len(f.values) == 0 && f.noValue && !f.bare {
		more = []string{f.option + "\n"}
	}
	if len(more) > 0 {
		f.lines = slices.Insert(f.lines, at, more...)
		f.changed, f.message = true, "option added"
	}
}

func blankOrComment(line string) bool {
	line = strings.TrimLeft(strings.TrimSuffix(line, "\n"), " \t")
	return line == "" || line[0] == '#' || line[0] == ';'
}

// remove drops the section, the option, or the option's lines with given values.
func (f *ini) remove() {
	if f.option == "" {
		if len(f.lines) > 0 {
			f.lines, f.changed, f.message = nil, true, "section removed"
		}
		return
	}
	if !f.exclusive && len(f.values) == 0 {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(f.lines), func(line string) bool {
		value, found := f.match(line, false)
		return found && (f.exclusive || slices.Contains(f.values, value))
	})
	if len(kept) != len(f.lines) {
		f.lines, f.changed, f.message = kept, true, "option changed"
	}
}

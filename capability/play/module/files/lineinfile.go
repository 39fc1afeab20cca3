package files

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/regex"
)

func lineinfileModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.lineinfile", Summary: "Keeps one line in a text file, or out of it", Files: true, CheckMode: true,
		Options: append(editOptions(),
			module.Option{Name: "state", Default: "present", Choices: choices("absent", "present"), Help: "Whether the line shall be there."},
			module.Option{Name: "regexp", Aliases: []string{"regex"}, Help: "Which line to replace or remove: the last that it matches."},
			module.Option{Name: "search_string", Help: "Text that the line to replace or remove contains."},
			module.Option{Name: "line", Aliases: []string{"value"}, Help: "The line."},
			module.Option{Name: "backrefs", Type: module.Bool, Default: false, Help: "Fill \\1 and \\g<name> in the line with what regexp matched; without a match nothing changes."},
			module.Option{Name: "insertafter", Help: "Where a new line goes: behind the last line that this matches, or EOF."},
			module.Option{Name: "insertbefore", Help: "Where a new line goes: before the last line that this matches, or BOF."},
			module.Option{Name: "create", Type: module.Bool, Default: false, Help: "Make the file where it does not exist."},
			module.Option{Name: "firstmatch", Type: module.Bool, Default: false, Help: "Take the first matching line, not the last."},
			module.Option{Name: "others", Help: "Takes nothing; the options of file stand on their own."}),
		Rules: module.Rules{Exclusive: [][]string{{"insertbefore", "insertafter"}, {"regexp", "search_string"}, {"backrefs", "search_string"}}},
		Returns: []module.Return{
			{Name: "msg", Type: "str", Help: "What was done."}, {Name: "backup", Type: "str", Help: "The copy of the old file."},
			{Name: "found", Type: "int", Help: "How many lines were removed."}},
	}, Run: runLineinfile}
}

// lineTask is one run of lineinfile.
type lineTask struct {
	c         *module.Call
	line      string
	selects   func(line string) (bool, *regex.Match, error) // by regexp or search_string; nil where there is neither
	after     string
	before    string
	insert    *regex.Regexp // of after or before
	firstOnly bool
	lines     []string
	message   string
}

func runLineinfile(ctx context.Context, c *module.Call) (module.Result, error) {
	for option, name := range map[string]string{"regexp": "regular expression", "search_string": "search string"} {
		if !c.Args.Has(option) || c.Args.String(option) != "" {
			continue
		}
		message := "The " + name + " is an empty string, which will match every line in the file. " +
			"This may have unintended consequences, such as replacing the last line in the file rather than appending."
		if option == "regexp" {
			message += " If this is desired, use '^' to match every line in the file and avoid this warning."
		}
		c.Warn("%s", message)
	}
	if err := notFolder(c.Args.String("path")); err != nil {
		return nil, err
	}
	if c.Args.String("state") == "absent" {
		return removeLines(ctx, c)
	}
	if c.Args.Bool("backrefs") && !c.Args.Has("regexp") {
		return nil, fail("regexp is required with backrefs=true")
	}
	if !c.Args.Has("line") {
		return nil, fail("line is required with state=present")
	}
	return keepLine(ctx, c)
}

func keepLine(ctx context.Context, c *module.Call) (module.Result, error) {
	e, err := openEdit(c, c.Args.Bool("create"), "Destination %s does not exist !")
	if err != nil {
		return nil, err
	}
	t := &lineTask{c: c, line: c.Args.String("line"), after: c.Args.String("insertafter"), before: c.Args.String("insertbefore"),
		firstOnly: c.Args.Bool("firstmatch"), lines: splitLines(e.before)}
	if t.after == "" && t.before == "" {
		t.after = "EOF"
	}
	if t.selects, err = selector(c); err != nil {
		return nil, err
	}
	if at := t.after + t.before; at != "EOF" && at != "BOF" {
		if t.insert, err = regex.Compile(at, regex.Bytes); err != nil {
			return nil, fail(err.Error())
		}
	}
	if err := t.place(); err != nil {
		return nil, fail(err.Error())
	}
	e.after, e.message = strings.Join(t.lines, ""), t.message
	return e.finishLines(ctx, nil)
}

// finishLines saves and reports, with the key backup that lineinfile has.
func (e *edit) finishLines(ctx context.Context, more module.Result) (module.Result, error) {
	if err := e.save(ctx); err != nil {
		return nil, err
	}
	r, err := e.result(ctx)
	if err != nil {
		return nil, err
	}
	r["backup"] = e.backup
	for k, v := range more {
		r[k] = v
	}
	return r, nil
}

// selector finds lines by regexp or search_string.
func selector(c *module.Call) (func(string) (bool, *regex.Match, error), error) {
	if c.Args.Has("regexp") {
		r, err := regex.Compile(c.Args.String("regexp"), regex.Bytes)
		if err != nil {
			return nil, fail(err.Error())
		}
		return func(line string) (bool, *regex.Match, error) {
			m, err := r.Search(line)
			return m != nil, m, err
		}, nil
	}
	if c.Args.Has("search_string") {
		text := c.Args.String("search_string")
		return func(line string) (bool, *regex.Match, error) { return strings.Contains(line, text), nil, nil }, nil
	}
	return nil, nil
}

// place replaces the line that is selected or adds the line where it belongs.
func (t *lineTask) place() error {
	at, match, err := t.selected()
	if err != nil {
		return err
	}
	where := -1
	if at < 0 {
		if at, where, err = t.search(); err != nil {
			return err
		}
	}
	switch {
	case at >= 0:
		return t.replace(at, match)
	case t.c.Args.Bool("backrefs"):
	case t.before == "BOF" || t.after == "BOF":
		t.add(0)
	case t.after == "EOF" || where < 0:
		if n := len(t.lines); n > 0 && !strings.HasSuffix(t.lines[n-1], "\n") && !strings.HasSuffix(t.lines[n-1], "\r") {
			t.lines[n-1] += "\n"
		}
		t.add(len(t.lines))
	case t.after != "" && where == len(t.lines):
		if bare(t.lines[where-1]) != t.line {
			if !strings.HasSuffix(t.lines[where-1], "\n") {
				t.lines[where-1] += "\n"
			}
			t.add(where)
		}
	case t.after != "" && bare(t.lines[where]) == t.line:
	default:
		t.add(where)
	}
	return nil
}

func (t *lineTask) add(at int) {
	t.lines = slices.Insert(t.lines, at, t.line+"\n")
	t.message = "line added"
}

// bare is a line without its end.
func bare(line string) string { return strings.TrimRight(line, "\r\n") }

// selected returns the last line, or the first, that regexp or search_string selects, -1 for none.
func (t *lineTask) selected() (int, *regex.Match, error) {
	at, match := -1, (*regex.Match)(nil)
	if t.selects == nil {
		return at, nil, nil
	}
	for i, line := range t.lines {
		found, m, err := t.selects(line)
		if err != nil {
			return -1, nil, err
		}
		if found {
			at, match = i, m
			if t.firstOnly {
				break
			}
		}
	}
	return at, match, nil
}

// search looks for the line itself, and for where it would be inserted.
func (t *lineTask) search() (same, where int, err error) {
	same, where = -1, -1
	for i, line := range t.lines {
		if bare(line) == t.line {
			same = i
			continue
		}
		if t.insert == nil {
			continue
		}
		m, err := t.insert.Search(line)
		if err != nil {
			return -1, -1, err
		}
		if m == nil {
			continue
		}
		where = i
		if t.after != "" {
			where++
		}
		if t.firstOnly {
			break
		}
	}
	return same, where, nil
}

func (t *lineTask) replace(at int, match *regex.Match) error {
	line := t.line
	if t.c.Args.Bool("backrefs") && match != nil {
		var err error
		if line, err = match.Expand(line); err != nil {
			return err
		}
	}
	if !strings.HasSuffix(line, "\n") {
		line += "\n"
	}
	if t.lines[at] != line {
		t.lines[at] = line
		t.message = "line replaced"
	}
	return nil
}

func removeLines(ctx context.Context, c *module.Call) (module.Result, error) {
	selects, err := selector(c)
	if err != nil {
		return nil, err
	}
	if selects == nil && !c.Args.Has("line") {
		return nil, fail("one of line, search_string, or regexp is required with state=absent")
	}
	if _, err := os.Stat(c.Args.String("path")); err != nil {
		return module.Result{"changed": false, "msg": "file not present"}, nil
	}
	e, err := openEdit(c, false, "Destination %s does not exist !")
	if err != nil {
		return nil, err
	}
	var kept []string
	found := int64(0)
	for _, line := range splitLines(e.before) {
		drop := selects == nil && bare(line) == c.Args.String("line")
		if selects != nil {
			if drop, _, err = selects(line); err != nil {
				return nil, err
			}
		}
		if drop {
			found++
		} else {
			kept = append(kept, line)
		}
	}
	e.after = strings.Join(kept, "")
	if found > 0 {
		e.message = fmt.Sprintf("%d line(s) removed", found)
	}
	return e.finishLines(ctx, module.Result{"found": found})
}

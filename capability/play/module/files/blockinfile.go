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

func blockinfileModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.blockinfile", Summary: "Keeps a block of lines between two marker lines in a file", Files: true, CheckMode: true,
		Options: append(editOptions(),
			module.Option{Name: "state", Default: "present", Choices: choices("absent", "present"), Help: "Whether the block shall be there."},
			module.Option{Name: "marker", Default: "# {mark} ANSIBLE MANAGED BLOCK", Help: "The marker lines; {mark} is replaced by one of the next two."},
			module.Option{Name: "marker_begin", Default: "BEGIN", Help: "What {mark} is before the block."},
			module.Option{Name: "marker_end", Default: "END", Help: "What {mark} is behind the block."},
			module.Option{Name: "block", Aliases: []string{"content"}, Default: "", Help: "The lines. Without any, the block is removed."},
			module.Option{Name: "insertafter", Help: "Where a new block goes: behind the last line that this matches, or EOF."},
			module.Option{Name: "insertbefore", Help: "Where a new block goes: before the last line that this matches, or BOF."},
			module.Option{Name: "create", Type: module.Bool, Default: false, Help: "Make the file where it does not exist."}),
		Rules:   module.Rules{Exclusive: [][]string{{"insertbefore", "insertafter"}}},
		Returns: []module.Return{{Name: "msg", Type: "str", Help: "What was done."}, {Name: "backup_file", Type: "str", Help: "The copy of the old file."}},
	}, Run: runBlockinfile}
}

func runBlockinfile(ctx context.Context, c *module.Call) (module.Result, error) {
	path := c.Args.String("path")
	if err := notFolder(path); err != nil {
		return nil, err
	}
	create := c.Args.Bool("create")
	if _, err := os.Stat(path); err != nil && create && c.Args.String("state") == "absent" {
		return module.Result{"changed": false, "msg": fmt.Sprintf("File %s not present", path)}, nil
	}
	e, err := openEdit(c, create, "Path %s does not exist !")
	if err != nil {
		return nil, err
	}
	block := blockLines(c)
	lines, err := insertBlock(c, e.before, block)
	if err != nil {
		return nil, fail(err.Error())
	}
	e.after = strings.Join(lines, "")
	switch {
	case e.exists && e.before == e.after:
	case !e.exists:
		e.message = "File created"
	case len(block) == 0:
		e.message = "Block removed"
	default:
		e.message = "Block inserted"
	}
	if err := e.save(ctx); err != nil {
		return nil, err
	}
	r, err := e.result(ctx)
	if err == nil && e.backup != "" {
		r["backup_file"] = e.backup
	}
	return r, err
}

// markers are the lines around the block.
func markers(c *module.Call) (begin, end string) {
	mark := func(word string) string {
		return strings.ReplaceAll(c.Args.String("marker"), "{mark}", c.Args.String(word)) + "\n"
	}
	return mark("marker_begin"), mark("marker_end")
}

// blockLines is the block with its markers, nothing where it shall be removed.
func blockLines(c *module.Call) []string {
	block := c.Args.String("block")
	if c.Args.String("state") != "present" || block == "" {
		return nil
	}
	begin, end := markers(c)
	if !strings.HasSuffix(block, "\n") {
		block += "\n"
	}
	return append(append([]string{begin}, splitLines(block)...), end)
}

// insertBlock puts the block in the old one's place, or where the task says.
func insertBlock(c *module.Call, text string, block []string) ([]string, error) {
	lines := splitLines(text)
	begin, end := markers(c)
	from, to := -1, -1
	for i, line := range lines {
		if line == begin {
			from = i
		}
		if line == end {
			to = i
		}
	}
	at := min(from, to)
	if at >= 0 {
		lines = slices.Delete(lines, at, max(from, to)+1)
	} else {
		var err error
		if at, err = insertPoint(c, text, lines); err != nil {
			return nil, err
		}
	}
	if at > 0 && !strings.HasSuffix(lines[at-1], "\n") {
		lines[at-1] += "\n"
	}
	return slices.Insert(lines, at, block...), nil
}

// insertPoint is the line before which a new block goes.
func insertPoint(c *module.Call, text string, lines []string) (int, error) {
	after, before := c.Args.String("insertafter"), c.Args.String("insertbefore")
	switch {
	case before == "BOF":
		return 0, nil
	case before == "" && (after == "" || after == "EOF"):
		return len(lines), nil
	}
	r, err := regex.Compile(after+before, regex.Bytes)
	if err != nil {
		return 0, err
	}
	if r.MultiLine() {
		return insertInText(r, text, lines, after != "")
	}
	at := -1
	for i, line := range lines {
		m, err := r.Search(line)
		if err != nil {
			return 0, err
		}
		if m != nil {
			at = i
		}
	}
	switch {
	case at < 0:
		return len(lines), nil
	case after != "":
		return at + 1, nil
	}
	return at, nil
}

// insertInText looks for a pattern that may span several lines.
func insertInText(r *regex.Regexp, text string, lines []string, after bool) (int, error) {
	m, err := r.Search(text)
	if m == nil || err != nil {
		return len(lines), err
	}
	start, end, _ := m.Span(0)
	if after {
		return min(strings.Count(text[:end], "\n")+1, len(lines)), nil
	}
	return strings.Count(text[:start], "\n"), nil
}

package files

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/ianaindex"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/regex"
)

func replaceModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.replace", Summary: "Replaces all that a regular expression matches in a file", Files: true, CheckMode: true,
		Options: append(editOptions(),
			module.Option{Name: "regexp", Required: true, Help: "What to replace; ^ and $ match at every line."},
			module.Option{Name: "replace", Default: "", Help: "What to put in its place, with \\1 and \\g<name>."},
			module.Option{Name: "after", Help: "Only replace behind what this matches."},
			module.Option{Name: "before", Help: "Only replace before what this matches."},
			module.Option{Name: "encoding", Default: "utf-8", Help: "The file's character encoding."},
			module.Option{Name: "others", Help: "Takes nothing; the options of file stand on their own."}),
		Returns: []module.Return{{Name: "msg", Type: "str", Help: "How many replacements were made."}, {Name: "backup_file", Type: "str", Help: "The copy of the old file."}},
	}, Run: runReplace}
}

func runReplace(ctx context.Context, c *module.Call) (module.Result, error) {
	if err := notFolder(c.Args.String("path")); err != nil {
		return nil, err
	}
	e, err := openEdit(c, false, "Path %s does not exist !")
	if err != nil {
		return nil, err
	}
	code, err := charset(c.Args.String("encoding"))
	if err != nil {
		return nil, err
	}
	text := e.before
	if code != nil {
		if text, err = code.NewDecoder().String(e.before); err != nil {
			return nil, fail(err.Error())
		}
	}
	start, end, pattern, err := section(c, text)
	if err != nil {
		return nil, fail(err.Error())
	}
	if start < 0 {
		return module.Result{"rc": int64(0), "changed": false, "msg": "Pattern for before/after params did not match the given file: " + pattern}, nil
	}
	r, err := regex.Compile(c.Args.String("regexp"), regex.MultiLine)
	if err != nil {
		return nil, fail(err.Error())
	}
	part, count, err := r.Sub(c.Args.String("replace"), text[start:end], 0)
	if err != nil {
		return nil, fail(err.Error())
	}
	after := text[:start] + part + text[end:]
	result := module.Result{"rc": int64(0)}
	if count > 0 && part != text[start:end] {
		e.message = fmt.Sprintf("%d replacements made", count)
		if c.Diff {
			result["diff"] = map[string]any{"before_header": e.path, "before": text, "after_header": e.path, "after": after}
		}
	}
	if e.after = after; code != nil {
		if e.after, err = code.NewEncoder().String(after); err != nil {
			return nil, fail(err.Error())
		}
	}
	return e.finishReplace(ctx, result)
}

func (e *edit) finishReplace(ctx context.Context, result module.Result) (module.Result, error) {
	if err := e.save(ctx); err != nil {
		return nil, err
	}
	if e.backup != "" {
		result["backup_file"] = e.backup
	}
	changed, err := e.attributes(ctx, e.message != "", nil)
	result["changed"], result["msg"] = changed, e.message
	return result, err
}

// section finds the part of the text that after and before leave, from start
// to end, or -1 and the pattern that was not found.
func section(c *module.Call, text string) (start, end int, pattern string, err error) {
	after, before := c.Args.String("after"), c.Args.String("before")
	switch {
	case after != "" && before != "":
		pattern = after + "(?P<subsection>.*?)" + before
	case after != "":
		pattern = after + "(?P<subsection>.*)"
	case before != "":
		pattern = "(?P<subsection>.*)" + before
	default:
		return 0, len(text), "", nil
	}
	r, err := regex.Compile(pattern, regex.DotAll)
	if err != nil {
		return -1, -1, pattern, err
	}
	m, err := r.Search(text)
	if m == nil || err != nil {
		return -1, -1, pattern, err
	}
	start, end, _ = m.Span(r.Names()["subsection"])
	return start, end, pattern, nil
}

// charset finds a character encoding by Python's names for it: nil for UTF-8.
func charset(name string) (encoding.Encoding, error) {
	short := strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
	switch short {
	case "utf8", "ascii", "usascii":
		return nil, nil
	case "latin1", "iso88591", "l1":
		return charmap.ISO8859_1, nil
	}
	if page, found := strings.CutPrefix(short, "cp125"); found {
		name = "windows-125" + page
	}
	code, err := ianaindex.IANA.Encoding(name)
	if err != nil || code == nil {
		return nil, fail("unknown encoding: " + name)
	}
	return code, nil
}

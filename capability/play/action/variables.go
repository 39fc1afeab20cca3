package action

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// debug shows a message or a variable.
func debug(t *Task) (*value.Dict, error) {
	if err := t.check("msg", "var", "verbosity"); err != nil {
		return nil, err
	}
	if t.Args.Has("msg") && t.Args.Has("var") {
		return nil, errors.New("'msg' and 'var' are incompatible options")
	}
	level := int64(0)
	if v, ok := t.Args.Str("verbosity"); ok {
		if f, isNumber := value.Float(v); isNumber {
			level = int64(f)
		} else if _, err := fmt.Sscan(value.Str(v), &level); err != nil {
			return nil, fmt.Errorf("argument 'verbosity' is of type <class '%s'> and we were unable to convert to int: <class '%s'> cannot be converted to an int", value.TypeName(v), value.TypeName(v))
		}
	}
	if int64(t.Verbosity) < level {
		return value.DictOf("skipped_reason", "Verbosity threshold not met.", "skipped", true, "changed", false), nil
	}
	out := value.NewDict()
	if v, ok := t.Args.Str("var"); ok {
		if err := t.show(v, out); err != nil {
			return nil, err
		}
	} else if msg, ok := t.Args.Str("msg"); ok {
		out.SetStr("msg", msg)
	} else {
		out.SetStr("msg", "Hello world!")
	}
	out.SetStr("failed", false)
	out.SetStr("_ansible_verbose_always", true)
	return out, nil
}

// show evaluates what debug's var names.
func (t *Task) show(v value.Value, out *value.Dict) error {
	name, isText := v.(string)
	if !isText {
		out.SetStr("<class '"+value.TypeName(v)+"'>", v)
		return nil
	}
	found, err := t.Engine.Expression(t.Context, name, t.Scope)
	if err == nil {
		if text, ok := found.(string); ok {
			found, err = t.Engine.Value(t.Context, text, t.Scope)
		}
	}
	if err != nil && !template.IsUndefined(err) {
		return err
	}
	if err != nil {
		found = "VARIABLE IS NOT DEFINED!"
		if t.Verbosity > 0 {
			found = fmt.Sprintf("VARIABLE IS NOT DEFINED!: %s", err)
		}
	}
	if _, ok := found.(*value.Undefined); ok {
		found = "VARIABLE IS NOT DEFINED!"
	}
	out.SetStr(name, found)
	return nil
}

func fail(t *Task) (*value.Dict, error) {
	if err := t.check("msg"); err != nil {
		return nil, err
	}
	msg := value.Value("Failed as requested from task")
	if v, ok := t.Args.Str("msg"); ok {
		msg = v
	}
	return value.DictOf("failed", true, "msg", msg, "changed", false), nil
}

// setFact gives the host variables.
func setFact(t *Task) (*value.Dict, error) {
	cacheable, err := t.flag("cacheable", false)
	if err != nil {
		return nil, err
	}
	facts := value.NewDict()
	for k, v := range t.Args.All() {
		name := value.Str(k)
		if name == "cacheable" {
			continue
		}
		if template.IsTemplate(name) {
			if name, err = t.Engine.Text(t.Context, name, t.Scope); err != nil {
				return nil, err
			}
		}
		if name == "_raw_params" {
			return nil, errors.New("no key/value pairs provided, at least one is required for this action to succeed")
		}
		if !identifier.MatchString(name) {
			return nil, value.Errorf("The variable name '%s' is not valid. Variables must start with a letter or underscore character, and contain only letters, numbers and underscores.", name)
		}
		if s, ok := v.(string); ok && !t.Engine.Native {
			switch strings.ToLower(s) {
			case "true", "false", "yes", "no":
				v, err = boolean(s)
				if err != nil {
					return nil, err
				}
			}
		}
		facts.SetStr(name, v)
	}
	if facts.Len() == 0 {
		return nil, value.Errorf("No key/value pairs provided, at least one is required for this action to succeed")
	}
	return value.DictOf("ansible_facts", facts, "_ansible_facts_cacheable", cacheable, "changed", false), nil
}

// assert checks conditions. Its arguments come as they are written.
func assert(t *Task) (*value.Dict, error) {
	if err := t.check("fail_msg", "msg", "quiet", "success_msg", "that"); err != nil {
		return nil, err
	}
	that, ok := t.Args.Str("that")
	if !ok {
		return nil, errors.New("conditional required in \"that\" string")
	}
	quietRaw, _ := t.Args.Str("quiet")
	quietValue, err := t.Engine.Value(t.Context, quietRaw, t.Scope)
	if err != nil {
		return nil, err
	}
	quiet := quietValue != nil && value.Truth(quietValue) && value.Str(quietValue) != "False" && value.Str(quietValue) != "no"
	conditions := []value.Value{that}
	if l, isList := that.(*value.List); isList {
		conditions = l.Items
	}
	out := value.NewDict()
	if !quiet {
		out.SetStr("_ansible_verbose_always", true)
	}
	for _, c := range conditions {
		holds, err := t.Engine.Holds(t.Context, []value.Value{c}, t.Scope)
		if err != nil {
			return nil, err
		}
		if holds {
			continue
		}
		msg, err := t.message("Assertion failed", "fail_msg", "msg")
		if err != nil {
			return nil, err
		}
		out.SetStr("failed", true)
		out.SetStr("evaluated_to", false)
		out.SetStr("assertion", c)
		out.SetStr("msg", msg)
		out.SetStr("changed", false)
		return out, nil
	}
	msg, err := t.message("All assertions passed", "success_msg")
	if err != nil {
		return nil, err
	}
	out.SetStr("changed", false)
	out.SetStr("msg", msg)
	return out, nil
}

// message is one of assert's messages: text, or a list of texts.
func (t *Task) message(otherwise string, names ...string) (value.Value, error) {
	for _, n := range names {
		raw, ok := t.Args.Str(n)
		if !ok || raw == nil {
			continue
		}
		v, err := t.Engine.Value(t.Context, raw, t.Scope)
		if err != nil {
			return nil, err
		}
		switch v.(type) {
		case string, value.Unsafe, *value.List:
			return v, nil
		}
		return nil, value.Errorf("Incorrect type for %s, expected a string or list and got %s", n, "<class '"+value.TypeName(v)+"'>")
	}
	return otherwise, nil
}

func setStats(t *Task) (*value.Dict, error) {
	if err := t.check("data", "per_host", "aggregate"); err != nil {
		return nil, err
	}
	raw, _ := t.Args.Str("data")
	data, ok := raw.(*value.Dict)
	if raw != nil && !ok {
		return nil, value.Errorf("The 'data' option needs to be a dictionary/hash")
	}
	if data == nil {
		data = value.NewDict()
	}
	perHost, err := t.flag("per_host", false)
	if err != nil {
		return nil, err
	}
	aggregate, err := t.flag("aggregate", true)
	if err != nil {
		return nil, err
	}
	for k := range data.All() {
		if !identifier.MatchString(value.Str(k)) {
			return nil, value.Errorf("The variable name '%s' is not valid. Variables must start with a letter or underscore character, and contain only letters, numbers and underscores.", value.Str(k))
		}
	}
	return value.DictOf("changed", false, "ansible_stats", value.DictOf("data", data, "per_host", perHost, "aggregate", aggregate)), nil
}

// addHost puts a host into the inventory.
func addHost(t *Task) (*value.Dict, error) {
	name := ""
	for _, option := range []string{"name", "hostname", "host"} {
		if v := t.text(option); v != "" {
			name = v
			break
		}
	}
	if name == "" {
		return nil, errors.New("name, host or hostname needs to be provided")
	}
	vars := value.NewDict()
	groups := value.NewList()
	for k, v := range t.Args.All() {
		switch key := value.Str(k); key {
		case "name", "hostname", "host", "_raw_params":
		case "groups", "groupname", "group":
			for _, g := range list(v) {
				groups.Items = append(groups.Items, value.Str(g))
			}
		default:
			vars.SetStr(key, v)
		}
	}
	host := name
	if at := strings.LastIndexByte(name, ':'); at > 0 && strings.Count(name, ":") == 1 {
		host = name[:at]
		vars.SetStr("ansible_ssh_port", name[at+1:])
	}
	return value.DictOf("changed", true, "add_host", value.DictOf("host_name", host, "groups", groups, "host_vars", vars)), nil
}

// groupBy puts the host into a group that a variable names.
func groupBy(t *Task) (*value.Dict, error) {
	if err := t.check("key", "parents"); err != nil {
		return nil, err
	}
	if !t.Args.Has("key") {
		return nil, errors.New("the 'key' param is required when using group_by")
	}
	parents := texts(argument(t, "parents"))
	if len(parents) == 0 {
		parents = []string{"all"}
	}
	spaces := func(s string) string { return strings.ReplaceAll(s, " ", "-") }
	out := value.NewList()
	for _, p := range parents {
		out.Items = append(out.Items, spaces(p))
	}
	return value.DictOf("changed", true, "add_group", spaces(t.text("key")), "parent_groups", out), nil
}

func argument(t *Task, name string) value.Value {
	v, _ := t.Args.Str(name)
	return v
}

// includeVars reads variables from a file or a folder of files.
func includeVars(t *Task) (*value.Dict, error) {
	if err := t.check("name", "file", "dir", "depth", "files_matching", "ignore_unknown_extensions", "extensions", "ignore_files", "hash_behaviour", "_raw_params"); err != nil {
		return nil, err
	}
	vars, files := value.NewDict(), value.NewList()
	if dir := t.text("dir"); dir != "" {
		if err := t.varsFolder(dir, vars, files); err != nil {
			return value.DictOf("ansible_included_var_files", files, "ansible_facts", value.NewDict(), "failed", true, "message", err.Error()), nil
		}
	} else {
		name := t.text("file")
		if name == "" {
			name = strings.TrimSpace(strings.TrimSuffix(t.text("_raw_params"), "\n"))
		}
		path, err := t.Controller.Find("vars", name)
		if err == nil {
			err = t.varsFile(path, vars)
			files.Items = append(files.Items, path)
		}
		if err != nil {
			return value.DictOf("ansible_included_var_files", files, "ansible_facts", value.NewDict(), "failed", true, "message", err.Error()), nil
		}
	}
	if name := t.text("name"); name != "" {
		vars = value.DictOf(name, vars)
	}
	return value.DictOf("ansible_facts", vars, "ansible_included_var_files", files, "changed", false, "_ansible_no_log", false), nil
}

func (t *Task) varsFile(path string, into *value.Dict) error {
	data, err := t.Controller.Read(path)
	if err != nil {
		return err
	}
	node, err := source.Load(path, data, t.Controller.Source)
	if err != nil {
		return err
	}
	if node == nil || node.Kind() == source.Null {
		return nil
	}
	d, ok := node.Value().(*value.Dict)
	if !ok {
		return fmt.Errorf("%s must be stored as a dictionary/hash", path)
	}
	for k, v := range d.All() {
		into.Set(k, v)
	}
	return nil
}

func (t *Task) varsFolder(dir string, into *value.Dict, files *value.List) error {
	path, err := t.Controller.Find("vars", dir)
	if err != nil {
		return fmt.Errorf("%s directory does not exist", dir)
	}
	depth := 0
	if v, ok := t.Args.Str("depth"); ok {
		if f, isNumber := value.Float(v); isNumber {
			depth = int(f)
		}
	}
	extensions := []string{"yaml", "yml", "json"}
	if v, ok := t.Args.Str("extensions"); ok {
		extensions = texts(v)
	}
	ignored, err := compile(texts(argument(t, "ignore_files")))
	if err != nil {
		return err
	}
	var matching *regexp.Regexp
	if m := t.text("files_matching"); m != "" {
		if matching, err = regexp.Compile(m); err != nil {
			return err
		}
	}
	unknown, err := t.flag("ignore_unknown_extensions", false)
	if err != nil {
		return err
	}
	found, err := tree(path, depth)
	if err != nil {
		return err
	}
	for _, file := range found {
		name := filepath.Base(file)
		if matching != nil && !matching.MatchString(name) || slices.ContainsFunc(ignored, func(r *regexp.Regexp) bool { return r.MatchString(name) }) {
			continue
		}
		if ext := strings.TrimPrefix(filepath.Ext(name), "."); !slices.Contains(extensions, ext) {
			if unknown {
				continue
			}
			return fmt.Errorf("%s does not have a valid extension: %s", file, strings.Join(extensions, ", "))
		}
		if err := t.varsFile(file, into); err != nil {
			return err
		}
		files.Items = append(files.Items, file)
	}
	return nil
}

// tree returns the files below a folder, sorted, at most depth folders deep (0: all).
func tree(dir string, depth int) ([]string, error) {
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := strings.Count(strings.TrimPrefix(path, dir), string(filepath.Separator))
		switch {
		case d.IsDir() && depth > 0 && rel >= depth:
			return filepath.SkipDir
		case !d.IsDir():
			out = append(out, path)
		}
		return nil
	})
	return out, err
}

func compile(patterns []string) ([]*regexp.Regexp, error) {
	var out []*regexp.Regexp
	for _, p := range patterns {
		r, err := regexp.Compile(p + "$")
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

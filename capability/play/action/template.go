package action

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// templateOptions are options of the action template that are settings of Jinja2.
var templateOptions = []string{
	"newline_sequence", "block_start_string", "block_end_string", "variable_start_string", "variable_end_string",
	"comment_start_string", "comment_end_string", "trim_blocks", "lstrip_blocks",
}

// templateFile renders a template and brings it to the target.
func templateFile(t *Task) (*value.Dict, error) {
	src, dest := t.text("src"), t.text("dest")
	if src == "" || dest == "" {
		return nil, errors.New("src and dest are required")
	}
	path, err := t.Controller.Find("templates", src)
	if err != nil {
		return nil, err
	}
	text, err := t.Render(path, dest)
	if err != nil {
		return nil, err
	}
	args := without(t.Args, append([]string{"src", "output_encoding"}, templateOptions...)...)
	args.SetStr("_original_basename", filepath.Base(path))
	if t.text("mode") == "preserve" {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		args.SetStr("mode", "0"+strconv.FormatUint(uint64(info.Mode().Perm()), 8))
	}
	if !args.Has("follow") {
		args.SetStr("follow", false)
	}
	return t.sendRendered(args, text)
}

func (t *Task) sendRendered(args *value.Dict, text string) (*value.Dict, error) {
	own := *t
	own.Args = args
	base, _ := args.Str("_original_basename")
	sent := merged(args, "checksum", shaText(text), "_original_basename", base)
	return own.Stream(copyModule, sent, strings.NewReader(text))
}

// Render renders a template file with the variables that say where it comes from.
func (t *Task) Render(path, dest string) (string, error) {
	data, err := t.Controller.Read(path)
	if err != nil {
		return "", err
	}
	settings := value.DictOf("trim_blocks", true, "lstrip_blocks", false)
	for _, name := range templateOptions {
		v, ok := t.Args.Str(name)
		if !ok || v == nil {
			continue
		}
		if name == "trim_blocks" || name == "lstrip_blocks" {
			b, err := boolean(v)
			if err != nil {
				return "", err
			}
			v = b
		}
		if name == "newline_sequence" {
			v = strings.NewReplacer(`\n`, "\n", `\r`, "\r").Replace(value.Str(v))
		}
		settings.SetStr(name, v)
	}
	scope := t.Scope.With(t.templateVars(path, dest))
	scope.Dirs = append([]string{filepath.Dir(path)}, scope.Dirs...)
	return t.Engine.File(template.FileRequest{Context: t.Context, Name: path, Text: string(data), Settings: settings, Scope: scope, Load: t.loader(scope.Dirs)})
}

// loader finds the templates that a template includes.
func (t *Task) loader(dirs []string) func(name string) (string, string, error) {
	return func(name string) (string, string, error) {
		for _, dir := range dirs {
			for _, path := range []string{filepath.Join(dir, "templates", name), filepath.Join(dir, name)} {
				if info, err := os.Stat(path); err != nil || info.IsDir() {
					continue
				}
				data, err := t.Controller.Read(path)
				return string(data), path, err
			}
		}
		return "", "", os.ErrNotExist
	}
}

// templateVars are the variables of a template file about itself.
func (t *Task) templateVars(path, dest string) *value.Dict {
	host, _ := os.Hostname() // it is for people
	out := value.DictOf("template_host", host, "template_path", path, "template_fullpath", path, "template_destpath", dest,
		"ansible_managed", t.Controller.Managed)
	info, err := os.Stat(path)
	if err != nil {
		return out
	}
	out.SetStr("template_mtime", value.Time{Time: info.ModTime()})
	out.SetStr("template_run_date", value.Time{Time: t.Controller.Now()})
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		id := strconv.FormatUint(uint64(s.Uid), 10)
		name := id
		if u, err := user.LookupId(id); err == nil {
			name = u.Username
		}
		out.SetStr("template_uid", name)
	}
	return out
}

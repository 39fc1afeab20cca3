package lookup

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/config"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// find looks for a file along the task's search path.
func (s *Set) find(c *template.LookupCall, kind, name string) (string, bool) {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		name = filepath.Join(s.Home, rest)
	}
	if filepath.IsAbs(name) {
		_, err := os.Stat(name)
		return name, err == nil
	}
	for _, dir := range s.dirs(c, kind) {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return "", false
}

// dirs are the folders where files of a kind are looked for.
func (s *Set) dirs(c *template.LookupCall, kind string) []string {
	var out []string
	for _, dir := range append(slices.Clone(c.Scope.Dirs), c.Scope.BaseDir) {
		if base := filepath.Base(dir); base == "tasks" || base == "handlers" {
			out = append(out, filepath.Join(filepath.Dir(dir), kind))
		}
		out = append(out, filepath.Join(dir, kind), dir)
	}
	return out
}

func (s *Set) file(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, name := range terms(c) {
		path, ok := s.find(c, "files", name)
		if !ok {
			return nil, fmt.Errorf("could not locate file in lookup: %s", name)
		}
		data, err := s.Read(path)
		if err != nil {
			return nil, err
		}
		text := string(data)
		if flag(c, "lstrip", false) {
			text = strings.TrimLeft(text, " \t\r\n\v\f")
		}
		if flag(c, "rstrip", true) {
			text = strings.TrimRight(text, " \t\r\n\v\f")
		}
		out.Items = append(out.Items, text)
	}
	return out, nil
}

// unvault returns files as they are, opened where they are vaults.
func (s *Set) unvault(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, name := range terms(c) {
		path, ok := s.find(c, "files", name)
		if !ok {
			return nil, value.Errorf("Unable to find file matching \"%s\" ", name)
		}
		data, err := s.Read(path)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, string(data))
	}
	return out, nil
}

// template renders templates.
func (s *Set) template(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, name := range terms(c) {
		path, ok := s.find(c, "templates", name)
		if !ok {
			return nil, fmt.Errorf("the template file %s could not be found for the lookup", name)
		}
		data, err := s.Read(path)
		if err != nil {
			return nil, err
		}
		settings := value.DictOf("trim_blocks", option(c, "trim_blocks", true), "lstrip_blocks", option(c, "lstrip_blocks", false))
		for _, key := range []string{"variable_start_string", "variable_end_string", "comment_start_string", "comment_end_string"} {
			if v, ok := c.Options.Str(key); ok && v != nil {
				settings.SetStr(key, v)
			}
		}
		scope := *c.Scope.With(value.DictOf("ansible_managed", s.Managed, "template_path", path, "template_fullpath", path))
		if d, ok := option(c, "template_vars", nil).(*value.Dict); ok {
			scope = *scope.With(d)
		}
		scope.Dirs = append([]string{filepath.Dir(path)}, scope.Dirs...)
		text, err := c.Engine.File(template.FileRequest{Context: c.Context, Name: path, Text: string(data), Settings: settings, Scope: &scope, Load: s.Loader(scope.Dirs)})
		if err != nil {
			return nil, err
		}
		if flag(c, "convert_data", true) {
			if v, err := value.Literal(text); err == nil && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) {
				out.Items = append(out.Items, v)
				continue
			}
		}
		out.Items = append(out.Items, text)
	}
	return out, nil
}

func (s *Set) fileglob(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, pattern := range terms(c) {
		dir, base := filepath.Split(pattern)
		folders := []string{filepath.Clean(dir)}
		if !filepath.IsAbs(pattern) {
			folders = nil
			for _, d := range s.dirs(c, "files") {
				folders = append(folders, filepath.Join(d, dir))
			}
		}
		for _, f := range folders {
			found, err := filepath.Glob(filepath.Join(f, base))
			if err != nil {
				return nil, err
			}
			found = slices.DeleteFunc(found, func(p string) bool { info, err := os.Stat(p); return err != nil || info.IsDir() })
			for _, p := range found {
				out.Items = append(out.Items, p)
			}
			if len(found) > 0 {
				break
			}
		}
	}
	return out, nil
}

// filetree lists what is below folders.
func (s *Set) filetree(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	seen := map[string]bool{}
	for _, name := range terms(c) {
		root, ok := s.find(c, "files", strings.TrimSuffix(name, "/"))
		if !ok {
			continue
		}
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || path == root {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil || seen[rel] {
				return err
			}
			seen[rel] = true
			info, err := d.Info()
			if err != nil {
				return err
			}
			entry := value.DictOf("root", root+"/", "path", rel, "state", "file", "mode", fmt.Sprintf("0%03o", info.Mode().Perm()), "size", info.Size(), "mtime", float64(info.ModTime().UnixNano())/1e9)
			switch {
			case d.IsDir():
				entry.SetStr("state", "directory")
			case d.Type()&fs.ModeSymlink != 0:
				entry.SetStr("state", "link")
				if to, err := os.Readlink(path); err == nil {
					entry.SetStr("src", to)
				}
			default:
				entry.SetStr("src", path)
			}
			out.Items = append(out.Items, entry)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// firstFound returns the first of several files that exists.
func (s *Set) firstFound(c *template.LookupCall) (*value.List, error) {
	skip := flag(c, "skip", false)
	var candidates []string
	add := func(files, paths []string) {
		for _, f := range files {
			if len(paths) == 0 {
				candidates = append(candidates, f)
			}
			for _, p := range paths {
				candidates = append(candidates, filepath.Join(p, f))
			}
		}
	}
	var walk func(v value.Value)
	walk = func(v value.Value) {
		switch t := v.(type) {
		case *value.List:
			for _, i := range t.Items {
				walk(i)
			}
		case *value.Dict:
			files, _ := t.Str("files")
			paths, _ := t.Str("paths")
			if v, ok := t.Str("skip"); ok {
				skip = skip || value.Truth(v) && !strings.EqualFold(value.Str(v), "false") && !strings.EqualFold(value.Str(v), "no")
			}
			add(split(files), split(paths))
		case *value.Undefined, nil:
		default:
			add(split(t), split(option(c, "paths", nil)))
		}
	}
	walk(c.Terms)
	if files := option(c, "files", nil); files != nil {
		add(split(files), split(option(c, "paths", nil)))
	}
	for _, name := range candidates {
		for _, kind := range []string{"files", "templates", "vars", "tasks"} {
			if path, ok := s.find(c, kind, name); ok {
				return value.NewList(path), nil
			}
		}
	}
	if skip {
		return value.NewList(), nil
	}
	return nil, value.Errorf("No file was found when using first_found.")
}

// split reads a list, or text with commas, semicolons or colons.
func split(v value.Value) []string {
	switch t := v.(type) {
	case nil:
		return nil
	case *value.List:
		var out []string
		for _, i := range t.Items {
			out = append(out, split(i)...)
		}
		return out
	}
	return strings.FieldsFunc(value.Str(v), func(r rune) bool { return r == ',' || r == ';' || r == ':' })
}

func (s *Set) lines(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, line := range terms(c) {
		data, err := run(c.Context, s.Programs, line, c.Scope.BaseDir)
		if err != nil {
			return nil, fmt.Errorf("lookup_plugin.lines(%s) returned %w", line, err)
		}
		for _, l := range value.SplitLines(string(data), false) {
			out.Items = append(out.Items, l)
		}
	}
	return out, nil
}

func (s *Set) pipe(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, line := range terms(c) {
		data, err := run(c.Context, s.Programs, line, c.Scope.BaseDir)
		if err != nil {
			return nil, fmt.Errorf("lookup_plugin.pipe(%s) returned %w", line, err)
		}
		out.Items = append(out.Items, strings.TrimRight(string(data), " \t\r\n\v\f"))
	}
	return out, nil
}

// words reads a term such as "key file=x col=2".
func words(c *template.LookupCall, term string) (string, map[string]string) {
	opts := map[string]string{}
	for k, v := range c.Options.All() {
		opts[value.Str(k)] = value.Str(v)
	}
	var key []string
	for f := range strings.FieldsSeq(term) {
		if k, v, ok := strings.Cut(f, "="); ok {
			opts[k] = v
			continue
		}
		key = append(key, f)
	}
	return strings.Join(key, " "), opts
}

func (s *Set) csvfile(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, t := range terms(c) {
		key, o := words(c, t)
		if key == "" {
			return nil, value.Errorf("Search key is required but was not found")
		}
		name := o["file"]
		if name == "" {
			name = "ansible.csv"
		}
		path, ok := s.find(c, "files", name)
		if !ok {
			return nil, fmt.Errorf("csvfile: could not find %s", name)
		}
		data, err := s.Read(path)
		if err != nil {
			return nil, err
		}
		r := csv.NewReader(strings.NewReader(string(data)))
		r.FieldsPerRecord, r.LazyQuotes = -1, true
		r.Comma = '\t'
		if d := o["delimiter"]; d != "" && d != "TAB" && d != `\t` {
			r.Comma = []rune(d)[0]
		}
		rows, err := r.ReadAll()
		if err != nil {
			return nil, fmt.Errorf("csvfile: %w", err)
		}
		column := 1
		if text := o["col"]; text != "" {
			if _, err := fmt.Sscan(text, &column); err != nil {
				return nil, fmt.Errorf("csvfile: col=%s is no number", text)
			}
		}
		var found value.Value
		if d, ok := o["default"]; ok {
			found = d
		}
		for _, row := range rows {
			if len(row) > column && row[0] == key {
				found = row[column]
				break
			}
		}
		if found != nil {
			out.Items = append(out.Items, found)
		}
	}
	return out, nil
}

// ini looks keys up in INI or properties files.
func (s *Set) ini(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, t := range terms(c) {
		key, o := words(c, t)
		name, section := o["file"], o["section"]
		if name == "" {
			name = "ansible.ini"
		}
		if section == "" {
			section = "global"
		}
		path, ok := s.find(c, "files", name)
		if !ok {
			return nil, value.Errorf("Could not find INI file '%s'", name)
		}
		data, err := s.Read(path)
		if err != nil {
			return nil, err
		}
		text := string(data)
		if o["type"] == "properties" {
			text, section = "[java_properties]\n"+text, "java_properties"
		}
		sections, err := config.Parse(text)
		if err != nil {
			return nil, err
		}
		v, ok := sections[section][strings.ToLower(key)]
		if !ok {
			v = o["default"]
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

// password makes a password once, and keeps it in a file.
func (s *Set) password(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, t := range terms(c) {
		name, o := words(c, t)
		text, err := s.onePassword(c, name, o)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, text)
	}
	return out, nil
}

func (s *Set) onePassword(c *template.LookupCall, name string, o map[string]string) (value.Value, error) {
	path := name
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		path = filepath.Join(s.Home, rest)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.Scope.BaseDir, path)
	}
	length := 20
	if text := o["length"]; text != "" {
		if _, err := fmt.Sscan(text, &length); err != nil || length < 1 || length > 1<<20 {
			return nil, fmt.Errorf("password: length=%s is no usable number", text)
		}
	}
	var content string
	if data, err := os.ReadFile(path); err == nil && path != os.DevNull {
		content = strings.TrimRight(string(data), "\n")
	}
	plain, salt, _ := strings.Cut(content, " salt=")
	salt, _, _ = strings.Cut(salt, " ident=")
	changed := false
	var err error
	if plain == "" {
		if plain, err = randomText(length, letters(o["chars"])); err != nil {
			return nil, err
		}
		changed = true
	}
	encrypt := o["encrypt"]
	if encrypt != "" && salt == "" {
		if salt, err = randomText(8, letters("")+"./"); err != nil {
			return nil, err
		}
		changed = true
	}
	if changed && path != os.DevNull {
		text := plain
		if encrypt != "" {
			text += " salt=" + salt
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text+"\n"), 0o600)); err != nil {
			return nil, err
		}
	}
	if encrypt == "" {
		return plain, nil
	}
	local := value.DictOf("garboard_password", value.Unsafe(plain))
	return c.Engine.Expression(c.Context, fmt.Sprintf("garboard_password | password_hash(%s, %s)", value.Repr(encrypt), value.Repr(salt)), c.Scope.With(local))
}

// letters are the characters that a password may have.
func letters(chars string) string {
	if chars == "" {
		chars = "ascii_letters,digits,.,:-_"
	}
	var b strings.Builder
	for class := range strings.SplitSeq(strings.ReplaceAll(chars, ",,", "\x00"), ",") {
		switch class {
		case "ascii_letters":
			b.WriteString("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		case "ascii_lowercase":
			b.WriteString("abcdefghijklmnopqrstuvwxyz")
		case "ascii_uppercase":
			b.WriteString("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
		case "digits":
			b.WriteString("0123456789")
		case "hexdigits":
			b.WriteString("0123456789abcdefABCDEF")
		case "punctuation":
			b.WriteString("!#$%&()*+,-./:;<=>?@[\\]^_`{|}~")
		default:
			b.WriteString(strings.ReplaceAll(class, "\x00", ","))
		}
	}
	return b.String()
}

// maxPage bounds a page that url fetches: 256 MiB.
const maxPage = 256 << 20

func (s *Set) url(c *template.LookupCall) (*value.List, error) {
	out := value.NewList()
	for _, address := range terms(c) {
		request, err := http.NewRequestWithContext(c.Context, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		if name := option(c, "username", nil); name != nil {
			request.SetBasicAuth(value.Str(name), value.Str(option(c, "password", "")))
		}
		if headers, ok := option(c, "headers", nil).(*value.Dict); ok {
			for k, v := range headers.All() {
				request.Header.Set(value.Str(k), value.Str(v))
			}
		}
		answer, err := s.HTTP.Do(request)
		if err != nil {
			//lint:ignore ST1005 Ansible's sentence
			return nil, fmt.Errorf("Failed lookup url for %s : %w", address, err)
		}
		data, err := io.ReadAll(io.LimitReader(answer.Body, maxPage))
		if err = errors.Join(err, answer.Body.Close()); err != nil {
			return nil, err
		}
		if answer.StatusCode >= 400 {
			return nil, value.Errorf("Received HTTP error for %s : HTTP Error %d: %s", address, answer.StatusCode, http.StatusText(answer.StatusCode))
		}
		if !flag(c, "split_lines", true) {
			out.Items = append(out.Items, string(data))
			continue
		}
		for _, l := range value.SplitLines(string(data), false) {
			out.Items = append(out.Items, l)
		}
	}
	return out, nil
}

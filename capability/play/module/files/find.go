package files

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/capability/play/regex"
)

func findModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.find", Summary: "Lists the files below folders that fit", CheckMode: true,
		Options: []module.Option{
			{Name: "paths", Aliases: []string{"name", "path"}, Type: module.List, Elements: module.Str, Required: true, Help: "The folders to look in."},
			{Name: "patterns", Aliases: []string{"pattern"}, Type: module.List, Elements: module.Str, Default: []any{}, Help: "Shell patterns or, with use_regex, regular expressions of the names."},
			{Name: "excludes", Aliases: []string{"exclude"}, Type: module.List, Elements: module.Str, Help: "Names that are left out, as patterns."},
			{Name: "contains", Help: "A regular expression that a line of the file begins with."},
			{Name: "read_whole_file", Type: module.Bool, Default: false, Help: "Look for contains anywhere in the whole file."},
			{Name: "file_type", Default: "file", Choices: choices("any", "directory", "file", "link"), Help: "What to list."},
			{Name: "age", Help: "At least this old, or with - at most: 4w, -1d, 3600."},
			{Name: "age_stamp", Default: "mtime", Choices: choices("atime", "ctime", "mtime"), Help: "Which time age means."},
			{Name: "size", Help: "At least this large, or with - at most: 1m, -10k."},
			{Name: "recurse", Type: module.Bool, Default: false, Help: "Look in all folders below too."},
			{Name: "depth", Type: module.Int, Help: "How deep to look."},
			{Name: "hidden", Type: module.Bool, Default: false, Help: "List names that begin with a dot too."},
			{Name: "follow", Type: module.Bool, Default: false, Help: "Go through symbolic links to folders."},
			{Name: "get_checksum", Type: module.Bool, Default: false, Help: "Compute SHA-1 checksums."},
			{Name: "use_regex", Type: module.Bool, Default: false, Help: "patterns and excludes are regular expressions."},
		},
		Returns: []module.Return{{Name: "files", Type: "list", Help: "What was found, as stat tells it."}, {Name: "matched", Type: "int", Help: "How many were found."},
			{Name: "examined", Type: "int", Help: "How many were looked at."}, {Name: "skipped_paths", Type: "dict", Help: "What could not be looked at, and why."}},
	}, Run: runFind}
}

// finder is one run of find.
type finder struct {
	c         *module.Call
	now       time.Time
	age, size *int64
	patterns  []*regex.Regexp
	excludes  []*regex.Regexp
	contains  *regex.Regexp
	found     []any
	looked    int64
	skipped   map[string]any
	been      map[[2]uint64]bool // folders reached through links, so that circles end
}

func runFind(ctx context.Context, c *module.Call) (module.Result, error) {
	f := &finder{c: c, now: c.Machine.Now(), found: []any{}, skipped: map[string]any{}, been: map[[2]uint64]bool{}}
	if err := f.limits(); err != nil {
		return nil, err
	}
	if err := f.compile(); err != nil {
		return nil, fail(err.Error())
	}
	for _, root := range c.Args.Strings("paths") {
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			reason := fmt.Sprintf("'%s' is not a directory", root)
			f.skipped[root] = reason
			c.Warn("Skipped '%s' path due to this access issue: %s\n", root, reason)
			continue
		}
		if err := f.walk(ctx, root, 1); err != nil {
			return nil, err
		}
	}
	message := "All paths examined"
	if len(f.skipped) > 0 {
		message = "Not all paths examined, check warnings for details"
	}
	return module.Result{"files": f.found, "changed": false, "msg": message, "matched": int64(len(f.found)),
		"examined": f.looked, "skipped_paths": f.skipped}, nil
}

var (
	ageForm  = regexp.MustCompile(`^(-?\d+)([smhdw]?)$`)
	sizeForm = regexp.MustCompile(`^(-?\d+)([bkmgt]?)$`)
	seconds1 = map[string]int64{"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
	bytes1   = map[string]int64{"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
)

func (f *finder) limits() (err error) {
	if f.age, err = limit(f.c, "age", ageForm, seconds1); err == nil {
		f.size, err = limit(f.c, "size", sizeForm, bytes1)
	}
	return err
}

// limit reads an option that is a number with a unit, nil where it is not given.
func limit(c *module.Call, option string, form *regexp.Regexp, units map[string]int64) (*int64, error) {
	if !c.Args.Has(option) {
		return nil, nil
	}
	text := c.Args.String(option)
	m := form.FindStringSubmatch(strings.ToLower(text))
	if m == nil {
		return nil, fail("failed to process "+option, option, text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	n *= units[m[2]]
	return &n, err
}

func (f *finder) compile() error {
	patterns := f.c.Args.Strings("patterns")
	useRegex := f.c.Args.Bool("use_regex")
	if len(patterns) == 0 {
		patterns = []string{map[bool]string{true: ".*", false: "*"}[useRegex]}
	}
	var err error
	if f.patterns, err = compileAll(patterns, useRegex); err != nil {
		return err
	}
	if f.excludes, err = compileAll(f.c.Args.Strings("excludes"), useRegex); err != nil {
		return err
	}
	if f.c.Args.Has("contains") {
		f.contains, err = regex.Compile(f.c.Args.String("contains"), 0)
	}
	return err
}

func compileAll(patterns []string, useRegex bool) ([]*regex.Regexp, error) {
	var out []*regex.Regexp
	for _, p := range patterns {
		if !useRegex {
			p = globPattern(p)
		}
		r, err := regex.Compile(p, 0)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// globPattern is a shell pattern as a regular expression: *, ?, [a-z], [!a].
func globPattern(glob string) string {
	var out strings.Builder
	out.WriteString("(?s)")
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			out.WriteString(".*")
		case '?':
			out.WriteByte('.')
		case '[':
			end := i + 1
			if end < len(glob) && glob[end] == '!' {
				end++
			}
			if end < len(glob) && glob[end] == ']' {
				end++
			}
			for end < len(glob) && glob[end] != ']' {
				end++
			}
			if end >= len(glob) {
				out.WriteString(`\[`)
				continue
			}
			class := strings.ReplaceAll(glob[i+1:end], `\`, `\\`)
			if rest, negated := strings.CutPrefix(class, "!"); negated {
				class = "^" + rest
			} else if strings.HasPrefix(class, "^") {
				class = `\` + class
			}
			out.WriteString("[" + class + "]")
			i = end
		default:
			out.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return out.String() + `\Z`
}

// walk looks at a folder, its files before its folders, and then below it.
func (f *finder) walk(ctx context.Context, dir string, depth int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		f.skipped[dir] = attribute.Reason(err, false)
		return nil
	}
	f.looked += int64(len(entries))
	var folders []string
	isFolder := func(path string) bool { info, err := os.Stat(path); return err == nil && info.IsDir() }
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); isFolder(path) {
			folders = append(folders, path)
		} else if err := f.look(path, depth); err != nil {
			return err
		}
	}
	for _, path := range folders {
		if err := f.look(path, depth); err != nil {
			return err
		}
	}
	if limit := f.c.Args.Int("depth"); !f.c.Args.Bool("recurse") || limit > 0 && depth > limit {
		return nil
	}
	for _, path := range folders {
		if !f.enters(path) {
			continue
		}
		if err := f.walk(ctx, path, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// enters says whether to look below a folder: links only where they are followed, once.
func (f *finder) enters(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		return err == nil
	}
	var st syscall.Stat_t
	if !f.c.Args.Bool("follow") || syscall.Stat(path, &st) != nil {
		return false
	}
	id := [2]uint64{st.Dev, st.Ino}
	if f.been[id] {
		return false
	}
	f.been[id] = true
	return true
}

// look lists one path where it fits.
func (f *finder) look(path string, depth int64) error {
	name := filepath.Base(path)
	limit := f.c.Args.Int("depth")
	if limit > 0 && depth > limit || strings.HasPrefix(name, ".") && !f.c.Args.Bool("hidden") {
		return nil
	}
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		f.skipped[path] = attribute.Reason(&os.PathError{Op: "lstat", Path: path, Err: err}, false)
		return nil
	}
	fits, err := f.fits(path, name, st)
	if err != nil || !fits {
		return err
	}
	entry := describe(path, st)
	entry["pw_name"], entry["gr_name"] = attribute.UserName(st.Uid), attribute.GroupName(st.Gid)
	if f.c.Args.Bool("get_checksum") && entry["isreg"] == true {
		if entry["checksum"], err = checksum(path, "sha1"); err != nil {
			return err
		}
	}
	f.found = append(f.found, entry)
	return nil
}

func (f *finder) fits(path, name string, st syscall.Stat_t) (bool, error) {
	kind := map[uint32]string{syscall.S_IFDIR: "directory", syscall.S_IFREG: "file", syscall.S_IFLNK: "link"}[st.Mode&syscall.S_IFMT]
	wanted := f.c.Args.String("file_type")
	if wanted != "any" && wanted != kind {
		return false, nil
	}
	if ok, err := anyMatches(f.patterns, name); err != nil || !ok {
		return false, err
	}
	if excluded, err := anyMatches(f.excludes, name); err != nil || excluded {
		return false, err
	}
	stamp := map[string]syscall.Timespec{"mtime": st.Mtim, "atime": st.Atim, "ctime": st.Ctim}[f.c.Args.String("age_stamp")]
	if !within(f.age, f.now.Sub(time.Unix(stamp.Unix())).Seconds()) {
		return false, nil
	}
	if kind == "file" && !within(f.size, float64(st.Size)) {
		return false, nil
	}
	if wanted != "file" || f.contains == nil {
		return true, nil
	}
	return f.hasContent(path)
}

// within says whether n is at least limit or, where that is negative, at most its amount.
func within(limit *int64, n float64) bool {
	switch {
	case limit == nil:
		return true
	case *limit >= 0:
		return n >= float64(*limit)
	}
	return n <= float64(-*limit)
}

func anyMatches(patterns []*regex.Regexp, name string) (bool, error) {
	for _, p := range patterns {
		if m, err := p.Match(name); m != nil || err != nil {
			return m != nil, err
		}
	}
	return false, nil
}

// hasContent looks for the task's expression in a file. What cannot be read has none.
func (f *finder) hasContent(path string) (bool, error) {
	if f.c.Args.Bool("read_whole_file") {
		data, err := os.ReadFile(path)
		if err != nil {
			return false, nil
		}
		m, err := f.contains.Search(string(data))
		return m != nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return false, nil
	}
	defer file.Close()
	for in := bufio.NewReader(file); ; {
		line, rerr := in.ReadString('\n')
		if line != "" {
			if m, err := f.contains.Match(line); m != nil || err != nil {
				return m != nil, err
			}
		}
		if rerr != nil {
			return false, nil
		}
	}
}

package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/capability/play/regex"
)

func assembleModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.assemble", Summary: "Joins the files of a folder, in the order of their names, to one file", Files: true,
		Options: []module.Option{
			{Name: "src", Type: module.Path, Required: true, Help: "The folder."},
			{Name: "dest", Type: module.Path, Required: true, Help: "The file to write."},
			{Name: "delimiter", Help: "Text between the parts; \\n and the like are understood."},
			{Name: "regexp", Help: "Only take files whose names it matches."},
			{Name: "ignore_hidden", Type: module.Bool, Default: false, Help: "Leave out files whose names begin with a dot."},
			{Name: "remote_src", Type: module.Bool, Default: true, Help: "The folder is on the machine itself."},
			{Name: "backup", Type: module.Bool, Default: false, Help: "Keep a copy of the file that is replaced."},
			{Name: "validate", Help: "A command that checks the new file before it is used; %s is its path."},
			{Name: "decrypt", Type: module.Bool, Default: true, Help: "Decrypt vaults; done before the content comes here."},
		},
		Returns: []module.Return{{Name: "checksum", Type: "str", Help: "SHA-1 of the content."}, {Name: "md5sum", Type: "str", Help: "MD5 of the content."}},
	}, Run: runAssemble}
}

func runAssemble(ctx context.Context, c *module.Call) (module.Result, error) {
	src, dest := c.Args.String("src"), c.Args.String("dest")
	info, err := os.Stat(src)
	switch {
	case err != nil:
		return nil, fail(fmt.Sprintf("Source (%s) does not exist", src))
	case !info.IsDir():
		return nil, fail(fmt.Sprintf("Source (%s) is not a directory", src))
	}
	var names *regex.Regexp
	if c.Args.Has("regexp") {
		if names, err = regex.Compile(c.Args.String("regexp"), 0); err != nil {
			return nil, fail(fmt.Sprintf(`Invalid Regexp (%s) in "%s"`, err, c.Args.String("regexp")))
		}
	}
	content, err := assembled(c, src, names)
	if err != nil {
		return nil, err
	}
	r := module.Result{"src": src, "dest": dest, "msg": "OK", "changed": false,
		"checksum": sumOf("sha1", content), "md5sum": sumOf("md5", content)}
	old, err := os.ReadFile(dest)
	if err != nil || string(old) != content {
		if err := writeAssembled(ctx, c, dest, content, r); err != nil {
			return nil, err
		}
	}
	did, err := attribute.Of(c, dest).Apply(ctx, c, nil)
	r["changed"] = r["changed"] == true || did
	return r, err
}

func writeAssembled(ctx context.Context, c *module.Call, dest, content string, r module.Result) error {
	if c.Args.Bool("backup") {
		backup, err := attribute.Backup(c, dest)
		if err != nil {
			return err
		}
		if backup != "" {
			r["backup_file"] = backup
		}
	}
	r["changed"] = true
	return attribute.WriteValidated(ctx, c, dest, content, c.Args.String("validate"))
}

// assembled joins the fragments. Each begins on a line of its own.
func assembled(c *module.Call, src string, names *regex.Regexp) (string, error) {
	entries, err := os.ReadDir(src) // in the order of the names
	if err != nil {
		return "", err
	}
	delimiter, err := unescape(c.Args.String("delimiter"))
	if err != nil {
		return "", fail(err.Error())
	}
	if delimiter != "" && !strings.HasSuffix(delimiter, "\n") {
		delimiter += "\n"
	}
	var out strings.Builder
	for _, e := range entries {
		if takes, err := takesFragment(c, names, src, e.Name()); err != nil || !takes {
			if err != nil {
				return "", err
			}
			continue
		}
		data, err := os.ReadFile(filepath.Join(src, e.Name()))
		if err != nil {
			return "", err
		}
		if out.Len() > 0 {
			if !strings.HasSuffix(out.String(), "\n") {
				out.WriteByte('\n')
			}
			out.WriteString(delimiter)
		}
		out.Write(data)
	}
	return out.String(), nil
}

func takesFragment(c *module.Call, names *regex.Regexp, src, name string) (bool, error) {
	if c.Args.Bool("ignore_hidden") && strings.HasPrefix(name, ".") {
		return false, nil
	}
	if names != nil {
		if m, err := names.Search(name); m == nil || err != nil {
			return false, err
		}
	}
	info, err := os.Stat(filepath.Join(src, name))
	return err == nil && info.Mode().IsRegular(), nil
}

// unescape understands \n, \t, \x41 and the like.
func unescape(text string) (string, error) {
	r, err := regex.Compile("", regex.Bytes)
	if err != nil {
		return "", err
	}
	m, err := r.Search("")
	if m == nil || err != nil {
		return "", err
	}
	return m.Expand(text)
}

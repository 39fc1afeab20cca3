package files

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

// editOptions are the options that all modules share which edit text files.
func editOptions() []module.Option {
	return []module.Option{
		{Name: "path", Aliases: []string{"dest", "destfile", "name"}, Type: module.Path, Required: true, Help: "The file to edit."},
		{Name: "backup", Type: module.Bool, Default: false, Help: "Keep a copy of the file before it is changed."},
		{Name: "validate", Help: "A command that checks the new file before it is used; %s is its path."},
	}
}

// edit is a change of a text file's content.
type edit struct {
	c             *module.Call
	path          string
	before, after string
	exists        bool
	message       string
	backup        string
}

// splitLines cuts text behind each \n, which the lines keep.
func splitLines(text string) []string {
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// openEdit reads the file to edit. With create, a file that does not exist is
// empty, and its folder is made.
func openEdit(c *module.Call, create bool, missing string) (*edit, error) {
	e := &edit{c: c, path: c.Args.String("path")}
	data, err := os.ReadFile(e.path)
	switch {
	case err == nil:
		e.before, e.exists = string(data), true
		return e, nil
	case !os.IsNotExist(err):
		return nil, fail(attribute.Reason(err, true))
	case !create:
		return nil, fail(fmt.Sprintf(missing, e.path), "rc", int64(257))
	}
	if dir := filepath.Dir(e.path); !c.Check {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return nil, fail(fmt.Sprintf("Error creating %s (%s)", dir, attribute.Reason(err, true)))
		}
	}
	return e, nil
}

// notFolder fails where the path is a folder.
func notFolder(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fail(fmt.Sprintf("Path %s is a directory !", path), "rc", int64(256))
	}
	return nil
}

// save writes the new content where there is any and this is no check, after
// the backup and validation that the task asks for.
func (e *edit) save(ctx context.Context) error {
	if e.message == "" || e.c.Check {
		return nil
	}
	if e.c.Args.Bool("backup") && e.exists {
		var err error
		if e.backup, err = attribute.Backup(e.c, e.path); err != nil {
			return err
		}
	}
	return attribute.WriteValidated(ctx, e.c, e.path, e.after, e.c.Args.String("validate"))
}

// attributes sets the file's attributes and adds to the message where that changed something.
func (e *edit) attributes(ctx context.Context, changed bool, diff *attribute.Diff) (bool, error) {
	did, err := attribute.Of(e.c, e.path).Apply(ctx, e.c, diff)
	if err != nil || !did {
		return changed, err
	}
	if changed {
		e.message += " and "
	}
	e.message += "ownership, perms or SE linux context changed"
	return true, nil
}

// result reports the edit: content and attributes as two differences.
func (e *edit) result(ctx context.Context) (module.Result, error) {
	changed := e.message != ""
	header := e.path + " (content)"
	content := map[string]any{"before": "", "after": "", "before_header": header, "after_header": header}
	if e.c.Diff {
		content["before"], content["after"] = e.before, e.after
	}
	if e.c.Check && !e.exists {
		return module.Result{"changed": changed, "msg": e.message, "diff": content}, nil
	}
	diff := attribute.NewDiff()
	changed, err := e.attributes(ctx, changed, diff)
	if err != nil {
		return nil, err
	}
	header = e.path + " (file attributes)"
	attributes := map[string]any{"before_header": header, "after_header": header}
	if len(diff.After) > 0 {
		attributes["before"], attributes["after"] = diff.Before, diff.After
	}
	return module.Result{"changed": changed, "msg": e.message, "diff": []any{content, attributes}}, nil
}

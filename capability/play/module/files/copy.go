package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func copyModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.copy", Summary: "Puts a file, given content or a folder at a path of the machine", Files: true, CheckMode: true,
		Options: []module.Option{
			{Name: "src", Type: module.Path, Help: "What to copy: a path on this machine, or the name of what is streamed to it."},
			{Name: "content", NoLog: true, Help: "The file's content, instead of src."},
			{Name: "dest", Type: module.Path, Required: true, Help: "Where to. With / at its end it is a folder."},
			{Name: "backup", Type: module.Bool, Default: false, Help: "Keep a copy of the file that is replaced."},
			{Name: "force", Type: module.Bool, Default: true, Help: "Replace a file whose content differs; else leave it."},
			{Name: "validate", Help: "A command that checks the new file before it is used; %s is its path."},
			{Name: "directory_mode", Type: module.Raw, Help: "The mode of folders that are made on the way."},
			{Name: "remote_src", Type: module.Bool, Help: "src is on the machine itself."},
			{Name: "local_follow", Type: module.Bool, Help: "Copy what symbolic links in a folder point to, not the links."},
			{Name: "follow", Type: module.Bool, Default: false, Help: "Write through a symbolic link at dest."},
			{Name: "checksum", Help: "The SHA-1 checksum that the content must have."},
			{Name: "decrypt", Type: module.Bool, Default: true, Help: "Decrypt vaults; done before the content comes here."},
			{Name: "_original_basename", Help: "The source's name, for a dest that is a folder."},
		},
		Returns: []module.Return{
			{Name: "dest", Type: "str", Help: "The file that was written."}, {Name: "src", Type: "str", Help: "What was copied."},
			{Name: "checksum", Type: "str", Help: "SHA-1 of the content."}, {Name: "md5sum", Type: "str", Help: "MD5 of the content."},
			{Name: "backup_file", Type: "str", Help: "The copy of the old file."}},
	}, Run: runCopy}
}

// copyTask is one run of copy.
type copyTask struct {
	c         *module.Call
	src, dest string
	source    string // where the content lies on this machine: src, or what was streamed
	streamed  bool   // it was streamed or given, so that the answer is that of Ansible's action
	folder    bool   // the source is a folder
	fresh     bool   // nothing is at dest yet
	sum, md5  string
	mode      any
	changed   bool
	backup    string
}

func runCopy(ctx context.Context, c *module.Call) (module.Result, error) {
	t := &copyTask{c: c, src: c.Args.String("src"), dest: c.Args.String("dest"), mode: c.Args["mode"]}
	if !strings.Contains(t.dest, "/") {
		t.dest = "./" + t.dest
	}
	if err := t.takeSource(); err != nil {
		return nil, err
	}
	if err := t.makeFolders(ctx); err != nil {
		return nil, err
	}
	if info, err := os.Stat(t.dest); err == nil && info.IsDir() {
		name := c.Args.String("_original_basename")
		if name == "" {
			name = filepath.Base(t.src)
			if strings.HasSuffix(t.src, "/") {
				name = ""
			}
		}
		t.dest = joinRaw(t.dest, name)
	} else {
		t.fresh = err != nil
	}
	r, err := t.copy(ctx)
	var f *module.Failure
	if t.streamed && errors.As(err, &f) && f.Result != nil {
		f.Result["checksum"] = t.sum // Ansible's action tells it of failures too
	}
	return r, err
}

// takeSource finds the content: streamed, given, or a path, and looks at it.
func (t *copyTask) takeSource() error {
	t.source = t.src
	var stream io.Reader
	switch {
	case t.c.Machine.Upload != nil && !t.c.Args.Bool("remote_src"):
		stream = t.c.Machine.Upload
	case t.c.Args.Has("content"):
		stream = strings.NewReader(t.c.Args.String("content"))
	case !t.c.Args.Has("src"):
		return fail("Source None not found")
	}
	if t.streamed = stream != nil; t.streamed {
		var err error
		if t.source, err = receive(t.c, stream); err != nil {
			return err
		}
	}
	info, err := os.Stat(t.source)
	if err != nil {
		return fail(fmt.Sprintf("Source %s not found", t.src))
	}
	if syscall.Access(t.source, 4) != nil {
		return fail(fmt.Sprintf("Source %s not readable", t.src))
	}
	if t.folder = info.IsDir(); t.mode == "preserve" {
		t.mode = int64(info.Sys().(*syscall.Stat_t).Mode & attribute.Permissions)
	}
	return t.checkSource(info)
}

func (t *copyTask) checkSource(info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		if !t.folder && t.c.Args.Bool("remote_src") {
			return fail(fmt.Sprintf("Cannot copy invalid source '%s': not a file", t.src))
		}
		return nil
	}
	var err error
	if t.sum, err = checksum(t.source, "sha1"); err != nil {
		return err
	}
	if t.md5, err = checksum(t.source, "md5"); err != nil {
		return err
	}
	if want := t.c.Args.String("checksum"); want != "" && want != t.sum {
		return fail("Copied file does not match the expected checksum. Transfer failed.", "checksum", t.sum, "expected_checksum", want)
	}
	return nil
}

// receive keeps streamed content in the call's own folder, and says where.
func receive(c *module.Call, content io.Reader) (string, error) {
	f, err := os.CreateTemp(c.Machine.Temp, "source")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, content)
	return f.Name(), errors.Join(err, f.Close())
}

// makeFolders makes the folder that a dest with / at its end names, and gives
// the folders that are new the task's attributes.
func (t *copyTask) makeFolders(ctx context.Context) error {
	if !strings.HasSuffix(t.dest, "/") {
		return nil
	}
	if name := t.c.Args.String("_original_basename"); name != "" {
		t.dest += name
	}
	dir := dirRaw(t.dest)
	if _, err := os.Stat(dir); err == nil || t.c.Check {
		t.changed = err != nil
		return nil
	}
	var made []string
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil {
			break
		}
		made = append([]string{at}, made...)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fail(attribute.Reason(err, false))
	}
	t.changed = true
	for _, path := range made {
		w := attribute.Of(t.c, path)
		w.Mode = t.c.Args["directory_mode"]
		if _, err := w.Apply(ctx, t.c, nil); err != nil {
			return err
		}
	}
	return nil
}

func (t *copyTask) copy(ctx context.Context) (module.Result, error) {
	old, err := t.lookAtDest()
	if err != nil {
		return nil, err
	}
	switch {
	case old.keep && t.streamed:
		return module.Result{"src": t.src, "dest": t.dest, "changed": false}, nil
	case old.keep:
		return module.Result{"msg": "file already exists", "src": t.src, "dest": t.dest, "changed": false}, nil
	case t.streamed && !t.changed && !old.link && t.sum == old.sum:
		return t.unchanged(ctx)
	}
	diff := t.diff(old)
	if t.streamed && t.c.Check {
		return withDiff(module.Result{"changed": true}, diff), nil
	}
	if t.folder {
		err = t.copyFolder(ctx)
	} else if t.sum != old.sum || old.link || t.sum == "" {
		t.changed = true
		if !t.c.Check {
			err = t.replace(ctx, old)
		}
	}
	if err != nil {
		return nil, err
	}
	return t.done(ctx, diff)
}

func withDiff(r module.Result, diff map[string]any) module.Result {
	if diff != nil {
		r["diff"] = []any{diff}
	}
	return r
}

// unchanged settles the attributes of a file that has the content already. It
// answers as the module file does, which Ansible runs then.
func (t *copyTask) unchanged(ctx context.Context) (module.Result, error) {
	diff := startDiff(t.dest, "file", "file")
	w := attribute.Of(t.c, t.dest)
	w.Mode = t.mode
	changed, err := w.Apply(ctx, t.c, diff)
	return module.Result{"changed": changed, "dest": t.dest, "path": t.dest, "checksum": t.sum, "diff": diff.Map()}, err
}

// done settles the attributes of what was copied, and reports.
func (t *copyTask) done(ctx context.Context, diff map[string]any) (module.Result, error) {
	if t.streamed {
		t.src = t.source
	}
	r := withDiff(module.Result{"dest": t.dest, "src": nil, "md5sum": nil, "checksum": nil}, diff)
	for key, v := range map[string]string{"src": t.src, "md5sum": t.md5, "checksum": t.sum, "backup_file": t.backup} {
		if v != "" {
			r[key] = v
		}
	}
	if !t.c.Check {
		w := attribute.Of(t.c, t.dest)
		w.Mode = t.mode
		did, err := w.Apply(ctx, t.c, nil)
		if err != nil {
			return nil, err
		}
		t.changed = t.changed || did
	}
	r["changed"] = t.changed
	return r, nil
}

// present is what stands at dest before the copy.
type present struct {
	sum  string // SHA-1 of a file
	link bool
	keep bool // it is there, and the task forbids to replace it
}

func (t *copyTask) lookAtDest() (present, error) {
	var p present
	info, err := os.Lstat(t.dest)
	if err == nil && info.Mode()&os.ModeSymlink != 0 {
		p.link = true
		if t.c.Args.Bool("follow") {
			t.dest, p.link = attribute.RealPath(t.dest), false
		}
	}
	info, err = os.Stat(t.dest)
	dir := dirRaw(t.dest)
	if dir == "" {
		dir = "."
	}
	switch {
	case err == nil && !t.c.Args.Bool("force"):
		p.keep = true
		return p, nil
	case err == nil && info.Mode().IsRegular() && syscall.Access(t.dest, 4) == nil:
		if p.sum, err = checksum(t.dest, "sha1"); err != nil {
			return p, err
		}
	case err != nil:
		if _, err := os.Stat(dir); os.IsPermission(err) {
			return p, fail(fmt.Sprintf("Destination directory %s is not accessible", dir))
		} else if err != nil && !(t.c.Check && (t.changed || t.streamed)) {
			return p, fail(fmt.Sprintf("Destination directory %s does not exist", dir))
		}
	}
	if syscall.Access(dir, 2) != nil && !t.c.Args.Bool("unsafe_writes") && !(t.c.Check && (t.changed || t.streamed)) {
		return p, fail(fmt.Sprintf("Destination %s not writable", dir))
	}
	return p, nil
}

// replace puts the source at dest, after backup and validation.
func (t *copyTask) replace(ctx context.Context, old present) error {
	if _, err := os.Stat(t.dest); err == nil && t.c.Args.Bool("backup") {
		if t.backup, err = attribute.Backup(t.c, t.dest); err != nil {
			return err
		}
	}
	if old.link {
		if err := os.Remove(t.dest); err != nil {
			return err
		}
	}
	in, err := os.Open(t.source)
	if err != nil {
		return err
	}
	stage, err := attribute.NewStage(t.c, t.dest, in)
	if err = errors.Join(err, in.Close()); err != nil {
		return err
	}
	if err := t.validate(ctx, stage.Path); err != nil {
		return errors.Join(err, stage.Discard())
	}
	if err := stage.Commit(t.c); err != nil {
		return errors.Join(err, stage.Discard())
	}
	return nil
}

// validate asks the task's command about the new content, which has its mode
// and owner already: some programs look at those.
func (t *copyTask) validate(ctx context.Context, path string) error {
	command := t.c.Args.String("validate")
	if command == "" {
		return nil
	}
	w := attribute.Of(t.c, path)
	w.Mode, w.Attributes = t.mode, ""
	if _, err := w.Apply(ctx, t.c, nil); err != nil {
		return err
	}
	out, err := attribute.Validate(ctx, t.c, command, path)
	if err == nil && out.Code != 0 {
		err = fail("failed to validate", "exit_status", int64(out.Code), "stdout", out.Stdout, "stderr", out.Stderr)
	}
	return err
}

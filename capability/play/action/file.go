package action

import (
	"bytes"
	"crypto/md5"  // a checksum that results show
	"crypto/sha1" // the checksum that Ansible compares files by
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

const (
	copyModule = "ansible.builtin.copy"
	fileModule = "ansible.builtin.file"
)

// copyFile brings a file, a folder or a text to the target.
func copyFile(t *Task) (*value.Dict, error) {
	remote, err := t.flag("remote_src", false)
	if err != nil {
		return nil, err
	}
	src, hasContent := t.text("src"), t.Args.Has("content") && argument(t, "content") != nil
	switch {
	case t.text("dest") == "":
		return nil, errors.New("dest is required")
	case src == "" && !hasContent:
		return nil, errors.New("src (or content) is required")
	case src != "" && hasContent:
		return nil, errors.New("src and content are mutually exclusive")
	case hasContent && strings.HasSuffix(t.text("dest"), "/"):
		return nil, errors.New("can not use content with a dir as dest")
	case remote:
		return t.Run(copyModule, t.Args)
	case hasContent:
		return t.sendContent(contentText(argument(t, "content")))
	}
	path, err := t.Controller.Find("files", strings.TrimSuffix(src, "/"))
	if err != nil {
		return nil, &Failure{Message: err.Error(), Result: value.DictOf("changed", false, "exception", err.Error())}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return t.copyFolder(path, strings.HasSuffix(src, "/"))
	}
	return t.copyOne(path, t.text("dest"), filepath.Base(path))
}

// contentText is content as a file's text: what is no text becomes JSON.
func contentText(v value.Value) string {
	switch v.(type) {
	case *value.Dict, *value.List:
		if data, err := value.JSON(v, value.JSONOptions{ASCII: true}); err == nil {
			return string(data)
		}
	}
	return value.Str(v)
}

func (t *Task) sendContent(text string) (*value.Dict, error) {
	args := merged(without(t.Args, "content", "src"), "checksum", sum(sha1.New(), []byte(text)), "_original_basename", path.Base(t.text("dest"))) // see the import
	return t.Stream(copyModule, args, strings.NewReader(text))
}

func sum(h hash.Hash, data []byte) string {
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

func fileSum(h hash.Hash, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// copyOne brings one file to the target. Vaults are opened on the way.
func (t *Task) copyOne(local, dest, name string) (*value.Dict, error) {
	decrypt, err := t.flag("decrypt", true)
	if err != nil {
		return nil, err
	}
	args := merged(without(t.Args, "content", "decrypt", "local_follow"), "src", local, "dest", dest, "_original_basename", name)
	if mode := t.text("mode"); mode == "preserve" {
		info, err := os.Stat(local)
		if err != nil {
			return nil, err
		}
		args.SetStr("mode", fmt.Sprintf("0%03o", info.Mode().Perm()))
	}
	head := make([]byte, len("$ANSIBLE_VAULT;"))
	f, err := os.Open(local)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if decrypt && string(head[:n]) == "$ANSIBLE_VAULT;" {
		data, err := t.Controller.Read(local)
		if err != nil {
			return nil, err
		}
		args.SetStr("checksum", sum(sha1.New(), data)) // see the import
		return t.Stream(copyModule, args, bytes.NewReader(data))
	}
	checksum, err := fileSum(sha1.New(), local) // see the import
	if err != nil {
		return nil, err
	}
	args.SetStr("checksum", checksum)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return t.Stream(copyModule, args, f)
}

// copyFolder brings a folder to the target: below its own name, or with a slash
// behind the source its content alone.
func (t *Task) copyFolder(local string, contentOnly bool) (*value.Dict, error) {
	dest := t.text("dest")
	base := local
	if !contentOnly {
		base = filepath.Dir(local)
	}
	changed := false
	var last *value.Dict
	err := filepath.WalkDir(local, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(base, p)
		if err != nil {
			return err
		}
		to := path.Join(dest, filepath.ToSlash(rel))
		result, err := t.copyEntry(p, to, d)
		if err != nil {
			return err
		}
		changed = changed || truth(result, "changed")
		last = result
		if truth(result, "failed") {
			return errStop
		}
		return nil
	})
	if errors.Is(err, errStop) {
		return last, nil
	}
	if err != nil {
		return nil, err
	}
	return value.DictOf("changed", changed, "dest", dest, "src", local), nil
}

var errStop = errors.New("a file of the folder failed")

func truth(d *value.Dict, key string) bool {
	v, ok := d.Str(key)
	return ok && value.Truth(v)
}

func (t *Task) copyEntry(local, to string, d fs.DirEntry) (*value.Dict, error) {
	follow, err := t.flag("local_follow", true)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(local)
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		args := t.fileArgs("path", to, "state", "directory")
		args.Delete("mode")
		if mode := argument(t, "directory_mode"); mode != nil {
			args.SetStr("mode", mode)
		}
		return t.Run(fileModule, args)
	case d.Type()&fs.ModeSymlink != 0 && !follow:
		target, err := os.Readlink(local)
		if err != nil {
			return nil, err
		}
		return t.Run(fileModule, t.fileArgs("path", to, "state", "link", "src", target, "force", true))
	}
	return t.copyOne(local, to, filepath.Base(local))
}

// fileArgs are the task's arguments about owners and modes, and more.
func (t *Task) fileArgs(pairs ...value.Value) *value.Dict {
	out := value.NewDict()
	for _, name := range []string{"mode", "owner", "group", "seuser", "serole", "setype", "selevel", "attributes", "attr", "unsafe_writes", "follow"} {
		if v, ok := t.Args.Str(name); ok && v != nil && value.Str(v) != "preserve" {
			out.SetStr(name, v)
		}
	}
	return merged(out, pairs...)
}

// fetch brings a file of the target to the controller.
func fetch(t *Task) (*value.Dict, error) {
	src, dest := t.text("src"), t.text("dest")
	for _, option := range []struct{ name, what string }{{"src", "source"}, {"dest", "destination"}} {
		if v, ok := t.Args.Str(option.name); ok && v != nil {
			if _, isText := value.Text(v); !isText {
				return nil, value.Errorf("Invalid type supplied for %s option, it must be a string", option.what)
			}
		}
	}
	if src == "" || dest == "" {
		return nil, errors.New("src and dest are required")
	}
	if t.Check {
		return value.DictOf("skipped", true, "msg", "check mode not (yet) supported for this module", "changed", false), nil
	}
	must, err := t.flag("fail_on_missing", true)
	if err != nil {
		return nil, err
	}
	stat, err := t.Run("ansible.builtin.stat", value.DictOf("path", src, "follow", true, "get_checksum", true))
	if err != nil {
		return nil, err
	}
	raw, _ := stat.Str("stat")
	info, _ := raw.(*value.Dict)
	if info == nil || !truth(info, "exists") {
		if must {
			return nil, &Failure{Message: "the remote file does not exist", Result: value.DictOf("file", src)}
		}
		return value.DictOf("msg", "the remote file does not exist, not transferring, ignored", "file", src, "changed", false), nil
	}
	if truth(info, "isdir") {
		if must {
			return nil, &Failure{Message: "remote file is a directory, fetch cannot work on directories", Result: value.DictOf("file", src)}
		}
		return value.DictOf("msg", "remote file is a directory, fetch cannot work on directories", "file", src, "changed", false), nil
	}
	flat, err := t.flag("flat", false)
	if err != nil {
		return nil, err
	}
	checksum, _ := info.Str("checksum")
	return t.fetchTo(src, t.fetchPath(src, dest, flat), value.Str(checksum))
}

// fetchPath is where a fetched file goes: below dest, the host's name and its own path.
func (t *Task) fetchPath(src, dest string, flat bool) string {
	if !filepath.IsAbs(dest) && !strings.HasPrefix(dest, "~") {
		dest = filepath.Join(t.Scope.BaseDir, dest) + strings.Repeat("/", min(1, len(dest)-len(strings.TrimRight(dest, "/"))))
	}
	if flat {
		if strings.HasSuffix(dest, "/") {
			return filepath.Join(dest, path.Base(src))
		}
		return dest
	}
	return filepath.Join(dest, t.Host, path.Clean("/"+src)) // nothing that a host names leaves its folder
}

func (t *Task) fetchTo(src, dest, checksum string) (*value.Dict, error) {
	local, err := fileSum(sha1.New(), dest) // see the import
	if err == nil && local == checksum {
		md5sum, err := fileSum(md5.New(), dest) // see the import
		if err != nil {
			return nil, err
		}
		return value.DictOf("changed", false, "md5sum", md5sum, "file", src, "dest", dest, "checksum", local), nil
	}
	if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
		return nil, err
	}
	to, err := t.Target()
	if err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(dest), ".garboard-fetch-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())     // nothing is left to remove when it went well
	h, m := sha1.New(), md5.New() // see the import
	err = to.Get(t.Context, src, io.MultiWriter(f, h, m))
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return nil, err
	}
	got := hex.EncodeToString(h.Sum(nil))
	if checksum != "" && got != checksum {
		return nil, &Failure{Message: "checksum mismatch", Result: value.DictOf("file", src, "dest", dest, "remote_md5sum", nil, "checksum", got, "remote_checksum", checksum)}
	}
	if err := os.Rename(f.Name(), dest); err != nil {
		return nil, err
	}
	return value.DictOf("changed", true, "md5sum", hex.EncodeToString(m.Sum(nil)), "dest", dest, "remote_md5sum", nil, "checksum", got, "remote_checksum", got), nil
}

// assemble puts fragments together: on the target, or here for the target.
func assemble(t *Task) (*value.Dict, error) {
	remote, err := t.flag("remote_src", true)
	if err != nil {
		return nil, err
	}
	if t.text("src") == "" || t.text("dest") == "" {
		return nil, errors.New("src and dest are required")
	}
	if remote {
		return t.Run("ansible.builtin.assemble", t.Args)
	}
	dir, err := t.Controller.Find("files", t.text("src"))
	if err != nil {
		return nil, err
	}
	text, err := t.fragments(dir)
	if err != nil {
		return nil, err
	}
	args := without(t.Args, "src", "remote_src", "regexp", "delimiter", "ignore_hidden", "decrypt")
	own := *t
	own.Args = args
	return own.sendContent(text)
}

func (t *Task) fragments(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", value.Errorf("Source (%s) is not a directory", dir)
	}
	patterns, err := compile(slices.DeleteFunc([]string{t.text("regexp")}, func(s string) bool { return s == "" }))
	if err != nil {
		return "", err
	}
	hidden, err := t.flag("ignore_hidden", false)
	if err != nil {
		return "", err
	}
	delimiter := strings.ReplaceAll(t.text("delimiter"), `\n`, "\n")
	var b strings.Builder
	for _, e := range entries {
		if e.IsDir() || hidden && strings.HasPrefix(e.Name(), ".") || len(patterns) > 0 && !patterns[0].MatchString(e.Name()) {
			continue
		}
		data, err := t.Controller.Read(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		if b.Len() > 0 && delimiter != "" {
			if !strings.HasSuffix(b.String(), "\n") {
				b.WriteByte('\n')
			}
			b.WriteString(delimiter)
			if !strings.HasSuffix(delimiter, "\n") {
				b.WriteByte('\n')
			}
		}
		b.Write(data)
	}
	return b.String(), nil
}

// unarchive brings an archive to the target and unpacks it there.
func unarchive(t *Task) (*value.Dict, error) {
	const name = "ansible.builtin.unarchive"
	remote, err := t.flag("remote_src", false)
	if err != nil {
		return nil, err
	}
	src := t.text("src")
	if src == "" || t.text("dest") == "" {
		return nil, errors.New("src (or content) and dest are required")
	}
	if remote {
		return t.Run(name, t.Args)
	}
	local, err := t.Controller.Find("files", src)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(local)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return t.Stream(name, merged(without(t.Args, "decrypt", "copy"), "_original_basename", filepath.Base(local), "src", local), f)
}

func shaText(text string) string { return sum(sha1.New(), []byte(text)) } // see the import

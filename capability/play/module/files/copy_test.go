package files_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/files"
	"garboard.dev/garboard/host/program"
)

// TestStreamedContent is the way of files from the controller, where Ansible's
// action and module work together; the answers are those of ansible-core 2.14.
func TestStreamedContent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dest := filepath.Join(dir, "x")
	run := func(args string, check bool) map[string]any {
		r := module.Execute(t.Context(), module.NewList(files.Modules()), module.Execution{
			Name: "ansible.builtin.copy", Args: []byte(strings.ReplaceAll(args, "$D", dir)), Check: check, Diff: true,
			Machine: module.Machine{Programs: program.Linux{}, Now: time.Now, Getenv: os.Getenv, Temp: t.TempDir(), Upload: strings.NewReader("new\n")},
		})
		delete(r, "invocation")
		out := generic(t, r)
		for _, key := range []string{"uid", "gid", "owner", "group", "size"} {
			delete(out, key)
		}
		if src, _ := out["src"].(string); strings.Contains(src, "source") {
			out["src"] = "SOURCE"
		}
		return settled(out, dir, nil).(map[string]any)
	}
	created := []any{map[string]any{"before": "", "after": "new\n", "after_header": "/local/s"}}
	for i, c := range []struct {
		args  string
		check bool
		want  map[string]any
	}{
		{`{"src":"/local/s","dest":"$D/none/x"}`, true, map[string]any{"changed": true, "diff": created}},
		{`{"src":"/local/s","dest":"$D/none/x"}`, false, map[string]any{"changed": false, "failed": true, "msg": "Destination directory $D/none does not exist"}},
		{`{"src":"/local/s","dest":"$D/x"}`, true, map[string]any{"changed": true, "diff": created}},
		{`{"src":"/local/s","dest":"$D/x","mode":"0644"}`, false, map[string]any{"changed": true, "diff": created, "dest": "$D/x", "src": "SOURCE", "mode": "0644", "state": "file"}},
		{`{"src":"/local/s","dest":"$D/x"}`, false, map[string]any{"changed": false, "dest": "$D/x", "path": "$D/x", "mode": "0644", "state": "file",
			"diff": map[string]any{"before": map[string]any{"path": "$D/x"}, "after": map[string]any{"path": "$D/x"}}}},
		{`{"src":"/local/s","dest":"$D/x","mode":"0600"}`, false, map[string]any{"changed": true, "dest": "$D/x", "path": "$D/x", "mode": "0600", "state": "file",
			"diff": map[string]any{"before": map[string]any{"path": "$D/x", "mode": "0644"}, "after": map[string]any{"path": "$D/x", "mode": "0600"}}}},
		{`{"src":"/local/s","dest":"$D/x","force":false}`, false, map[string]any{"changed": false, "dest": "$D/x", "src": "/local/s", "mode": "0600", "state": "file"}},
		{`{"src":"/local/s","dest":"$D/x","checksum":"0"}`, false, map[string]any{"changed": false, "failed": true, "expected_checksum": "0",
			"msg": "Copied file does not match the expected checksum. Transfer failed."}},
	} {
		got := run(c.args, c.check)
		delete(got, "checksum")
		delete(got, "md5sum")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%d: %s (-want +got):\n%s", i, c.args, diff)
		}
	}
	if data, err := os.ReadFile(dest); err != nil || string(data) != "new\n" {
		t.Errorf("the file holds %q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a folder was made")
	}
}

// TestContentNeedsNoStream takes the content as an argument.
func TestContentNeedsNoStream(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	r := ours(t, step{module: "ansible.builtin.copy", args: map[string]any{"content": "text", "dest": path, "mode": "0640"}})
	if r["changed"] != true || r["mode"] != "0640" {
		t.Errorf("got %v", r)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "text" {
		t.Errorf("the file holds %q, %v", data, err)
	}
}

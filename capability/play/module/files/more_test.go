package files_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/files"
	"garboard.dev/garboard/host/program"
)

// TestHashedHosts keeps a host's hashed name, whatever its salt, and finds it again.
func TestHashedHosts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "known_hosts")
	run := func(args map[string]any) map[string]any {
		args["path"] = path
		return ours(t, step{module: "ansible.builtin.known_hosts", args: args})
	}
	const key = "h1 ssh-ed25519 AAAA"
	for i, want := range []bool{true, false} {
		if r := run(map[string]any{"name": "h1", "key": key, "hash_host": true}); r["changed"] != want {
			t.Errorf("run %d: %v", i, r)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(data), "|1|") || !strings.HasSuffix(string(data), " ssh-ed25519 AAAA\n") {
		t.Errorf("the file holds %q, %v", data, err)
	}
	if r := run(map[string]any{"name": "h1", "key": "h1 ssh-ed25519 BBBB", "hash_host": true}); r["changed"] != true {
		t.Errorf("another key: %v", r)
	}
	if r := run(map[string]any{"name": "h1", "state": "absent"}); r["changed"] != true {
		t.Errorf("removal: %v", r)
	}
	if data, err := os.ReadFile(path); err != nil || len(data) > 0 {
		t.Errorf("the file holds %q, %v", data, err)
	}
}

// TestStreamedArchive unpacks an archive that comes from the controller.
func TestStreamedArchive(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/usr/bin/tar"); err != nil {
		t.Skip("SKIPPED: tar is not installed here")
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "a", Mode: 0o640, Size: 2, Uid: os.Getuid(), Gid: os.Getgid(), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, want := range []bool{true, false} {
		r := module.Execute(t.Context(), module.NewList(files.Modules()), module.Execution{
			Name: "ansible.builtin.unarchive", Args: []byte(`{"src": "/local/a.tar", "_original_basename": "a.tar", "dest": "` + dir + `"}`),
			Machine: module.Machine{Programs: program.Linux{}, Now: time.Now, Getenv: os.Getenv, Temp: t.TempDir(), Upload: bytes.NewReader(archive.Bytes())},
		})
		if r["changed"] != want || r["handler"] != "TarArchive" || r["src"] != "/local/a.tar" {
			t.Errorf("got %v", r)
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "a")); err != nil || string(data) != "hi" {
		t.Errorf("the file holds %q, %v", data, err)
	}
}

// TestNetrc sends the password of ~/.netrc to its machine only.
func TestNetrc(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	host := strings.Split(strings.TrimPrefix(website(), "http://"), ":")[0]
	for text, want := range map[string]string{
		"machine " + host + " login me password pw\n":                           "me:pw",
		"machine elsewhere login you password no machine " + host + " login me": "me:",
		"machine elsewhere login you password no":                               ":",
		"machine elsewhere login you default login any password all":            "any:all",
	} {
		if err := os.WriteFile(filepath.Join(home, ".netrc"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r := module.Execute(t.Context(), module.NewList(files.Modules()), module.Execution{
			Name: "ansible.builtin.uri", Args: []byte(`{"url": "` + website() + `/auth", "status_code": [200, 401]}`),
			Machine: module.Machine{Programs: program.Linux{}, Now: time.Now, Temp: t.TempDir(), Getenv: func(name string) string {
				return map[string]string{"HOME": home}[name]
			}},
		})
		if r["failed"] != nil {
			t.Errorf("%q: %v", text, r)
		}
		r = module.Execute(t.Context(), module.NewList(files.Modules()), module.Execution{
			Name: "ansible.builtin.uri", Args: []byte(`{"url": "` + website() + `/echo", "return_content": true, "force_basic_auth": true}`),
			Machine: module.Machine{Programs: program.Linux{}, Now: time.Now, Temp: t.TempDir(), Getenv: func(name string) string {
				return map[string]string{"HOME": home}[name]
			}},
		})
		if content, _ := r["content"].(string); !strings.Contains(content, "|"+want+"|") {
			t.Errorf("%q sent %q, want %s", text, content, want)
		}
	}
}

// TestDates reads times as Python's strptime does.
func TestDates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for text, c := range map[string]struct{ format, want string }{
		"2024-02-29 13:05:09":          {"%Y-%m-%d %H:%M:%S", "2024-02-29 13:05:09"},
		"29 Feb 24 1:05 PM":            {"%d %b %y %I:%M %p", "2024-02-29 13:05:00"},
		"Thu February 29 2024":         {"%a %B %d %Y", "2024-02-29 00:00:00"},
		"60/2024":                      {"%j/%Y", "2024-02-29 00:00:00"},
		"2024-02-29T00:00:00.250+0000": {"%Y-%m-%dT%H:%M:%S.%f%z", time.Date(2024, 2, 29, 0, 0, 0, 250e6, time.UTC).Local().Format(time.DateTime)},
		"03/01/24 100%":                {"%D 100%%", "2024-03-01 00:00:00"},
	} {
		r := ours(t, step{module: "ansible.builtin.file", args: map[string]any{"path": path, "modification_time": text, "modification_time_format": c.format}})
		info, err := os.Stat(path)
		if got := info.ModTime().Local().Format(time.DateTime); err != nil || got != c.want {
			t.Errorf("%q by %q is %s, want %s: %v", text, c.format, got, c.want, r["msg"])
		}
	}
}

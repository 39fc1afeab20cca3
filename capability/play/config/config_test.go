package config

import (
	"errors"
	"io/fs"
	"reflect"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := Parse("# comment\n[defaults]\nForks = 10 ; many\nroles_path: a:b\n  c\n\n[ssh_connection]\nssh_args=-o A=b\nempty =\n")
	want := map[string]map[string]string{"defaults": {"forks": "10", "roles_path": "a:b\nc"}, "ssh_connection": {"ssh_args": "-o A=b", "empty": ""}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"a=b\n", "[x\n", "[x]\nnothing\n"} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q gives %v", text, got)
		}
	}
}

// The environment counts before the file, and the file before the defaults; paths
// of a file are relative to it.
func TestLoad(t *testing.T) {
	t.Parallel()
	files := map[string]string{"/work/ansible.cfg": "[defaults]\nforks=7\nroles_path=r:~/x\ntimeout=20\n"}
	env := map[string]string{"ANSIBLE_TIMEOUT": "30", "ANSIBLE_FORCE_COLOR": "yes"}
	r := Reader{
		ReadFile: func(path string) ([]byte, error) {
			if text, ok := files[path]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		},
		Getenv: func(name string) string { return env[name] }, Dir: "/work", Home: "/home/u",
	}
	c, err := Load(r)
	if err != nil {
		t.Fatal(err)
	}
	if c.File != "/work/ansible.cfg" || c.Int("DEFAULT_FORKS") != 7 || c.Int("DEFAULT_TIMEOUT") != 30 || !c.Bool("ANSIBLE_FORCE_COLOR") {
		t.Errorf("file %s, forks %d, timeout %d", c.File, c.Int("DEFAULT_FORKS"), c.Int("DEFAULT_TIMEOUT"))
	}
	if got := c.Paths("DEFAULT_ROLES_PATH"); !reflect.DeepEqual(got, []string{"/work/r", "/home/u/x"}) {
		t.Errorf("roles path %v", got)
	}
	if c.Origin("DEFAULT_TIMEOUT") != "env: ANSIBLE_TIMEOUT" || c.Origin("DEFAULT_FORKS") != c.File || c.Origin("DEFAULT_STRATEGY") != "default" {
		t.Error("origins are wrong")
	}
	r.WorldWritable = true
	if c, err := Load(r); err != nil || c.File != "" || len(c.Warnings) != 1 {
		t.Errorf("a world writable folder: %q, %v, %v", c.File, c.Warnings, err)
	}
	files["/work/ansible.cfg"], r.WorldWritable = "broken", false
	if _, err := Load(r); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a broken file gives %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[a]\nb=c\n d\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = Parse(text) // must end, and not panic
	})
}

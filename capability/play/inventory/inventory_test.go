package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

// disk reads the real files.
func disk() Reader {
	parse := func(path string, data []byte) (value.Value, error) {
		n, err := source.Load(path, data, source.Options{})
		if err != nil || n == nil {
			return nil, err
		}
		return n.Value(), nil
	}
	is := func(path string, dir bool) bool {
		info, err := os.Stat(path)
		return err == nil && info.IsDir() == dir
	}
	return Reader{
		ReadFile: os.ReadFile, Parse: parse,
		ReadDir: func(path string) (names []string, isDir bool, err error) {
			entries, err := os.ReadDir(path)
			for _, e := range entries {
				names = append(names, e.Name())
			}
			return names, true, err
		},
		IsDir: func(path string) bool { return is(path, true) }, IsFile: func(path string) bool { return is(path, false) },
		Executable: func(path string) bool { info, err := os.Stat(path); return err == nil && info.Mode()&0o111 != 0 },
		Run:        func(path string, args ...string) ([]byte, error) { return exec.Command(path, args...).Output() },
		Load: func(path string) (value.Value, error) {
			data, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			return parse(path, data)
		},
	}
}

func load(t *testing.T, sources ...string) *Inventory {
	t.Helper()
	i := New(disk())
	for _, s := range sources {
		if err := i.Source(s); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(s); err == nil && info.IsDir() {
			i.Folder(s)
		}
	}
	return i
}

// merged is a host's variables with later layers over earlier ones.
func merged(t *testing.T, i *Inventory, host string) map[string]any {
	t.Helper()
	layers, err := i.Vars(host)
	if err != nil {
		t.Fatal(err)
	}
	all := value.NewDict()
	for _, l := range layers {
		merge(all, l)
	}
	text, err := value.JSON(all, value.JSONOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// The real ansible-inventory sees the same hosts, groups and variables.
func TestAnsibleInventory(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		t.Skip("SKIPPED: no ansible-inventory to compare with (apt-get install ansible-core)")
	}
	const dir = "testdata/mixed/src"
	i := load(t, dir)
	cmd := exec.Command(program, "-i", dir, "--list")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	said, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var theirs map[string]struct {
		Hosts    []string                  `json:"hosts"`
		Children []string                  `json:"children"`
		HostVars map[string]map[string]any `json:"hostvars"`
	}
	if err := json.Unmarshal(said, &theirs); err != nil {
		t.Fatal(err)
	}
	for _, host := range i.Hosts() {
		ours, want := merged(t, i, host), theirs["_meta"].HostVars[host]
		if !reflect.DeepEqual(ours, want) && len(ours)+len(want) > 0 {
			t.Errorf("%s has\n  %v\nand for ansible-inventory\n  %v", host, ours, want)
		}
	}
	for name, group := range theirs {
		if name == "_meta" {
			continue
		}
		g, ok := i.Group(name)
		slices.Sort(g.Hosts)
		slices.Sort(group.Hosts)
		slices.Sort(g.Children)
		slices.Sort(group.Children)
		if !ok || !slices.Equal(g.Hosts, group.Hosts) && name != "all" || !slices.Equal(g.Children, group.Children) {
			t.Errorf("%s is %+v and for ansible-inventory %+v", name, g, group)
		}
	}
}

// Patterns choose the hosts that the real ansible chooses.
func TestPatterns(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("ansible")
	if err != nil {
		t.Skip("SKIPPED: no ansible to compare with (apt-get install ansible-core)")
	}
	const dir = "testdata/mixed/src"
	i := load(t, dir)
	for _, pattern := range []string{"all", "*", "web", "weba", "web:db", "web,db", "all:!web", "prod:&canary", "prod:!canary:!db", "web[0]", "web[-1]", "web[1:2]", "web[1:]", "~web[ab]$", "web*", "*.example.org", "db0[12]*", "!web", "ungrouped", "nope", "all:&nope"} {
		cmd := exec.Command(program, "-i", dir, "--list-hosts", pattern)
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		said, err := cmd.Output()
		if err != nil {
			t.Errorf("ansible %s: %v", pattern, err)
			continue
		}
		var want []string
		for n, line := range strings.Split(strings.TrimSpace(string(said)), "\n") {
			if n > 0 {
				want = append(want, strings.TrimSpace(line))
			}
		}
		got, err := i.Match(pattern)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v (%v), and ansible says %v", pattern, got, err, want)
		}
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	script := filepath.Join(t.TempDir(), "hosts")
	const text = "#!/bin/sh\n[ \"$1\" = --list ] && echo '{\"web\": {\"hosts\": [\"a\", \"b\"], \"vars\": {\"p\": 1}}, \"_meta\": {\"hostvars\": {\"a\": {\"x\": [1]}}}}'\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	i := load(t, script)
	if got := fmt.Sprint(merged(t, i, "a")); got != "map[p:1 x:[1]]" {
		t.Errorf("a has %s", got)
	}
}

func TestAddAtRunTime(t *testing.T) {
	t.Parallel()
	i := load(t, "a,b,")
	if !i.Add("c", []string{"new"}, value.DictOf("x", int64(1))) || i.Add("c", []string{"new"}, value.DictOf("x", int64(1))) {
		t.Error("adding a host twice changes something twice, or nothing at all")
	}
	if !i.AddToGroup("a", "debian", []string{"linux"}) || i.AddToGroup("a", "debian", []string{"linux"}) {
		t.Error("adding to a group twice changes something twice, or nothing at all")
	}
	if got := fmt.Sprint(i.Members("linux"), i.GroupsOf("a"), i.Members("ungrouped")); got != "[a] [all linux debian] [b]" {
		t.Errorf("members %s", got)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[a:nope]\n":            "unknown type",
		"[a:vars]\nx=1\n":       "undefined group",
		"[a]\n[a:children]\na":  "itself",
		"[a]\nh 'open\n":        "No closing quotation",
		"h novalue\n":           "Expected key=value",
		"web[5:1]\n":            "begin <= end",
		"web[01:100]\n":         "equal-length",
		"web[1:9999999999]\n":   "too many hosts",
		"web[1:999999][1:9999]": "too many hosts",
		"[a b]\n":               "Invalid section",
	} {
		err := New(disk()).INI("hosts", text)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "hosts:") {
			t.Errorf("%q: %v, want %q with the place", text, err, want)
		}
	}
}

func FuzzINI(f *testing.F) {
	for _, s := range []string{"[a]\nh x=1\n", "web[1:3]\n", "[a:children]\nb\n", "h:22", "[a:vars]\nk='v"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(text, "[") > 2 { // products of ranges take their time, within bounds
			t.Skip()
		}
		_ = New(disk()).INI("fuzz", text) // must end, and not panic
	})
}

func BenchmarkLarge(b *testing.B) {
	var text bytes.Buffer
	for g := range 200 {
		fmt.Fprintf(&text, "[group%d]\nhost%d-[1:100] a=1 b=two\n[group%d:vars]\nv=%d\n", g, g, g, g)
	}
	for b.Loop() {
		i := New(disk())
		if err := i.INI("large", text.String()); err != nil {
			b.Fatal(err)
		}
		i.mu.Lock()
		i.reconcile()
		i.mu.Unlock()
		for _, h := range i.Hosts() {
			if _, err := i.Vars(h); err != nil {
				b.Fatal(err)
			}
		}
	}
}

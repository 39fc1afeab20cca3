package files_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/files"
	"garboard.dev/garboard/host/program"
)

var update = flag.Bool("update", false, "write what the installed Ansible answers to testdata/scenario/*.json")

// scenario is a folder that a script fills, and modules that run on it one
// after the other. $D stands for the folder.
type scenario struct {
	Name   string
	Setup  string
	Root   bool     // it needs root
	Ignore []string // keys of results that are not compared
	Steps  []map[string]any
}

// outcome is what a scenario did: the results, and the folder after it.
type outcome struct {
	Name    string           `json:"name"`
	Results []map[string]any `json:"results"`
	Tree    map[string]any   `json:"tree"`
}

// step is one entry of a scenario's Steps: {<module>: {arguments}, check: true, diff: true}.
type step struct {
	module      string
	args        map[string]any
	check, diff bool
}

func readStep(t *testing.T, raw map[string]any, dir string) step {
	t.Helper()
	s := step{}
	for k, v := range raw {
		switch k {
		case "check":
			s.check = v.(bool)
		case "diff":
			s.diff = v.(bool)
		default:
			s.module = k
			s.args, _ = expand(v, dir).(map[string]any)
		}
	}
	if !strings.Contains(s.module, ".") {
		s.module = "ansible.builtin." + s.module
	}
	return s
}

// expand puts the folder's name in the place of $D.
func expand(v any, dir string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(strings.ReplaceAll(v, "$D", dir), "$URL", website())
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = expand(e, dir)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = expand(e, dir)
		}
		return out
	}
	return v
}

var backup = regexp.MustCompile(`\.\d+\.\d{4}-\d\d-\d\d@\d\d:\d\d:\d\d~`)

// volatile are keys that differ from run to run.
var volatile = []string{"atime", "mtime", "ctime", "inode", "dev", "elapsed", "blocks", "version", "exception", "date"}

// settled makes results comparable: the folder is $D again, this user and group have no number.
func settled(v any, dir string, ignore []string) any {
	switch v := v.(type) {
	case string:
		v = strings.ReplaceAll(strings.ReplaceAll(v, dir, "$D"), website(), "$URL")
		return backup.ReplaceAllString(v, ".BACKUP~")
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if slices.Contains(ignore, k) || slices.Contains(volatile, k) {
				continue
			}
			out[strings.ReplaceAll(k, dir, "$D")] = settled(e, dir, ignore)
		}
		if out["state"] == "directory" || out["isdir"] == true || out["state"] == "link" || out["islnk"] == true {
			delete(out, "size") // of a link: the length of what it points to
			delete(out, "nlink")
		}
		sortNames(out["directories"])
		sortNames(out["files"])
		sortNames(out["archived"])
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = settled(e, dir, ignore)
		}
		return out
	}
	return v
}

// sortNames puts names in order that Ansible gives in the order of the folder.
func sortNames(v any) {
	if list, ok := v.([]any); ok {
		slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
}

// ours runs a step with this package's module.
func ours(t *testing.T, s step) map[string]any {
	t.Helper()
	args, err := json.Marshal(s.args)
	if err != nil {
		t.Fatal(err)
	}
	r := module.Execute(t.Context(), module.NewList(files.Modules()), module.Execution{
		Name: s.module, Args: args, Check: s.check, Diff: s.diff, Machine: module.Machine{
			Programs: program.Linux{}, Now: time.Now, Getenv: os.Getenv, Temp: t.TempDir(),
		}})
	delete(r, "invocation")
	return generic(t, r)
}

// generic is v as JSON has it.
func generic(t *testing.T, v any) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// treeOf lists a folder: the mode and content of all files.
func treeOf(t *testing.T, dir string) map[string]any {
	t.Helper()
	tree := map[string]any{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if slices.Contains([]string{".tar", ".tgz", ".zip", ".zst", ".gz", ".bz2", ".xz"}, filepath.Ext(path)) {
				break // an archive's bytes differ from run to run
			}
			what += " " + strconv.Quote(strings.ReplaceAll(string(data), dir, "$D"))
		case info.Mode()&fs.ModeSymlink != 0:
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what += " -> " + strings.ReplaceAll(to, dir, "$D")
		}
		name := strings.TrimPrefix(path, dir+"/")
		tree[backup.ReplaceAllString(name, ".BACKUP~")] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func play(t *testing.T, s scenario, run func(*testing.T, step) map[string]any) outcome {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("sh", "-ec", "umask 022\n"+s.Setup)
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("setup: %v: %s", err, said)
	}
	out := outcome{Name: s.Name}
	for _, raw := range s.Steps {
		result := run(t, readStep(t, raw, dir))
		if result["changed"] == false {
			delete(result, "changed") // Ansible adds it later where a module leaves it out
		}
		out.Results = append(out.Results, settled(result, dir, s.Ignore).(map[string]any))
	}
	out.Tree = treeOf(t, dir)
	return out
}

func readScenarios(t *testing.T, path string) []scenario {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var list []scenario
	if err := yaml.Unmarshal(data, &list); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return list
}

func scenarioFiles(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/scenario/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	return paths
}

// TestScenarios compares our modules with what Ansible's answered when the
// scenarios were recorded.
func TestScenarios(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: the recorded scenarios are root's; this test runs as another user")
	}
	for _, path := range scenarioFiles(t) {
		golden := strings.TrimSuffix(path, ".yaml") + ".json"
		var recorded []outcome
		data, err := os.ReadFile(golden)
		if err == nil {
			err = json.Unmarshal(data, &recorded)
		}
		if err != nil {
			t.Fatalf("%v; record it with -run TestAnsible -update", err)
		}
		for i, s := range readScenarios(t, path) {
			t.Run(filepath.Base(path)+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				if i >= len(recorded) || recorded[i].Name != s.Name {
					t.Fatalf("%s is not recorded in %s", s.Name, golden)
				}
				compare(t, recorded[i], play(t, s, ours))
			})
		}
	}
}

// compare tells what differs, step by step. Where Ansible's module fell over,
// ours must fail too, in its own words.
func compare(t *testing.T, want, got outcome) {
	t.Helper()
	for i := range want.Results {
		w, g := want.Results[i], got.Results[i]
		if w["crashed"] != nil && g["failed"] == true {
			continue
		}
		if diff := cmp.Diff(w, g); diff != "" {
			t.Errorf("step %d (-Ansible +ours):\n%s", i+1, diff)
		}
	}
	if diff := cmp.Diff(want.Tree, got.Tree); diff != "" {
		t.Errorf("the folder (-Ansible +ours):\n%s", diff)
	}
}

// oracle is the installed Ansible's modules in one process.
type oracle struct {
	in  *json.Encoder
	out *json.Decoder
}

func startOracle(t *testing.T) *oracle {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import ansible.modules.file").Run(); err != nil {
		t.Skip("SKIPPED: Ansible is not installed here (packages ansible-core and ansible): nothing to compare with")
	}
	cmd := exec.Command(python, "testdata/oracle.py")
	cmd.Stderr = &bytes.Buffer{}
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Logf("oracle: %v: %s", err, cmd.Stderr)
		}
	})
	return &oracle{json.NewEncoder(in), json.NewDecoder(out)}
}

func (o *oracle) run(t *testing.T, s step) map[string]any {
	t.Helper()
	args := maps.Clone(s.args)
	args["_ansible_module_name"] = s.module
	args["_ansible_check_mode"], args["_ansible_diff"] = s.check, s.diff
	parts := strings.Split(s.module, ".")
	python := "ansible.modules." + parts[2]
	if parts[0] != "ansible" || parts[1] != "builtin" {
		python = fmt.Sprintf("ansible_collections.%s.%s.plugins.modules.%s", parts[0], parts[1], parts[2])
	}
	if err := o.in.Encode(map[string]any{"module": python, "args": args}); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := o.out.Decode(&out); err != nil {
		t.Fatal(err)
	}
	if out["crashed"] != nil {
		return map[string]any{"failed": true, "crashed": true}
	}
	return out
}

// TestAnsible holds the recorded scenarios against the Ansible that is installed.
func TestAnsible(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: the recorded scenarios are root's; this test runs as another user")
	}
	o := startOracle(t)
	for _, path := range scenarioFiles(t) {
		golden := strings.TrimSuffix(path, ".yaml") + ".json"
		got := []outcome{}
		for _, s := range readScenarios(t, path) {
			got = append(got, play(t, s, o.run))
		}
		data, err := json.MarshalIndent(got, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(golden, append(data, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(data)+"\n"); diff != "" {
			t.Errorf("%s (-recorded +installed):\n%s", golden, diff)
		}
	}
}

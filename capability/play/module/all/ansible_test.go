//go:build e2e

// These comparisons take a minute or two, since each module of Ansible starts a
// Python: go test -tags e2e ./capability/play/module/all

package all_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/all"
	"garboard.dev/garboard/host/program"
)

// scenario is a sequence of modules and shell commands that change a machine:
// a copy of this one that is thrown away.
type scenario struct {
	Name   string
	Needs  []string // programs without which the scenario is skipped
	Setup  string   // for sh, before the steps
	Ignore []string // keys of results that are not compared
	Mask   []string // regular expressions whose matches are not compared
	Steps  []map[string]any
}

// step is one entry of Steps: {<module>: {arguments}, check: true, diff: true},
// or {sh: "command"}, whose output is compared.
type step struct {
	module      string
	args        map[string]any
	shell       string
	check, diff bool
	ignore      []string // more keys of this step's result that are not compared
}

func readStep(raw map[string]any) step {
	s := step{}
	for k, v := range raw {
		switch k {
		case "check":
			s.check = v == true
		case "diff":
			s.diff = v == true
		case "ignore":
			for _, key := range v.([]any) {
				s.ignore = append(s.ignore, key.(string))
			}
		case "sh":
			s.shell, _ = v.(string)
		default:
			s.module = k
			s.args, _ = v.(map[string]any)
		}
	}
	if s.module != "" && !strings.Contains(s.module, ".") {
		s.module = "ansible.builtin." + s.module
	}
	return s
}

// outcome is what the steps of one scenario answered.
type outcome struct {
	Name    string
	Results []map[string]any
}

// side and file tell the copy of this test that runs inside a sandbox what to do.
const (
	sideVariable = "GARBOARD_SCENARIO_SIDE"
	fileVariable = "GARBOARD_SCENARIO_FILE"
	outVariable  = "GARBOARD_SCENARIO_OUT"
)

// sandbox runs "$@" on a copy of this machine: every file system is this one's
// below a layer of its own, and the network and the host's name are its own too.
const sandbox = `set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/up /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /mnt/root
for d in proc sys dev; do mount --rbind /$d /mnt/root/$d; done
cp "$1" /mnt/root/scenario.test
out=$2 dir=$3
mount --bind "$out" /mnt/root/mnt
mkdir -p /mnt/root/tmp
mount -t tmpfs -o mode=1777 tmpfs /mnt/root/tmp
ip link set lo up
exec chroot /mnt/root sh -c 'cd "$1" && exec /scenario.test -test.run "^TestInside$" -test.v' sh "$dir"
`

func inSandbox(t *testing.T, side, file string) ([]outcome, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--uts", "--net", "--propagation", "private", "sh", "-c", sandbox, "sh", self, out, dir)
	cmd.Env = append(os.Environ(), sideVariable+"="+side, fileVariable+"="+file, outVariable+"=/mnt/outcome.json", "PYTHONDONTWRITEBYTECODE=1")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", side, err, said)
	}
	data, err := os.ReadFile(filepath.Join(out, "outcome.json"))
	if err != nil {
		return nil, err
	}
	var list []outcome
	return list, json.Unmarshal(data, &list)
}

// TestInside is what runs inside a sandbox.
func TestInside(t *testing.T) {
	side := os.Getenv(sideVariable)
	if side == "" {
		t.Skip("this is the part of TestAgainstAnsible that runs inside of its sandbox")
	}
	run := ours
	if side == "ansible" {
		run = startOracle(t).run
	}
	list := []outcome{}
	for _, s := range readScenarios(t, os.Getenv(fileVariable)) {
		list = append(list, play(t, s, run))
	}
	data, err := json.Marshal(list)
	if err == nil {
		err = os.WriteFile(os.Getenv(outVariable), data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func play(t *testing.T, s scenario, run func(*testing.T, step) map[string]any) outcome {
	t.Helper()
	out := outcome{Name: s.Name}
	for _, name := range s.Needs {
		if _, err := exec.LookPath(name); err != nil {
			return out
		}
	}
	if said, err := exec.Command("sh", "-ec", s.Setup).CombinedOutput(); err != nil {
		t.Fatalf("%s: setup: %v: %s", s.Name, err, said)
	}
	for _, raw := range s.Steps {
		st := readStep(raw)
		if st.shell != "" {
			said, err := exec.Command("sh", "-c", st.shell).CombinedOutput()
			out.Results = append(out.Results, map[string]any{"said": string(said), "ended": fmt.Sprint(err)})
			continue
		}
		result := run(t, st)
		if result["changed"] == nil {
			result["changed"] = false
		}
		out.Results = append(out.Results, result)
	}
	return out
}

func ours(t *testing.T, s step) map[string]any {
	t.Helper()
	args, err := json.Marshal(s.args)
	if err != nil {
		t.Fatal(err)
	}
	r := module.Execute(t.Context(), all.Table(), module.Execution{
		Name: s.module, Args: args, Check: s.check, Diff: s.diff, Machine: module.Machine{
			Programs: program.Linux{}, Now: time.Now, Getenv: os.Getenv, Temp: t.TempDir(),
		}})
	delete(r, "invocation")
	return r
}

// oracle is the installed Ansible's modules in one process.
type oracle struct {
	in  *json.Encoder
	out *json.Decoder
}

const python = "/usr/bin/python3"

func startOracle(t *testing.T) *oracle {
	t.Helper()
	cmd := exec.Command(python, "testdata/oracle.py")
	cmd.Stderr = &bytes.Buffer{}
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
	args := map[string]any{}
	maps.Copy(args, s.args)
	args["_ansible_module_name"] = s.module
	args["_ansible_check_mode"], args["_ansible_diff"] = s.check, s.diff
	parts := strings.Split(s.module, ".")
	name := "ansible.modules." + parts[2]
	if parts[0] != "ansible" || parts[1] != "builtin" {
		name = fmt.Sprintf("ansible_collections.%s.%s.plugins.modules.%s", parts[0], parts[1], parts[2])
	}
	if err := o.in.Encode(map[string]any{"module": name, "args": args}); err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := o.out.Decode(&out); err != nil {
		t.Fatal(err)
	}
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

// volatile are keys that differ from run to run.
var volatile = []string{"elapsed", "exception", "start", "end", "delta"}

// settled takes out of a result what is not compared.
func settled(v any, ignore []string, mask []*regexp.Regexp) any {
	switch v := v.(type) {
	case string:
		for _, m := range mask {
			v = m.ReplaceAllString(v, "MASKED")
		}
		return v
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if !slices.Contains(ignore, k) && !slices.Contains(volatile, k) && !strings.HasSuffix(k, "_lines") {
				out[k] = settled(e, ignore, mask)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = settled(e, ignore, mask)
		}
		return out
	}
	return v
}

// TestAgainstAnsible plays the scenarios twice, each time on a copy of this
// machine: with our modules, and with those of the Ansible that is installed.
func TestAgainstAnsible(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("SKIPPED: NOT ROOT: our modules are not compared with Ansible's, which needs copies of this machine (mount namespaces, overlays)")
	}
	if err := exec.Command(python, "-c", "import ansible.modules.user").Run(); err != nil {
		t.Skip("SKIPPED: ANSIBLE IS NOT INSTALLED (packages ansible-core and ansible): our modules are not compared with it")
	}
	paths, err := filepath.Glob("testdata/scenario/*.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			t.Parallel()
			want, err := inSandbox(t, "ansible", path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := inSandbox(t, "ours", path)
			if err != nil {
				t.Fatal(err)
			}
			for i, s := range readScenarios(t, path) {
				t.Run(s.Name, func(t *testing.T) { compare(t, s, want[i], got[i]) })
			}
		})
	}
}

// compare tells what differs, step by step. Where Ansible's module fell over,
// ours must fail too, in its own words.
func compare(t *testing.T, s scenario, want, got outcome) {
	t.Helper()
	if len(want.Results) == 0 {
		t.Skipf("SKIPPED: one of the programs %q is not installed", s.Needs)
	}
	var mask []*regexp.Regexp
	for _, m := range s.Mask {
		mask = append(mask, regexp.MustCompile(m))
	}
	for i := range want.Results {
		w, g := want.Results[i], got.Results[i]
		if w["crashed"] != nil && g["failed"] == true {
			continue
		}
		ignore := slices.Concat(s.Ignore, readStep(s.Steps[i]).ignore)
		if diff := cmp.Diff(settled(w, ignore, mask), settled(g, ignore, mask)); diff != "" {
			t.Errorf("step %d %v (-Ansible +ours):\n%s", i+1, s.Steps[i], diff)
		}
	}
}

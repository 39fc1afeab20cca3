package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// expressions reads testdata/expressions.txt: one template a line.
func expressions(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '#' {
			out = append(out, strings.NewReplacer(`\n`, "\n", `\\`, `\`).Replace(line))
		}
	}
	return out
}

// playbookOf makes a playbook that shows each expression in a task of its own.
func playbookOf(t *testing.T, all []string) string {
	t.Helper()
	var tasks []any
	for _, e := range all {
		tasks = append(tasks, map[string]any{"debug": map[string]any{"msg": e}, "ignore_errors": true})
	}
	data, err := json.Marshal([]any{map[string]any{
		"hosts": "localhost", "gather_facts": false, "tasks": tasks, "vars": map[string]any{
			"people": []any{map[string]any{"name": "alice", "groups": []any{"wheel", "users"}, "age": 30}, map[string]any{"name": "bob", "groups": []any{"users"}, "age": 20}},
			"nested": map[string]any{"a": map[string]any{"b": map[string]any{"c": 1}}, "d": []any{1, []any{2, []any{3}}}}, "odd": "yes: no # x",
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "expressions.yml")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// answers are what the tasks gave: the output of a task that failed is only that.
func answers(out string) []string {
	var all []string
	for part := range strings.SplitSeq(out, "\nTASK [debug]") {
		switch at := strings.Index(part, "ok: [localhost] =>"); {
		case strings.Contains(part, "fatal: [localhost]"):
			all = append(all, "failed")
		case at >= 0:
			text, _, _ := strings.Cut(part[at:], "\n}\n")
			all = append(all, text)
		}
	}
	return all
}

// Filters, tests and lookups give the same as with the real Ansible.
func TestExpressions(t *testing.T) {
	t.Parallel()
	ansible, err := exec.LookPath("ansible-playbook")
	if err != nil {
		t.Skip("SKIPPED: ansible-playbook is not installed, so nothing is compared with it")
	}
	all := expressions(t)
	path := playbookOf(t, all)
	data, err := filepath.Abs("testdata/playbooks")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{path, "-i", "localhost,", "-c", "local", "-e", "data=" + data}
	var want bytes.Buffer
	cmd := exec.Command(ansible, args...)
	cmd.Env = append(os.Environ(), "ANSIBLE_NOCOLOR=1", "LC_ALL=C.UTF-8", "TZ=UTC")
	cmd.Stdout = &want
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, want.String())
	}
	out, errs, code := called(t, "play", args...)
	ours, theirs := answers(out), answers(want.String())
	if code != 0 || len(ours) != len(all) || len(theirs) != len(all) {
		t.Fatalf("exit code %d, %d and %d answers to %d expressions\n%s%s", code, len(ours), len(theirs), len(all), errs, out)
	}
	for i, e := range all {
		if ours[i] != theirs[i] {
			t.Errorf("%s\nours:   %s\ntheirs: %s", e, ours[i], theirs[i])
		}
	}
}

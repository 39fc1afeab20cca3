package source

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"garboard.dev/garboard/capability/play/value"
)

// TestPyYAML compares with Python's YAML (Debian's python3-yaml).
func TestPyYAML(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import yaml").Run(); err != nil {
		t.Skipf("SKIPPED: no Python with YAML to compare with (apt-get install python3-yaml): %v", err)
	}
	text, err := os.ReadFile("testdata/documents.txt")
	if err != nil {
		t.Fatal(err)
	}
	var documents []string
	var in bytes.Buffer
	for line := range strings.Lines(string(text)) {
		document := strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\t`, "\t").Replace(strings.TrimSuffix(line, "\n"))
		documents = append(documents, document)
		encoded, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(encoded, '\n'))
	}
	cmd := exec.Command(python, "testdata/oracle.py")
	cmd.Stdin = &in
	said, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewScanner(bytes.NewReader(said))
	for _, document := range documents {
		if !answers.Scan() {
			t.Fatal("Python gave too few answers")
		}
		var want struct{ Repr, Error string }
		if err := json.Unmarshal(answers.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		n, err := Load("f", []byte(document), Options{})
		got := "None"
		if n != nil {
			got = value.Repr(n.Value())
		}
		if (err != nil) != (want.Error != "") || err == nil && got != want.Repr {
			t.Errorf("%q is %s (%v), and for Python %s %s", document, got, err, want.Repr, want.Error)
		}
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	n, err := Load("site.yml", []byte("- hosts: all\n  tasks:\n    - name: x\n      debug:\n"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for play := range n.Items() {
		for key, child := range play.Fields() {
			if key != "tasks" {
				continue
			}
			for task := range child.Items() {
				if p := task.Position(); p.Line != 3 || p.Column != 7 || p.File != "site.yml" {
					t.Errorf("the task stands at %+v", p)
				}
			}
		}
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	open := func(data []byte, _ string) ([]byte, error) {
		if strings.Contains(string(data), "wrong") {
			return nil, errors.New("no secret fits")
		}
		return []byte("opened"), nil
	}
	n, err := Load("f", []byte("a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\nb: !unsafe '{{ x }}'\nc: !unsafe [a, {b: c}]\nd: !vault wrong\n"), Options{Decrypt: open})
	if err != nil {
		t.Fatal(err)
	}
	d, ok := n.Value().(*value.Dict)
	if !ok {
		t.Fatal("no dictionary")
	}
	a, _ := d.Str("a")
	if got, err := value.Force(a); got != "opened" || err != nil {
		t.Errorf("a is %v (%v)", got, err)
	}
	if b, _ := d.Str("b"); b != value.Unsafe("{{ x }}") {
		t.Errorf("b is %#v", b)
	}
	if wrong, _ := d.Str("d"); wrong != nil {
		if _, err := value.Force(wrong); err == nil {
			t.Error("d can be opened")
		}
	}
	whole, err := Load("f", []byte("$ANSIBLE_VAULT;1.1;AES256\n6162\n"), Options{Decrypt: open})
	if err != nil || whole.Value() != "opened" {
		t.Errorf("a whole file: %v", err)
	}
}

// What a few bytes can blow up is refused.
func TestBounds(t *testing.T) {
	t.Parallel()
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 12 {
		name, before := string(rune('b'+i)), string(rune('a'+i))
		if i == 0 {
			before = "a0"
		}
		bomb += name + ": &" + name + " [" + strings.TrimSuffix(strings.Repeat("*"+before+",", 10), ",") + "]\n"
	}
	for name, text := range map[string]string{
		"aliases in aliases": bomb,
		"deep lists":         strings.Repeat("[", 20_000),
		"a circle":           "a: &x [*x]",
	} {
		if _, err := Load("f", []byte(text), Options{Limit: 100_000}); err == nil {
			t.Errorf("%s are read", name)
		}
	}
}

func TestDuplicateKeys(t *testing.T) {
	t.Parallel()
	var warned []string
	n, err := Load("f.yml", []byte("a: 1\nb: 2\na: 3\n"), Options{Warn: func(text string) { warned = append(warned, text) }})
	if err != nil || value.Repr(n.Value()) != "{'a': 3, 'b': 2}" {
		t.Errorf("%v", err)
	}
	if len(warned) != 1 || !strings.Contains(warned[0], "duplicate dict key (a)") || !strings.Contains(warned[0], "f.yml, line 1") {
		t.Errorf("warned %q", warned)
	}
}

func FuzzLoad(f *testing.F) {
	for _, s := range []string{"a: 1", "- b\n- c", "&x [*x]", "!vault x", "? a\n: b", "1: 2", "<<: {a: 1}", "2001-01-01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Load("fuzz", []byte(text), Options{Limit: 10_000})
		if err == nil && n != nil {
			n.Value()
		}
	})
}

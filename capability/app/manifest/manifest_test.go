package manifest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadKinds(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"documents": "# head\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n--- # next\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n---\n",
		"crlf":      "apiVersion: v1\r\nkind: ConfigMap\r\nmetadata: {name: a}\r\n---\r\napiVersion: v1\r\nkind: ConfigMap\r\nmetadata: {name: b}\r\n",
		"list":      "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n",
		"json":      "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"ConfigMapList\",\n\t\"items\": [{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}},\n\t{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b\"}}]}",
		"bom":       "\xef\xbb\xbfapiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}",
		"block":     "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  x: |\n    one\n    ---\n    two\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
	} {
		objs, err := Read("f.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var names []string
		for _, o := range objs {
			names = append(names, o.GetName())
		}
		if got := strings.Join(names, " "); got != "a b" {
			t.Errorf("%s: got %q, want a b", name, got)
		}
	}
}

func TestErrorsNameLineAndField(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
	for _, test := range []struct{ text, want string }{
		{"a: [", "f.yaml:1: did not find expected node content"},
		{head + "---\n" + head + "  name: b\n", "f.yaml:10: metadata.name: stands here twice; first on line 5 of this document"},
		{"kind: ConfigMap\nmetadata: {name: a}", "f.yaml:1: apiVersion: is missing: every object has an apiVersion and a kind"},
		{head + "---\napiVersion: v1\nkind:\nmetadata: {name: b}", "f.yaml:7: kind: is missing: every object has an apiVersion and a kind"},
		{"apiVersion: v1\nkind: Pod\nmetadata:\n  labels: {}\n", "f.yaml:3: metadata.name: is missing"},
		{"apiVersion: v1\nkind: Pod\nmetadata:\n  generateName: x\n", "f.yaml:4: metadata.generateName: an object without"},
		{head + "  labels:\n    on: true\n", "f.yaml:5: metadata.labels[true]: a text is expected, got true: put quotes around it"},
		{head + "  labels:\n    app: x\n    version: 1.0\n", "f.yaml:7: metadata.labels[version]: a text is expected, got 1: put quotes around it"},
		{"apiVersion: v1\nkind: Pod\nmetadata:\n  name: 12\n", "f.yaml:4: metadata.name: a text is expected: put quotes around it"},
		{"- a\n- b\n", "f.yaml:1: an object is expected, with apiVersion, kind and metadata"},
		{head + "data:\n\tx: y\n", "f.yaml:6: found character that cannot start any token"},
		{"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n- kind: Pod\n", "f.yaml:5: apiVersion: is missing"},
		{"ok: 1\x00", "f.yaml:1: this is no text"},
	} {
		_, err := Read("f.yaml", []byte(test.text))
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%q:\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	objs, err := Read("f.yaml", []byte(`# a comment
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
spec:
  template:
    spec:
      containers:
      - name: init
        image: a
      - image: b
        name: web
        ports:
        - containerPort: 80
          hostPort: x
`))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		"spec.template.spec.containers[1].image":                                                     15,
		`.spec.template.spec.containers[name="web"].image`:                                           15,
		`.spec.template.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"].hostPort`: 19,
		"metadata.labels[app.kubernetes.io/name]":                                                    8,
		"spec.replicas":                          9,
		"spec.template.spec.containers[7].image": 12,
		"":                                       3,
	} {
		if got := objs[0].Line(path); got != want {
			t.Errorf("%s: line %d, want %d", path, got, want)
		}
	}
}

func TestValuesAreKubectls(t *testing.T) {
	t.Parallel()
	objs, err := Read("f.yaml", []byte("apiVersion: v1\nkind: X\nmetadata: {name: a}\nspec: {yes: on, big: 9007199254740993, text: \"1\", oct: 0644}\n"))
	if err != nil {
		t.Fatal(err)
	}
	spec := objs[0].Object["spec"].(map[string]any)
	if spec["true"] != true || spec["big"] != int64(9007199254740993) || spec["text"] != "1" || spec["oct"] != int64(0o644) {
		t.Errorf("got %#v", spec)
	}
}

func TestAliasesCannotExplode(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: X\nmetadata: {name: a}\na0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := range 20 {
		b.WriteString(strings.NewReplacer("N", string(rune('b'+i)), "P", string(rune('a'+i))).Replace("N0: &N0 [*P0,*P0,*P0,*P0,*P0,*P0,*P0,*P0,*P0]\n"))
	}
	var malformed *Error
	if _, err := Read("f.yaml", []byte(b.String())); !errors.As(err, &malformed) {
		t.Fatalf("got %v", err)
	}
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	if _, err := Read("f.yaml", []byte("apiVersion: v1\nkind: X\nmetadata: {name: a}\nspec: "+deep)); err == nil {
		t.Fatal("5000 levels were accepted")
	}
}

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func named(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
}

func TestReadPath(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"b.yml": named("b"), "a.yaml": named("a"), "notes.txt": "no", ".hidden.yaml": "no",
		"below/c.yaml": named("c"), "images/x/Dockerfile": "FROM y", "images/x/conf.yaml": "no: manifest",
	})
	for recursive, want := range map[bool]string{false: "a b", true: "a b c"} {
		objs, err := ReadPath(dir, recursive)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, o := range objs {
			names = append(names, o.GetName())
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("recursive %v: got %q, want %q", recursive, got, want)
		}
	}
	if _, err := ReadPath(write(t, nil), false); err == nil {
		t.Error("an empty folder was read")
	}
}

func TestKustomization(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"kustomization.yaml": "namePrefix: x-\nresources: [a.yaml]\n", "a.yaml": named("a"),
	})
	objs, err := ReadPath(dir, false)
	if err != nil || len(objs) != 1 || objs[0].GetName() != "x-a" || objs[0].Line("metadata.name") != 0 {
		t.Fatalf("got %v, %v", objs, err)
	}
	broken := write(t, map[string]string{"kustomization.yaml": "resources: [gone.yaml]\n"})
	if _, err := ReadPath(broken, false); err == nil || !strings.Contains(err.Error(), "kustomization.yaml") {
		t.Fatalf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n{}"))
	f.Add([]byte(`{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"A","metadata":{"name":"x"}}]}`))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("<<: {a: b}\nkind: [x]\n? {a: b}\n: c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objs, err := Read("f", data)
		var malformed *Error
		if err != nil && !errors.As(err, &malformed) {
			t.Fatalf("%T: %v", err, err)
		}
		lines := 1 + strings.Count(string(data), "\n")
		for _, o := range objs {
			if o.GetName() == "" || o.GetKind() == "" {
				t.Fatalf("accepted %v", o.Object)
			}
			if line := o.Line("spec.containers[0]"); line < 1 || line > lines {
				t.Fatalf("line %d of %d", line, lines)
			}
		}
	})
}

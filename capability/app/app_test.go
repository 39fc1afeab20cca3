package app

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"garboard.dev/garboard/capability/app/manifest"
)

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "shop[1]") // a name that a pattern would take apart
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

func noBase(string) string { return "" }

func find(t *testing.T, dir string, base func(string) string) []Image {
	t.Helper()
	images, err := FindImages(dir, base)
	if err != nil {
		t.Fatal(err)
	}
	return images
}

func TestFindImages(t *testing.T) {
	t.Parallel()
	dir := folder(t, map[string]string{
		"images/web/Dockerfile": "FROM scratch", "worker/Dockerfile": "FROM scratch", "worker/deep/Dockerfile": "FROM x", "app.yaml": "",
	})
	var names []string
	for _, image := range find(t, dir, noBase) {
		names = append(names, image.Name)
	}
	if !slices.Equal(names, []string{"worker", "web"}) {
		t.Errorf("got %q", names)
	}
	for name, files := range map[string]map[string]string{
		"two of one name": {"images/web/Dockerfile": "FROM a", "web/Dockerfile": "FROM a"},
		"no name":         {"images/web app/Dockerfile": "FROM a"},
	} {
		if _, err := FindImages(folder(t, files), noBase); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// The reference changes exactly when what goes into the image does.
func TestReferenceFollowsContent(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"images/web/Dockerfile": "FROM debian:12 AS build\nfrom --platform=linux/amd64 other\n", "images/web/page": "one",
		"images/web/.dockerignore": "*.log\n", "images/web/x.log": "1",
	}
	dir := folder(t, files)
	first := find(t, dir, noBase)[0].Ref
	if other := find(t, folder(t, files), noBase)[0].Ref; other != first {
		t.Errorf("the same content gave %s and %s", first, other)
	}
	change := func(name, text string) string {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return find(t, dir, noBase)[0].Ref
	}
	if got := change("images/web/x.log", "2"); got != first {
		t.Error("a file that .dockerignore leaves out changed the reference")
	}
	if got := change("images/web/page", "two"); got == first {
		t.Error("another page did not change the reference")
	}
	change("images/web/page", "one")
	var asked []string
	updated := find(t, dir, func(ref string) string { asked = append(asked, ref); return "sha256:new" })[0].Ref
	if updated == first || !slices.Equal(asked, []string{"debian:12", "other"}) {
		t.Errorf("a new base image gave %s as before; asked for %q", updated, asked)
	}
}

func read(t *testing.T, text string) []manifest.Object {
	t.Helper()
	objs, err := manifest.Read("app.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return objs
}

func TestUseImages(t *testing.T) {
	t.Parallel()
	objs := read(t, `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      initContainers: [{name: i, image: "build:web"}]
      containers:
      - {name: a, image: web}
      - {name: b, image: "web:1"}
      - {name: c, image: "registry.example/web"}
`)
	images := []Image{{Name: "web", Ref: "web:abc"}, {Name: "unused", Ref: "unused:def"}}
	used, err := UseImages(objs, images)
	if err != nil || !slices.Equal(used, images[:1]) {
		t.Fatalf("used %v, %v", used, err)
	}
	var got []string
	template, _, _ := unstructured.NestedMap(objs[0].Object, "spec", "template", "spec")
	for _, field := range []string{"initContainers", "containers"} {
		for _, c := range template[field].([]any) {
			got = append(got, c.(map[string]any)["image"].(string))
		}
	}
	if want := []string{"web:abc", "web:abc", "web:1", "registry.example/web"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err = UseImages(read(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    image: build:gone\n"), nil)
	if err == nil || !strings.HasPrefix(err.Error(), "app.yaml:7: spec.containers[0].image: no Dockerfile builds") {
		t.Errorf("got %v", err)
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	secret := func() manifest.Object {
		return read(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {garboard.dev/generate: \"a b\"}}\ndata: {c: eA==}\n")[0]
	}
	n := 0
	random := func() string { n++; return strings.Repeat("r", n) }
	first := secret()
	if err := Generate(first, nil, random); err != nil {
		t.Fatal(err)
	}
	second := secret()
	live := first.DeepCopy()
	unstructured.RemoveNestedField(live.Object, "data", "b")
	if err := Generate(second, live, random); err != nil {
		t.Fatal(err)
	}
	was, _, _ := unstructured.NestedStringMap(first.Object, "data")
	is, _, _ := unstructured.NestedStringMap(second.Object, "data")
	if is["a"] != was["a"] || is["c"] != "eA==" {
		t.Errorf("a key that was there changed: %v, then %v", was, is)
	}
	if is["b"] != base64.StdEncoding.EncodeToString([]byte("rrr")) {
		t.Errorf("the missing key was not made anew: %v", is)
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	set, err := NewSet("shop", "default")
	if err != nil {
		t.Fatal(err)
	}
	m := Members{Kinds: []schema.GroupKind{{Kind: "Service"}, {Group: "apps", Kind: "Deployment"}}, Namespaces: []string{"b", "default", "a"}}
	back, err := set.MembersOf(set.Parent(m))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Members{}).Union(m); !slices.Equal(back.Union(Members{}).Kinds, want.Kinds) || !slices.Equal(back.Union(Members{}).Namespaces, want.Namespaces) {
		t.Errorf("got %v, want %v", back, want)
	}
	other := set.Parent(m)
	other.SetAnnotations(map[string]string{setTooling: "kubectl/v1.36"})
	if _, err := set.MembersOf(other); err == nil {
		t.Error("another tool's set was taken over")
	}
	// The form of an identity: KEP-3659, "ApplySet Identification".
	if id := set.ID(); !strings.HasPrefix(id, "applyset-") || !strings.HasSuffix(id, "-v1") || len(id) != len("applyset-")+43+len("-v1") || len(id) > 63 {
		t.Errorf("identity %q", id)
	}
	for _, name := range []string{"", "A", "a_b", "-a", strings.Repeat("a", 60)} {
		if _, err := NewSet(name, "default"); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
}

func TestSetNameOf(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]string{
		"/src/shop": "shop", "/src/shop/k8s": "shop-k8s", "/src/Shop_2": "shop-2", "/deploy": "deploy", "/": "",
		"/src/" + strings.Repeat("x", 80): strings.Repeat("x", longestSetName),
	} {
		if got := SetNameOf(dir); got != want {
			t.Errorf("%s: got %q, want %q", dir, got, want)
		}
	}
}

func TestTwice(t *testing.T) {
	t.Parallel()
	text := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: NS}\n"
	if err := Twice(read(t, strings.ReplaceAll(text, "NS", "other")), "default"); err != nil {
		t.Error(err)
	}
	if err := Twice(read(t, strings.ReplaceAll(text, "NS", "default")), "default"); err == nil {
		t.Error("one object twice was accepted")
	}
}

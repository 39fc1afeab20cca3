package architecture

import (
	"os"
	"slices"
	"testing"
)

// allowed are the files that rule 8 leaves alone.
var allowed = Allowed{
	"bench/ingress/peers/main.go":        "a program of its own: it has no caller",
	"bench/ingress/rolling/main.go":      "a program of its own: it has no caller",
	"example/hello/images/hello/main.go": "a program of its own: it has no caller",
	"host/program/program.go":            "a program of the machine gets the environment that this one has",
}

func TestRepository(t *testing.T) {
	t.Parallel()
	tree, err := Load(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range Check(tree, allowed) {
		t.Error(v)
	}
	for _, h := range Habits(tree) {
		t.Error(h)
	}
	t.Logf("%v", Measure(tree))
}

func TestModules(t *testing.T) {
	t.Parallel()
	for _, module := range []string{"api", "tool", "engine/control", "engine/node"} {
		tree, err := Load(os.DirFS("../../" + module))
		if err != nil {
			t.Fatal(module, err)
		}
		for _, h := range Habits(tree) {
			t.Error(module, h)
		}
		if module != "api" {
			continue
		}
		for _, v := range CheckAPI(tree) {
			t.Error(v)
		}
	}
}

// Only what is built from upstream's Kubernetes replaces modules (doc/decision
// 0002 and 0050): a replacement does not hold for those who import us.
func TestReplacements(t *testing.T) {
	t.Parallel()
	root := os.DirFS("../..")
	tree, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Replacing(root, append(tree.Modules, "."))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"engine/control", "test/conformance/kubernetes"}; !slices.Equal(got, want) {
		t.Errorf("modules with replace directives: %q; these may be: %q", got, want)
	}
}

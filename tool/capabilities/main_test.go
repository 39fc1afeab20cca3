package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestScan(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, file := range []string{
		"capability.go", "all/all.go", "a/a.go", "a/b.go", "a/cli/cli.go", "a/lib/lib.go", "b/b.go", "b/controller/c.go", "b/page/p.go",
		"b/cli/README.md", "c/c_test.go", "d/README.md",
	} {
		path := filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := scan(root)
	want := []entry{{"a", true, false, false}, {"b", false, true, true}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("scan = %v, %v; want %v", got, err, want)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zz_generated.go")
	if err := write(path, []entry{{"a", true, false, false}, {"b", false, true, true}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"DO NOT EDIT", "acli.Commands(env)", "bcontroller.Controllers(env)", "bpage.Pages(env)", "\t\ta.About,\n\t\tb.About,\n"} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the list lacks %q:\n%s", part, text)
		}
	}
	if strings.Contains(string(text), "bcli") || strings.Contains(string(text), "acontroller") {
		t.Errorf("the list has a face that is absent:\n%s", text)
	}
}

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	const mit = "Permission is hereby granted, free of charge, to any person\n obtaining a copy of this"
	const bsd = "Redistribution and use in source and binary forms, with or without"
	for _, c := range []struct {
		text string
		want string // identifiers with blanks between
		good bool
	}{
		{"                 Apache License\n           Version 2.0, January 2004", "Apache-2.0", true},
		{"Licensed under the Apache License, Version 2.0 (the", "Apache-2.0", true},
		{mit, "MIT", true},
		{bsd, "BSD-2-Clause", true},
		{bsd + " ... Neither the name of the copyright holder", "BSD-3-Clause", true},
		{"Mozilla Public License Version 2.0 ... means either the GNU General Public License, Version 2.0", "MPL-2.0", true},
		{mit + " Apache License Version 2.0", "Apache-2.0 MIT", true},
		{"GNU GENERAL PUBLIC LICENSE Version 2", "GPL", false},
		{"GNU Affero\nGeneral Public License", "AGPL", false},
		{"GNU LESSER GENERAL PUBLIC LICENSE", "LGPL", false},
		{mit + " GNU General Public License", "GPL MIT", false},
		{"All rights reserved.", "", false},
	} {
		got := classify(c.text)
		if strings.Join(got, " ") != c.want {
			t.Errorf("classify(%q) = %v, want %q", c.text, got, c.want)
		}
		if err := refusal(got); (err == nil) != c.good {
			t.Errorf("refusal(%v) = %v", got, err)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("GNU General Public License")
	f.Add("Apache License\nVersion 2.0")
	f.Fuzz(func(t *testing.T, text string) {
		if got := classify(text); !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("classify(%q) = %v: not sorted, or twice the same", text, got)
		}
	})
}

func TestReadTexts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const mit = "Permission is hereby granted, free of charge, to any person obtaining a copy"
	for name, text := range map[string]string{
		"LICENSE": mit, "NOTICE.txt": "GNU General Public License is not what this is under", "license.go": "package a",
		"LICENSE-docs": "Unknown words", "README": "GNU General Public License", "COPYING.md": "Apache License Version 2.0",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := Part{Kind: "golang", Name: "example.org/a", Version: "v1.0.0"}
	if err := p.readTexts(dir); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Licences, []string{"Apache-2.0", "MIT"}) || p.Texts["NOTICE.txt"] == nil || p.Texts["README"] != nil {
		t.Errorf("readTexts gives %v and %d texts", p.Licences, len(p.Texts))
	}
}

// A real program of this module: its modules are found, with their texts.
func TestProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "staticcheck")
	if said, err := exec.Command("go", "build", "-o", program, "honnef.co/go/tools/cmd/staticcheck").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if err := run(dir, "v1", "", "", []string{program}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "sbom.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var b bom
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	if b.Format != "CycloneDX" || b.Metadata.Component.Version != "v1" {
		t.Errorf("the bill begins with %+v", b.Metadata)
	}
	licences := map[string]string{}
	for _, c := range b.Components {
		for _, l := range c.Licences {
			licences[c.Name] += l.Licence.ID
		}
	}
	if !strings.Contains(licences["honnef.co/go/tools"], "MIT") || licences["golang.org/x/tools"] != "BSD-3-Clause" || licences["std"] != "BSD-3-Clause" {
		t.Errorf("the licences are %v", licences)
	}
	std := filepath.Join(dir, "licences", "golang", "std@"+strings.TrimPrefix(runtime.Version(), "go"), "LICENSE")
	if _, err := os.Stat(std); err != nil {
		t.Error(err)
	}
	again := t.TempDir()
	if err := run(again, "v1", "", "", []string{program}); err != nil {
		t.Fatal(err)
	}
	if same, err := os.ReadFile(filepath.Join(again, "sbom.cdx.json")); err != nil || string(same) != string(text) {
		t.Errorf("a second run gives another bill: %v", err)
	}
}

func TestPagesParts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := map[string]string{
		"package-lock.json":         `{"packages": {"": {}, "node_modules/@a/b": {"version": "1.2.3"}, "node_modules/tool": {"version": "1.0.0", "dev": true}}}`,
		"node_modules/@a/b/LICENSE": "Permission is hereby granted, free of charge, to any person obtaining a copy",
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parts, err := npmParts(filepath.Join(dir, "package-lock.json"))
	if err != nil || len(parts) != 1 || purl(parts[0]) != "pkg:npm/%40a/b@1.2.3" || !slices.Equal(parts[0].Licences, []string{"MIT"}) {
		t.Errorf("npmParts = %+v, %v", parts, err)
	}
}

func TestPURL(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]Part{
		"pkg:golang/github.com/a/b/v2@v2.0.0+incompatible": {Kind: "golang", Name: "github.com/a/b/v2", Version: "v2.0.0+incompatible"},
		"pkg:deb/debian/libc6-dev@2.36-9":                  {Kind: "deb", Name: "libc6-dev", Version: "2.36-9"},
	} {
		if got := purl(p); got != want {
			t.Errorf("purl = %q, want %q", got, want)
		}
	}
}

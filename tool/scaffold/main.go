// Command scaffold makes a new capability: a root that observes and decides, a
// command line with one verb, tests, and a README. What it makes compiles, is
// tested and does something real, though little; the author replaces it piece
// by piece. Run it at the top of the repository: make new-capability NAME=word.
package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: scaffold NAME")
		os.Exit(2)
	}
	files, err := scaffold("capability", os.Args[1])
	for _, f := range files {
		fmt.Println(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scaffold:", err)
		os.Exit(1)
	}
}

var word = regexp.MustCompile(`^[a-z][a-z0-9]{1,19}$`)

var errName = errors.New("a capability's name is one word of 2 to 20 lower-case letters and digits, as \"backup\"")

func checkName(name string) error {
	if !word.MatchString(name) || token.IsKeyword(name) || name == "all" || name == "capability" || name == "cli" {
		return fmt.Errorf("%q: %w", name, errName)
	}
	return nil
}

// scaffold makes the folder name below root and returns the files that it wrote.
// A folder that is there already is left alone.
func scaffold(root, name string) ([]string, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if _, err := os.Stat(root); err != nil {
		return nil, fmt.Errorf("run this at the top of the repository: %w", err)
	}
	top := filepath.Join(root, name)
	if err := os.Mkdir(top, 0o755); err != nil {
		return nil, err
	}
	var made []string
	err := fs.WalkDir(templates, "templates", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel := strings.TrimSuffix(strings.TrimPrefix(p, "templates/"), ".tmpl")
		to := filepath.Join(top, filepath.FromSlash(strings.ReplaceAll(rel, "NAME", name)))
		made = append(made, to)
		return write(p, to, name)
	})
	return made, err
}

func write(from, to, name string) error {
	text, err := templates.ReadFile(from)
	if err != nil {
		return err
	}
	t, err := template.New(path.Base(from)).Delims("<<", ">>").Option("missingkey=error").Parse(string(text))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]string{"Name": name, "Title": strings.ToUpper(name[:1]) + name[1:]}); err != nil {
		return err
	}
	out := b.Bytes()
	if filepath.Ext(to) == ".go" {
		if out, err = format.Source(out); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, out, 0o644)
}

// Package architecture checks the rules that hold the parts of this repository
// apart, and prints the figures that a review looks at. It parses the sources
// itself: a check by way of `go list` answers from a cache and misses violations.
package architecture

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Module is the import path of the tree's top.
const Module = "garboard.dev/garboard"

// File is one Go source file.
type File struct {
	Path string // from the top of the tree, with slashes
	Test bool   // tests, and packages that only tests use
	AST  *ast.File
	set  *token.FileSet
}

// Dir is the file's package as a path from the top, as "host/file".
func (f File) Dir() string { return path.Dir(f.Path) }

func (f File) line(pos token.Pos) int { return f.set.Position(pos).Line }

// Import is one import of a file. In is the path inside this module, as
// "host/file", or "" for a package of others.
type Import struct {
	Path, In string
	Line     int
}

// Imports lists what f imports.
func (f File) Imports() []Import {
	var out []Import
	for _, spec := range f.AST.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused such a file
		}
		i := Import{Path: p, Line: f.line(spec.Pos())}
		if rest, ok := strings.CutPrefix(p, Module+"/"); ok {
			i.In = rest
		}
		out = append(out, i)
	}
	return out
}

// Tree is the sources of one module, without those of modules inside it.
type Tree struct {
	Files   []File
	Modules []string // folders that hold modules of their own, as "api"
}

// ErrEmpty says that no source was found: a check of nothing holds always.
var ErrEmpty = errors.New("no Go file found")

// Load parses all Go files below the top of root.
func Load(root fs.FS) (*Tree, error) {
	t := &Tree{}
	set := token.NewFileSet()
	err := fs.WalkDir(root, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			return t.enter(root, p)
		}
		if path.Ext(p) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(set, p, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		test := strings.HasSuffix(p, "_test.go") || strings.HasPrefix(p, "test/") || strings.HasSuffix(path.Dir(p), "test")
		t.Files = append(t.Files, File{Path: p, Test: test, AST: parsed, set: set})
		return nil
	})
	if err == nil && len(t.Files) == 0 {
		err = ErrEmpty
	}
	return t, err
}

func (t *Tree) enter(root fs.FS, dir string) error {
	base := path.Base(dir)
	if dir == "." {
		return nil
	}
	if strings.HasPrefix(base, ".") || slices.Contains([]string{"bin", "dist", "testdata", "node_modules"}, base) {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(dir, "go.mod")); err == nil {
		t.Modules = append(t.Modules, dir)
		return fs.SkipDir
	}
	return nil
}

// generated says whether a program wrote f.
func generated(f File) bool { return ast.IsGenerated(f.AST) }

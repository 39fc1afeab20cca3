package architecture

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// Bounds of the figures: beyond the first two the test fails, the others are
// looked at in review.
const (
	longestFunction = 120 // lines
	longFile        = 500 // lines
	wideInterface   = 5   // methods
)

// Measured is something that has a size, at a place.
type Measured struct {
	Where string // as "host/file/file.go:12 Write"
	Size  int
}

// Figures are what a review looks at. Generated files do not count.
type Figures struct {
	Functions  []Measured // all, by lines, the longest first
	Files      []Measured // longer than longFile
	Interfaces []Measured // wider than wideInterface
}

// P90 is the length that nine of ten functions stay within.
func (f Figures) P90() int {
	if len(f.Functions) == 0 {
		return 0
	}
	return f.Functions[len(f.Functions)/10].Size
}

func (f Figures) String() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d functions, nine of ten within %d lines\n", len(f.Functions), f.P90())
	for i, m := range f.Functions[:min(5, len(f.Functions))] {
		fmt.Fprintf(&b, "  longest %d: %s, %d lines\n", i+1, m.Where, m.Size)
	}
	for _, m := range f.Files {
		fmt.Fprintf(&b, "  long file: %s, %d lines\n", m.Where, m.Size)
	}
	for _, m := range f.Interfaces {
		fmt.Fprintf(&b, "  wide interface: %s, %d methods\n", m.Where, m.Size)
	}
	return b.String()
}

// Measure takes the figures of the tree.
func Measure(t *Tree) Figures {
	var out Figures
	for _, f := range t.Files {
		if generated(f) {
			continue
		}
		if n := f.line(f.AST.FileEnd); n > longFile {
			out.Files = append(out.Files, Measured{f.Path, n})
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				where := fmt.Sprintf("%s:%d %s", f.Path, f.line(n.Pos()), n.Name.Name)
				out.Functions = append(out.Functions, Measured{where, f.line(n.End()) - f.line(n.Pos()) + 1})
			case *ast.TypeSpec:
				if i, ok := n.Type.(*ast.InterfaceType); ok && i.Methods.NumFields() > wideInterface {
					where := fmt.Sprintf("%s:%d %s", f.Path, f.line(n.Pos()), n.Name.Name)
					out.Interfaces = append(out.Interfaces, Measured{where, i.Methods.NumFields()})
				}
			}
			return true
		})
	}
	slices.SortStableFunc(out.Functions, func(a, b Measured) int { return cmp.Compare(b.Size, a.Size) })
	return out
}

// Habits returns what no file may have: a function beyond longestFunction, an
// init function, a package without a comment, a package named for nothing.
func Habits(t *Tree) []string {
	var out []string
	commented, where := map[string]bool{}, map[string]string{}
	for _, f := range t.Files {
		pkg := f.Dir() + " " + f.AST.Name.Name
		if !strings.HasSuffix(f.Path, "_test.go") {
			where[pkg] = f.Path
			commented[pkg] = commented[pkg] || f.AST.Doc != nil
		}
		if slices.Contains([]string{"util", "utils", "common", "misc", "helpers"}, path.Base(f.Dir())) {
			out = append(out, f.Path+": a package is named for what it holds, not "+path.Base(f.Dir()))
		}
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Name.Name == "init" && fn.Recv == nil {
				out = append(out, fmt.Sprintf("%s:%d: init registers behind the reader's back: call it by name", f.Path, f.line(fn.Pos())))
			}
		}
	}
	for pkg, file := range where {
		if !commented[pkg] {
			out = append(out, file+": its package has no comment that says what it is for")
		}
	}
	for _, fn := range Measure(t).Functions {
		if fn.Size > longestFunction {
			out = append(out, fmt.Sprintf("%s has %d lines; %d are the most", fn.Where, fn.Size, longestFunction))
		}
	}
	slices.Sort(out)
	return out
}

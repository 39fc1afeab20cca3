package architecture

import (
	"go/ast"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// taken are the functions that reach for the program's surroundings past Env.
var taken = map[string][]string{
	"time":    {"Now", "Since", "Until"},
	"os":      {"Exit", "Getenv", "LookupEnv", "Environ"},
	"context": {"Background", "TODO"},
}

// surroundings is rule 8: what a part needs of the outside it is given.
func (t *Tree) surroundings(allowed Allowed) []Violation {
	var out []Violation
	used := map[string]bool{}
	for _, f := range t.Files {
		if f.Test || partOf(f.Dir()).top == "cmd" {
			continue
		}
		found := f.reaches()
		if len(found) > 0 && allowed[f.Path] != "" {
			used[f.Path] = true
			continue
		}
		out = append(out, found...)
	}
	for _, file := range slices.Sorted(maps.Keys(allowed)) {
		if !used[file] {
			out = append(out, Violation{Rule: 8, File: file, Text: "is named as an exception but needs none"})
		}
	}
	return out
}

func (f File) reaches() []Violation {
	names := f.importNames()
	var out []Violation
	ast.Inspect(f.AST, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if id, ok := sel.X.(*ast.Ident); ok && slices.Contains(taken[names[id.Name]], sel.Sel.Name) {
			out = append(out, Violation{8, f.Path, f.line(sel.Pos()), id.Name + "." + sel.Sel.Name + " reaches past Env: take it from the caller"})
		}
		return true
	})
	return out
}

// importNames maps the names that packages have in f to their paths.
func (f File) importNames() map[string]string {
	out := map[string]string{}
	for _, spec := range f.AST.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused such a file
		}
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		out[name] = p
	}
	return out
}

// apiAllowed are the packages of others that the api module may import.
const apiAllowed = "k8s.io/apimachinery"

// CheckAPI returns the imports of the api module that are neither of the
// standard library, nor its own, nor of apimachinery: whoever imports our types
// shall get nothing else with them.
func CheckAPI(t *Tree) []Violation {
	var out []Violation
	for _, f := range t.Files {
		for _, i := range f.Imports() {
			first, _, _ := strings.Cut(i.Path, "/")
			own := i.In == "api" || strings.HasPrefix(i.In, "api/")
			if strings.Contains(first, ".") && !own && !strings.HasPrefix(i.Path+"/", apiAllowed+"/") {
				out = append(out, Violation{1, f.Path, i.Line, "api imports " + i.Path + "; it may import " + apiAllowed + " only"})
			}
		}
	}
	return out
}

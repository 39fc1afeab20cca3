package architecture

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"strings"
)

// Violation is one place where a rule does not hold.
type Violation struct {
	Rule int // its number in ARCHITECTURE.md
	File string
	Line int
	Text string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s:%d: rule %d: %s", v.File, v.Line, v.Rule, v.Text)
}

// Allowed names the files that may do what rule 8 forbids, each with its reason.
type Allowed map[string]string

// Check returns all violations of rules 1 to 8, and those names of allowed that
// nothing needs any more.
func Check(t *Tree, allowed Allowed) []Violation {
	needs, out := t.needs()
	for _, f := range t.Files {
		for _, i := range f.Imports() {
			if text, rule := forbidden(f, i, needs); rule != 0 {
				out = append(out, Violation{rule, f.Path, i.Line, text})
			}
		}
	}
	return append(out, t.surroundings(allowed)...)
}

// part says where a package stands: its top folder, and for a capability its
// name and face ("" for the root and libraries).
type part struct{ top, name, face string }

var faces = []string{"cli", "controller", "page"}

func partOf(dir string) part {
	words := strings.Split(dir, "/")
	p := part{top: words[0]}
	if p.top == "capability" && len(words) > 1 {
		p.name = words[1]
		if len(words) > 2 && slices.Contains(faces, words[2]) {
			p.face = words[2]
		}
	}
	return p
}

var shells = []string{"command", "loop", "console"}

// forbidden returns the number of the rule that keeps f from importing i, and
// why; 0 where none does.
func forbidden(f File, i Import, needs map[string][]string) (string, int) {
	if text := machineImport(f, i); text != "" {
		return text, 7
	}
	if i.In == "" {
		return "", 0
	}
	from, to := partOf(f.Dir()), partOf(i.In)
	switch {
	case i.In == "capability/all" && f.Dir() != "cmd/garboard":
		return "only cmd/garboard imports capability/all", 6
	case i.In == "capability/all" || f.Dir() == "capability/all" || f.Test:
		return "", 0
	case from.top == "fault":
		return "fault imports nothing of this module", 1
	case from.top == "host" && to.top != "host" && to.top != "fault":
		return "host imports " + i.In + ", which stands above it", 1
	case slices.Contains(shells, from.top) && to.name != "":
		return "the shell " + from.top + " imports the capability " + to.name, 2
	case from.name != "":
		return fromCapability(from, to, i, needs)
	}
	return "", 0
}

func fromCapability(from, to part, i Import, needs map[string][]string) (string, int) {
	switch {
	case from.face == "" && (slices.Contains(shells, to.top) || to.top == "kube"):
		return "the root and libraries of a capability run on a bare machine: they import no shell and no kube, but this imports " + i.In, 3
	case to.name != "" && to.name != from.name && !slices.Contains(needs[from.name], to.name):
		return from.name + " imports " + i.In + " but does not name " + to.name + " in About.Needs", 4
	case to.name != "" && to.name != from.name && to.face != "":
		return from.name + " imports a face of " + to.name + ": of another capability only the root and libraries can be used", 4
	case to.name == from.name && to.face != "" && to.face != from.face && from.face != "":
		return "the faces " + from.face + " and " + to.face + " import each other", 5
	case to.name == from.name && to.face != "" && from.face == "":
		return "the root or a library imports the face " + to.face, 5
	case (from.face == "cli" || from.face == "page") && to.top == "loop":
		return from.face + " imports loop", 5
	}
	return "", 0
}

var machinePackages = []string{"os/exec", "golang.org/x/sys/unix", "github.com/vishvananda/netlink"}

// machineImport is rule 7.
func machineImport(f File, i Import) string {
	if f.Test || partOf(f.Dir()).top == "host" || !slices.Contains(machinePackages, i.Path) {
		return ""
	}
	return "only host imports " + i.Path + ": put what it is needed for behind a small interface there"
}

// needs reads each capability's About.Needs out of its source, and reports what
// is wrong with them: a name that is no capability, a cycle.
func (t *Tree) needs() (map[string][]string, []Violation) {
	needs, where := map[string][]string{}, map[string]Violation{}
	for _, f := range t.Files {
		p := partOf(f.Dir())
		if p.name == "" || p.name == "all" || f.Dir() != "capability/"+p.name || f.Test {
			continue
		}
		ast.Inspect(f.AST, func(n ast.Node) bool {
			kv, ok := n.(*ast.KeyValueExpr)
			if key, isName := keyOf(kv, ok); isName && key == "Needs" {
				needs[p.name] = stringsOf(kv.Value)
				where[p.name] = Violation{Rule: 4, File: f.Path, Line: f.line(kv.Pos())}
			}
			return true
		})
	}
	known := map[string]bool{}
	for _, f := range t.Files {
		known[partOf(f.Dir()).name] = true
	}
	var out []Violation
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		v := where[name]
		for _, n := range needs[name] {
			if !known[n] {
				v.Text = fmt.Sprintf("%s needs %q, which is no capability", name, n)
				out = append(out, v)
			}
		}
		if cycle := cycleFrom(name, needs, nil); cycle != nil {
			v.Text = "the needs form a cycle: " + strings.Join(cycle, ", ")
			out = append(out, v)
		}
	}
	return needs, out
}

func keyOf(kv *ast.KeyValueExpr, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	id, isName := kv.Key.(*ast.Ident)
	if !isName {
		return "", false
	}
	return id.Name, true
}

func stringsOf(e ast.Expr) []string {
	var out []string
	ast.Inspect(e, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok {
			out = append(out, strings.Trim(lit.Value, "\"`"))
		}
		return true
	})
	return out
}

// cycleFrom returns the path by which name needs itself, or nil.
func cycleFrom(name string, needs map[string][]string, way []string) []string {
	if len(way) > 0 && way[0] == name {
		return append(way, name)
	}
	if slices.Contains(way, name) {
		return nil // a cycle of others: it is found from one of them
	}
	way = append(slices.Clone(way), name)
	for _, n := range needs[name] {
		if c := cycleFrom(n, needs, way); c != nil {
			return c
		}
	}
	return nil
}

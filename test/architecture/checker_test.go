package architecture

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// source makes a file that imports paths; those with a leading dot are inside this module.
func source(pkg string, paths ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "// Package %s is a test's.\npackage %s\n", pkg, pkg)
	for _, p := range paths {
		if inside, ok := strings.CutPrefix(p, "."); ok {
			p = Module + inside
		}
		fmt.Fprintf(&b, "import _ %q\n", p)
	}
	return b.String()
}

func load(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	root := fstest.MapFS{}
	for name, text := range files {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	tree, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// needing is a capability's root file that names what it needs.
func needing(name string, needs ...string) string {
	return fmt.Sprintf("// Package %s is a test's.\npackage %s\nvar About = capability.About{Name: %q, Needs: %#v}\n", name, name, name, needs)
}

func TestRulesFindViolations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, text string
		rule             int // 0: allowed
	}{
		{"fault imports host", "fault/a.go", source("fault", "./host/file"), 1},
		{"host imports a capability", "host/file/a.go", source("file", "./capability/x"), 1},
		{"host imports a shell", "host/file/a.go", source("file", "./command"), 1},
		{"host imports host and fault", "host/file/a.go", source("file", "./host/mount", "./fault", "os/exec", "golang.org/x/sys/unix"), 0},
		{"a shell imports a capability", "loop/a.go", source("loop", "./capability/x"), 2},
		{"a shell's library imports a capability", "command/output/a.go", source("output", "./capability/x/lib"), 2},
		{"a shell imports the type of capabilities", "command/a.go", source("command", "./capability", "./fault"), 0},
		{"a root imports a shell", "capability/x/a.go", source("x", "./command"), 3},
		{"a library imports kube", "capability/x/lib/a.go", source("lib", "./kube"), 3},
		{"a library imports a shell's library", "capability/x/lib/a.go", source("lib", "./command/progress"), 3},
		{"a face imports shells and kube", "capability/x/cli/a.go", source("cli", "./command", "./kube", "./capability/x/lib"), 0},
		{"a capability that is not needed", "capability/y/a.go", source("y", "./capability/x"), 4},
		{"a face of a needed capability", "capability/x/cli/a.go", source("cli", "./capability/y/cli"), 4},
		{"a needed capability's root and library", "capability/x/cli/a.go", source("cli", "./capability/y", "./capability/y/lib"), 0},
		{"faces import each other", "capability/x/cli/a.go", source("cli", "./capability/x/controller"), 5},
		{"a root imports its face", "capability/x/a.go", source("x", "./capability/x/cli"), 5},
		{"cli imports loop", "capability/x/cli/a.go", source("cli", "./loop"), 5},
		{"page imports loop", "capability/x/page/a.go", source("page", "./loop"), 5},
		{"a controller imports loop", "capability/x/controller/a.go", source("controller", "./loop"), 0},
		{"another imports capability/all", "console/a.go", source("console", "./capability/all"), 6},
		{"the program imports capability/all", "cmd/garboard/a.go", source("main", "./capability/all"), 0},
		{"a capability runs programs", "capability/x/lib/a.go", source("lib", "os/exec"), 7},
		{"the program uses system calls", "cmd/garboard/a.go", source("main", "golang.org/x/sys/unix"), 7},
		{"a shell uses netlink", "loop/a.go", source("loop", "github.com/vishvananda/netlink"), 7},
		{"a test runs programs", "capability/x/a_test.go", source("x", "os/exec", "./command"), 0},
		{"the clock", "loop/a.go", source("loop") + "import \"time\"\nvar now = time.Now\n", 8},
		{"the clock by another name", "loop/a.go", source("loop") + "import clock \"time\"\nvar now = clock.Now()\n", 8},
		{"the environment", "kube/a.go", source("kube") + "import \"os\"\nvar home = os.Getenv(\"HOME\")\n", 8},
		{"an exit", "command/a.go", source("command") + "import \"os\"\nfunc f() { os.Exit(1) }\n", 8},
		{"a context from nowhere", "capability/x/a.go", source("x") + "import \"context\"\nvar ctx = context.Background()\n", 8},
		{"the program's clock", "cmd/garboard/a.go", source("main") + "import \"time\"\nvar now = time.Now\n", 0},
		{"a clock of one's own", "loop/a.go", source("loop") + "type clock struct{}\nvar time clock\nvar now = time.Now\n", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree := load(t, map[string]string{
				"capability/x/x.go": needing("x", "y"), "capability/y/y.go": needing("y"), c.file: c.text,
			})
			var rules []int
			for _, v := range Check(tree, nil) {
				rules = append(rules, v.Rule)
				if v.File != c.file || v.Line == 0 {
					t.Errorf("the violation stands at %s:%d", v.File, v.Line)
				}
			}
			var want []int
			if c.rule != 0 {
				want = []int{c.rule}
			}
			if !slices.Equal(rules, want) {
				t.Errorf("found violations of %v, want %v", rules, want)
			}
		})
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	tree := load(t, map[string]string{
		"capability/a/a.go": needing("a", "b"), "capability/b/b.go": needing("b", "c"), "capability/c/c.go": needing("c", "a"),
		"capability/d/d.go": needing("d", "a", "gone"),
	})
	var got []string
	for _, v := range Check(tree, nil) {
		got = append(got, v.String())
	}
	text := strings.Join(got, "\n")
	for _, want := range []string{"a, b, c, a", "b, c, a, b", `"gone", which is no capability`} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in\n%s", want, text)
		}
	}
	if len(got) != 4 {
		t.Errorf("%d violations:\n%s", len(got), text)
	}
}

func TestExceptions(t *testing.T) {
	t.Parallel()
	tree := load(t, map[string]string{"loop/a.go": source("loop") + "import \"time\"\nvar now = time.Now\n"})
	if got := Check(tree, Allowed{"loop/a.go": "a reason"}); len(got) != 0 {
		t.Errorf("the exception does not hold: %v", got)
	}
	got := Check(tree, Allowed{"loop/a.go": "a reason", "loop/b.go": "a reason"})
	if len(got) != 1 || got[0].File != "loop/b.go" {
		t.Errorf("an exception that nothing needs gives %v", got)
	}
}

func TestAPIImports(t *testing.T) {
	t.Parallel()
	tree := load(t, map[string]string{
		"v1alpha1/a.go": source("v1alpha1", "fmt", "k8s.io/apimachinery/pkg/runtime", "./api/v1alpha1"),
		"v1alpha1/b.go": source("v1alpha1", "k8s.io/client-go/kubernetes"),
		"v1alpha1/c.go": source("v1alpha1", "./fault"),
	})
	got := CheckAPI(tree)
	if len(got) != 2 || got[0].File != "v1alpha1/b.go" || got[1].File != "v1alpha1/c.go" {
		t.Errorf("CheckAPI = %v", got)
	}
}

func TestHabitsFindFaults(t *testing.T) {
	t.Parallel()
	long := "// Package a is long.\npackage a\nfunc f() {\n" + strings.Repeat("\t_ = 1\n", longestFunction) + "}\n"
	for name, c := range map[string]struct{ file, text, want string }{
		"long function": {"a/a.go", long, "a/a.go:3 f has 122 lines"},
		"init":          {"a/a.go", "// Package a registers.\npackage a\nfunc init() {}\n", "init registers"},
		"no comment":    {"a/a.go", "package a\n", "no comment"},
		"no name":       {"a/util/a.go", "// Package util is a drawer.\npackage util\n", "named for what it holds"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Habits(load(t, map[string]string{c.file: c.text}))
			if len(got) != 1 || !strings.Contains(got[0], c.want) {
				t.Errorf("Habits = %q, want one with %q", got, c.want)
			}
		})
	}
	good := load(t, map[string]string{"a/a.go": source("a"), "a/b.go": "package a\ntype t struct{}\nfunc (t) init() {}\n", "a/b_test.go": "package a_test\n"})
	if got := Habits(good); len(got) != 0 {
		t.Errorf("Habits of a good tree = %q", got)
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	tree := load(t, map[string]string{
		"a/a.go": "// Package a has sizes.\npackage a\ntype wide interface{ A(); B(); C(); D(); E(); F() }\ntype narrow interface{ A(); B(); C(); D(); E() }\nfunc f() {\n}\nfunc g() {\n\n}\n",
		"a/b.go": "package a\n" + strings.Repeat("\n", longFile),
		"a/z.go": "// Code generated by a test; DO NOT EDIT.\n\npackage a\n" + strings.Repeat("\n", longFile) + "func h() {\n\n\n\n}\n",
	})
	got := Measure(tree)
	if len(got.Functions) != 2 || got.P90() != 3 || len(got.Files) != 1 || len(got.Interfaces) != 1 {
		t.Errorf("Measure = %+v", got)
	}
	for _, part := range []string{"2 functions", "a/b.go", "a/a.go:3 wide, 6 methods"} {
		if !strings.Contains(got.String(), part) {
			t.Errorf("%q lacks %q", got, part)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	tree := load(t, map[string]string{
		"a/a.go": source("a"), "api/go.mod": "module x", "api/a.go": source("api"), "a/testdata/broken.go": "package", ".git/a.go": "package", "bin/a.go": "package",
	})
	if len(tree.Files) != 1 || !slices.Equal(tree.Modules, []string{"api"}) {
		t.Errorf("loaded %d files and modules %v", len(tree.Files), tree.Modules)
	}
	if _, err := Load(fstest.MapFS{"a/a.go": &fstest.MapFile{Data: []byte("package")}}); err == nil {
		t.Error("a file that does not parse is loaded")
	}
	if _, err := Load(fstest.MapFS{}); !errors.Is(err, ErrEmpty) {
		t.Errorf("an empty tree gives %v", err)
	}
}

func TestReplacing(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"go.mod":   {Data: []byte("module a\n\n// replace nothing\nrequire b v1.0.0\n")},
		"b/go.mod": {Data: []byte("module b\nreplace c => d v1.0.0\n")},
		"c/go.mod": {Data: []byte("module c\nreplace (\n\tc => d v1.0.0\n)\n")},
	}
	got, err := Replacing(files, []string{".", "b", "c"})
	if want := []string{"b", "c"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if _, err := Replacing(files, []string{"d"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a module without go.mod: %v", err)
	}
}

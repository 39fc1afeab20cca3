// Package python runs modules that are not native: it packs a module in Python
// with what it imports of Ansible's packages, which are installed on the
// controller, and runs that with the target's Python. Modules in other languages
// run as they are ("Ansible module architecture" in its documentation).
package python

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Paths say where Python code of Ansible's lies on the controller.
type Paths struct {
	Core  []string // folders that hold the package ansible
	Utils []string // further folders of module_utils, which count first
	// Collection returns the folders where a collection may be.
	Collection func(namespace, name string) []string
}

// Kind is what a module's file is.
type Kind int

// The kinds of modules.
const (
	New    Kind = iota // Python that uses Ansible's module_utils
	Old                // a script that gets key=value text in a file
	JSON               // a script that gets JSON in a file (WANT_JSON)
	Binary             // a program that gets JSON in a file
)

var (
	usesUtils = regexp.MustCompile(`(?m)^\s*(?:from|import)\s+(?:ansible\.module_utils|ansible_collections\.|\.+module_utils|\.+\s*import\s+module_utils)`)
	importing = regexp.MustCompile(`(?m)^\s*(?:from\s+(\.*[\w.]*)\s+import\s+(\([^)]*\)|[^\n#]+)|import\s+([\w., ]+))`)
)

// KindOf says what a module's content is.
func KindOf(data []byte) Kind {
	switch {
	case bytes.IndexByte(data[:min(len(data), 8000)], 0) >= 0:
		return Binary
	case usesUtils.Match(data) || bytes.Contains(data, []byte("#<<INCLUDE_ANSIBLE_MODULE_COMMON>>")):
		return New
	case bytes.Contains(data, []byte("WANT_JSON")):
		return JSON
	}
	return Old
}

// Packed is a module with all that it imports.
type Packed struct {
	Name string // by which Python runs it
	Zip  []byte
}

// Pack packs the module in file, whose name is its fully qualified one.
func Pack(p Paths, name, file string) (*Packed, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	data = bytes.ReplaceAll(data, []byte("#<<INCLUDE_ANSIBLE_MODULE_COMMON>>"), []byte("from ansible.module_utils.basic import *"))
	k := &packer{Paths: p, files: map[string][]byte{}}
	dotted := "ansible.modules." + strings.TrimSuffix(filepath.Base(file), ".py")
	if parts := strings.SplitN(name, ".", 3); len(parts) == 3 && parts[0]+"."+parts[1] != "ansible.builtin" && parts[0]+"."+parts[1] != "ansible.legacy" {
		dotted = "ansible_collections." + parts[0] + "." + parts[1] + ".plugins.modules." + parts[2]
	}
	k.files["ansible/__init__.py"] = []byte("from pkgutil import extend_path\n__path__ = extend_path(__path__, __name__)\n__version__ = '2.14.18'\n__author__ = ''\n")
	k.add(strings.ReplaceAll(dotted, ".", "/")+".py", data)
	if err := k.want("ansible.module_utils.basic"); err != nil {
		return nil, err
	}
	out, err := k.zip()
	return &Packed{Name: dotted, Zip: out}, err
}

// packer collects files by their paths in the archive.
type packer struct {
	Paths
	files map[string][]byte
	err   error
}

// add takes in a file, the packages that it lies in, and what it imports.
func (k *packer) add(name string, data []byte) {
	if _, had := k.files[name]; had {
		return
	}
	k.files[name] = data
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if init := dir + "/__init__.py"; k.files[init] == nil {
			k.files[init] = k.initOf(dir)
		}
	}
	if !strings.HasSuffix(name, ".py") {
		return
	}
	k.imports(name, data)
}

// initOf is a package's own file: some of Ansible's hold code.
func (k *packer) initOf(dir string) []byte {
	for _, real := range k.real(dir) {
		if data, err := os.ReadFile(filepath.Join(real, "__init__.py")); err == nil && strings.Contains(dir, "module_utils/") {
			return data
		}
	}
	return []byte("\n")
}

// imports follows what a file imports.
func (k *packer) imports(name string, data []byte) {
	pkg := strings.ReplaceAll(path.Dir(name), "/", ".")
	if path.Base(name) == "__init__.py" {
		pkg += ".x"
		pkg = strings.TrimSuffix(pkg, ".x")
	}
	for _, m := range importing.FindAllSubmatch(data, -1) {
		if len(m[3]) > 0 {
			for one := range strings.SplitSeq(string(m[3]), ",") {
				module, _, _ := strings.Cut(strings.TrimSpace(one), " ")
				k.follow(module)
			}
			continue
		}
		from := absolute(pkg, string(m[1]))
		k.follow(from)
		names := strings.Trim(string(m[2]), "() \t\r\n")
		for one := range strings.FieldsFuncSeq(names, func(r rune) bool { return r == ',' || r == '\n' }) {
			one, _, _ = strings.Cut(strings.TrimSpace(one), " ")
			if one != "" && one != "*" && one != "\\" {
				k.follow(from + "." + one)
			}
		}
	}
}

// absolute makes a relative module name whole.
func absolute(pkg, name string) string {
	dots := len(name) - len(strings.TrimLeft(name, "."))
	if dots == 0 {
		return name
	}
	parts := strings.Split(pkg, ".")
	parts = parts[:max(0, len(parts)-dots+1)]
	rest := strings.TrimLeft(name, ".")
	if rest == "" {
		return strings.Join(parts, ".")
	}
	return strings.Join(append(parts, rest), ".")
}

func (k *packer) follow(module string) {
	if !strings.HasPrefix(module, "ansible.module_utils") && !strings.HasPrefix(module, "ansible_collections.") {
		return
	}
	if err := k.want(module); err != nil && k.err == nil {
		k.err = err
	}
}

// want takes in a module by its dotted name; what is only a name in a module is
// none and counts as that module.
func (k *packer) want(module string) error {
	rel := strings.ReplaceAll(module, ".", "/")
	for _, real := range k.real(rel) {
		if data, err := os.ReadFile(real + ".py"); err == nil {
			k.add(rel+".py", data)
			return nil
		}
		if data, err := os.ReadFile(filepath.Join(real, "__init__.py")); err == nil {
			k.add(rel+"/__init__.py", data)
			return nil
		}
	}
	return nil
}

// real are the places on disk where a path of the archive may come from.
func (k *packer) real(rel string) []string {
	var out []string
	if rest, ok := strings.CutPrefix(rel, "ansible/module_utils/"); ok {
		for _, u := range k.Utils {
			out = append(out, filepath.Join(u, rest))
		}
	}
	if strings.HasPrefix(rel, "ansible/") {
		for _, c := range k.Core {
			out = append(out, filepath.Join(c, rel))
		}
	}
	if rest, ok := strings.CutPrefix(rel, "ansible_collections/"); ok {
		if parts := strings.SplitN(rest, "/", 3); len(parts) == 3 {
			for _, dir := range k.Collection(parts[0], parts[1]) {
				out = append(out, filepath.Join(dir, parts[2]))
			}
		}
	}
	return out
}

func (k *packer) zip() ([]byte, error) {
	if k.err != nil {
		return nil, k.err
	}
	names := make([]string, 0, len(k.files))
	for n := range k.files {
		names = append(names, n)
	}
	slices.Sort(names)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, n := range names {
		f, err := w.Create(n)
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(k.files[n]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack the module: %w", err)
	}
	return out.Bytes(), nil
}

// CoreDirs are the places where distributions and pip put the package ansible.
func CoreDirs(home string) []string {
	var out []string
	for _, pattern := range []string{
		"/usr/lib/python3/dist-packages", "/usr/local/lib/python3*/dist-packages", "/usr/local/lib/python3*/site-packages", "/usr/lib/python3*/site-packages",
		filepath.Join(home, ".local/lib/python3*/site-packages"),
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue // the patterns are right
		}
		for _, dir := range found {
			if info, err := os.Stat(filepath.Join(dir, "ansible", "module_utils")); err == nil && info.IsDir() {
				out = append(out, dir)
			}
		}
	}
	return out
}

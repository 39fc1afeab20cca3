package packages

import (
	"context"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/value"
)

// managers are those that Ansible knows; apt is the one that we read.
var managers = []string{"apk", "apt", "pacman", "pkg", "pkg_info", "portage", "rpm"}

func packageFacts() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.package_facts", Summary: "Say which packages are installed", CheckMode: true,
			Options: []module.Option{
				{Name: "manager", Type: module.List, Elements: module.Str, Default: []any{"auto"}, Help: "auto or apt."},
				{Name: "strategy", Default: "first", Choices: []any{"first", "all"}, Help: "Accepted: there is one package manager."},
			},
		},
		Run: runPackageFacts,
	}
}

func runPackageFacts(_ context.Context, c *module.Call) (module.Result, error) {
	var asked, unknown []string
	for _, name := range c.Args.Strings("manager") {
		switch name = strings.ToLower(name); {
		case name == "auto":
			asked = append(asked, managers...)
		case slices.Contains(managers, name):
			asked = append(asked, name)
		default:
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, value.Errorf("Unsupported package managers requested: %s", strings.Join(unknown, ", "))
	}
	d, err := readDatabase()
	if err != nil || !slices.Contains(asked, "apt") {
		return nil, value.Errorf("Could not detect a supported package manager from the following list: ['%s'], or the required Python library is not installed. Check warnings for details.", strings.Join(asked, "', '"))
	}
	facts := make(map[string]any, len(d.packages))
	for name, versions := range d.packages {
		list := make([]any, len(versions))
		for i, p := range versions {
			list[i] = map[string]any{"name": p.Name, "version": p.Version, "arch": p.Architecture, "category": p.Section, "origin": "", "source": "apt"}
		}
		facts[name] = list
	}
	return module.Result{"ansible_facts": map[string]any{"packages": facts}}, nil
}

package packages

import (
	"context"

	"garboard.dev/garboard/capability/play/module"
)

func packageFacts() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.package_facts", Summary: "Say which packages are installed", CheckMode: true,
			Options: []module.Option{
				{Name: "manager", Type: module.List, Elements: module.Str, Default: []any{"auto"}, Help: "auto or apt."},
				{Name: "strategy", Default: "first", Choices: []any{"first", "all"}, Help: "Accepted: there is one package manager."},
			},
		},
		Run: func(context.Context, *module.Call) (module.Result, error) {
			d, err := readDatabase()
			if err != nil {
				return nil, err
			}
			facts := map[string]any{}
			for name, versions := range d.packages {
				var list []any
				for _, p := range versions {
					list = append(list, map[string]any{"name": p.Name, "version": p.Version, "arch": p.Architecture, "category": p.Section, "origin": "", "source": "apt"})
				}
				facts[name] = list
			}
			return module.Result{"ansible_facts": map[string]any{"packages": facts}}, nil
		},
	}
}

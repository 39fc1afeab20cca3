package packages

import (
	"context"
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

func dpkgSelections() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.dpkg_selections", Summary: "Hold packages, or mark them for removal", CheckMode: true,
			Options: []module.Option{
				{Name: "name", Required: true, Help: "The package."},
				{Name: "selection", Required: true, Choices: []any{"install", "hold", "deinstall", "purge"}, Help: "What dpkg shall do with it."},
			},
			Returns: []module.Return{{Name: "before", Type: "str", Help: "The selection before."}, {Name: "after", Type: "str", Help: "The selection now."}},
		},
		Run: runSelections,
	}
}

func runSelections(ctx context.Context, c *module.Call) (module.Result, error) {
	name, want := c.Args.String("name"), c.Args.String("selection")
	o, err := execute.Run(ctx, c, execute.Program{Argv: []string{"dpkg", "--get-selections", name}}.Parsed())
	if err != nil {
		return nil, err
	}
	before := "not present"
	if f := strings.Fields(o.Stdout); len(f) > 1 {
		before = f[1]
	}
	out := module.Result{"changed": before != want, "before": before, "after": want}
	if before == want || c.Check {
		return out, nil
	}
	o, err = execute.Run(ctx, c, execute.Program{Argv: []string{"dpkg", "--set-selections"}, Stdin: strings.NewReader(name + " " + want)}.Parsed())
	if err == nil && o.Code != 0 {
		err = refused(strings.TrimSpace(fmt.Sprintf("dpkg --set-selections failed: %s", o.Stderr)), o)
	}
	return out, err
}

package packages

import (
	"context"
	"maps"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

func debconf() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.debconf", Summary: "Answer the questions of Debian's packages", CheckMode: true,
			Options: []module.Option{
				{Name: "name", Required: true, Aliases: []string{"pkg"}, Help: "The package."},
				{Name: "question", Aliases: []string{"selection", "setting"}, Help: "The question; without it the answers are told."},
				{Name: "vtype", Choices: []any{"boolean", "error", "multiselect", "note", "password", "seen", "select", "string", "text", "title"}, Help: "The question's type."},
				{Name: "value", Aliases: []string{"answer"}, Help: "The answer."},
				{Name: "unseen", Type: module.Bool, Default: false, Help: "Ask the question nevertheless."},
			},
			Rules: module.Rules{Together: [][]string{{"question", "vtype", "value"}}},
		},
		Run: runDebconf,
	}
}

func runDebconf(ctx context.Context, c *module.Call) (module.Result, error) {
	pkg, question, vtype, value := c.Args.String("name"), c.Args.String("question"), c.Args.String("vtype"), c.Args.String("value")
	o, err := execute.Run(ctx, c, execute.Program{Argv: []string{"debconf-show", pkg}}.Parsed())
	if err != nil {
		return nil, err
	}
	if o.Code != 0 {
		return nil, &module.Failure{Message: o.Stderr}
	}
	before := answers(o.Stdout)
	if question == "" {
		return module.Result{"changed": false, "msg": "", "current": before}, nil
	}
	if vtype == "boolean" {
		value = strings.ToLower(value)
	}
	if had, ok := before[question]; ok && had == value {
		return module.Result{"changed": false, "msg": "", "current": before}, nil
	} else if ok {
		before = map[string]any{question: had}
	} else {
		before[question] = ""
	}
	out := module.Result{"changed": true, "msg": "", "current": map[string]any{question: value}, "previous": before, "diff": map[string]any{}}
	if c.Diff {
		after := maps.Clone(before)
		after[question] = value
		out["diff"] = map[string]any{"before": before, "after": after}
	}
	if c.Check {
		return out, nil
	}
	argv := []string{"debconf-set-selections"}
	if c.Args.Bool("unseen") {
		argv = append(argv, "-u")
	}
	text := strings.Join([]string{pkg, question, vtype, value}, " ")
	o, err = execute.Run(ctx, c, execute.Program{Argv: argv, Stdin: strings.NewReader(text)}.Parsed())
	if err == nil && o.Code != 0 {
		err = &module.Failure{Message: o.Stderr}
	}
	out["msg"] = o.Stdout
	return out, err
}

// answers reads the output of debconf-show: "* question: answer", with a star
// where it was seen.
func answers(text string) map[string]any {
	out := map[string]any{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			out[strings.TrimSpace(strings.Trim(name, "*"))] = strings.TrimSpace(value)
		}
	}
	return out
}

package files

import (
	"context"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/execute"
)

func getentModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.getent", Summary: "Reads entries of the machine's name service", CheckMode: true,
		Options: []module.Option{
			{Name: "database", Required: true, Help: "passwd, group, hosts, services and the like."},
			{Name: "key", Default: "", NoLog: false, Help: "One entry; all where it is empty."},
			{Name: "service", Help: "Ask only this service, as files."},
			{Name: "split", Help: "What separates the fields."},
			{Name: "fail_key", Type: module.Bool, Default: true, Help: "Fail where the entry does not exist."},
		},
		Returns: []module.Return{{Name: "ansible_facts", Type: "dict", Help: "getent_<database>: the entries' fields by their first."}},
	}, Run: runGetent}
}

func runGetent(ctx context.Context, c *module.Call) (module.Result, error) {
	database, key := c.Args.String("database"), c.Args.String("key")
	argv := []string{"getent", database}
	if key != "" {
		argv = append(argv, key)
	}
	if service := c.Args.String("service"); service != "" {
		argv = append(argv, "-s", service)
	}
	split := c.Args.String("split")
	if split == "" && strings.Contains(" passwd shadow group gshadow ", " "+database+" ") {
		split = ":"
	}
	out, err := execute.Run(ctx, c, execute.Program{Argv: argv})
	if err != nil {
		return nil, err
	}
	facts := func(entries map[string]any, message string) module.Result {
		r := module.Result{"ansible_facts": map[string]any{"getent_" + database: entries}}
		if message != "" {
			r["msg"] = message
		}
		return r
	}
	const absent = "One or more supplied key could not be found in the database."
	switch out.Code {
	case 0:
		return facts(entries(out.Stdout, split), ""), nil
	case 1:
		return nil, fail("Missing arguments, or database unknown.")
	case 2:
		if !c.Args.Bool("fail_key") {
			return facts(map[string]any{key: nil}, absent), nil
		}
		return nil, fail(absent)
	case 3:
		return nil, fail("Enumeration not supported on this database.")
	}
	return nil, fail("Unexpected failure!")
}

// entries reads getent's lines. A key that stands in several lines has a list
// of their fields.
func entries(text, split string) map[string]any {
	out := map[string]any{}
	seen := map[string]int{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.Fields(line)
		if split != "" {
			fields = strings.Split(line, split)
		}
		if len(fields) == 0 {
			continue
		}
		name, rest := fields[0], anyOf(fields[1:])
		switch seen[name]++; seen[name] {
		case 1:
			out[name] = rest
		case 2:
			out[name] = []any{out[name], rest}
		default:
			out[name] = append(out[name].([]any), rest)
		}
	}
	return out
}

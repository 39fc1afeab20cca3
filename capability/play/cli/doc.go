package cli

import (
	"context"
	"fmt"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/value"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

// describe prints what a module accepts and returns.
func describe(env *command.Env, m *module.Module) {
	fmt.Fprintf(env.Out, "> %s\n\n        %s.\n\nOPTIONS (= is mandatory):\n\n", strings.ToUpper(m.Name), m.Summary)
	for _, o := range m.AllOptions() {
		mark := "-"
		if o.Required {
			mark = "="
		}
		fmt.Fprintf(env.Out, "%s %s\n", mark, o.Name)
		if o.Help != "" {
			fmt.Fprintf(env.Out, "        %s\n", o.Help)
		}
		detail := func(name, text string) {
			if text != "" {
				fmt.Fprintf(env.Out, "        %s: %s\n", name, text)
			}
		}
		detail("aliases", strings.Join(o.Aliases, ", "))
		detail("choices", joined(o.Choices))
		if o.Default != nil {
			detail("default", value.Str(value.FromGo(o.Default)))
		}
		detail("type", string(o.Type))
	}
	if len(m.Returns) > 0 {
		fmt.Fprint(env.Out, "\nRETURN VALUES:\n\n")
	}
	for _, r := range m.Returns {
		fmt.Fprintf(env.Out, "- %s\n        %s\n        type: %s\n", r.Name, r.Help, r.Type)
	}
}

func joined(choices []any) string {
	texts := make([]string, len(choices))
	for i, c := range choices {
		texts[i] = value.Str(value.FromGo(c))
	}
	return strings.Join(texts, ", ")
}

// later are commands of Ansible's that are not done yet.
func later(env *command.Env) []*command.Command {
	var out []*command.Command
	for name, summary := range map[string]string{"console": "Run modules interactively", "pull": "Fetch playbooks and run them", "galaxy": "Build and install collections and roles"} {
		out = append(out, &command.Command{
			Name: name, Summary: summary + " (not done yet)", Raw: true, Hidden: true, Links: []string{"ansible-" + name},
			Run: func(context.Context, []string) error {
				fmt.Fprintf(env.Err, "ERROR! ansible-%s is not done yet in garboard: use Ansible's own\n", name)
				return fault.ExitStatus(2)
			},
		})
	}
	return out
}

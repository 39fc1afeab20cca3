package cli

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/journal"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

func completeComponent(context.Context, []string, string) []string { return component.Names() }

func logsCommand(env *command.Env) *command.Command {
	var follow bool
	var tail int
	return &command.Command{
		Name: "logs", Args: "[flags] COMPONENT", Summary: "Show what a component of the platform has said",
		Examples: `garboard platform logs kubelet
			garboard platform logs -f kube-apiserver`,
		Flags: func(f *pflag.FlagSet) {
			f.BoolVarP(&follow, "follow", "f", false, "go on with what is said from now on")
			f.IntVar(&tail, "tail", 200, "begin with this many `LINES` from the end; -1 for all")
		},
		Complete: func(context.Context, []string, string) []string { return journal.Names() },
		Run: func(ctx context.Context, args []string) error {
			if len(args) != 1 {
				return fault.Usage("one of "+strings.Join(journal.Names(), ", "), "logs takes one component's name")
			}
			return journal.Show(ctx, env.Out, layoutOf(env), args[0], tail, follow)
		},
	}
}

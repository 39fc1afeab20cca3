package command

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"garboard.dev/garboard/fault"
)

// Tree is the whole command line: the capabilities' groups, the everyday verbs
// of each also at the top, the extra commands of the program itself, and the
// global flags. level is the one of env.Log.
func Tree(env *Env, level *slog.LevelVar, groups []Group, extra ...*Command) *cobra.Command {
	root := &cobra.Command{
		Use:              "garboard",
		Short:            "Turns bare Linux machines into an open platform and keeps it in order",
		Version:          env.Version,
		SilenceErrors:    true,
		TraverseChildren: true, // global flags before a verb that takes its arguments raw are ours
		SilenceUsage:     true,
		Args:             unknownVerb,
		RunE:             func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(*cobra.Command, []string) {
			level.Set(verbosity(env.Global))
		},
	}
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.SetFlagErrorFunc(flagError)
	bindGlobal(root.PersistentFlags(), env)
	root.AddGroup(&cobra.Group{ID: "everyday", Title: "Everyday:"}, &cobra.Group{ID: "capability", Title: "Capabilities:"})
	for _, g := range groups {
		parent := &cobra.Command{Use: g.Name, Short: g.Summary, GroupID: "capability", Args: unknownVerb,
			RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
		for _, c := range g.Commands {
			if c.Name == g.Name { // what the group does by itself
				own := render(env, c)
				own.GroupID, own.Use = "capability", strings.TrimSpace(g.Name+" "+c.Args)
				parent = own
			}
		}
		for _, c := range g.Commands {
			if c.Name == g.Name {
				continue
			}
			parent.AddCommand(render(env, c))
			if c.Everyday {
				top := render(env, c)
				top.GroupID = "everyday"
				root.AddCommand(top)
			}
		}
		root.AddCommand(parent)
	}
	for _, c := range extra {
		root.AddCommand(render(env, c))
	}
	return root
}

// Called returns the command line of a program that was called through a link:
// the group and verb that the link's name stands for, before its arguments.
func Called(program string, groups []Group, args []string) []string {
	for _, g := range groups {
		for _, c := range g.Commands {
			if !slices.Contains(c.Links, program) {
				continue
			}
			if c.Name == g.Name {
				return append([]string{g.Name}, args...)
			}
			return append([]string{g.Name, c.Name}, args...)
		}
	}
	return args
}

func bindGlobal(flags *pflag.FlagSet, env *Env) {
	flags.BoolVarP(&env.Global.Quiet, "quiet", "q", false, "say only what went wrong")
	flags.CountVarP(&env.Global.Verbose, "verbose", "v", "say more; twice for everything")
	flags.StringVar(&env.Global.Kubeconfig, "kubeconfig", env.Getenv("KUBECONFIG"), "use the Kubernetes that this `FILE` names instead of this machine's platform")
	flags.StringVar(&env.Global.Context, "context", "", "the context in that kubeconfig")
	flags.StringVar(&env.Global.StateDir, "state-dir", stateDir(env), "where the platform keeps what must survive")
}

func stateDir(env *Env) string {
	if dir := env.Getenv("GARBOARD_STATE_DIR"); dir != "" {
		return dir
	}
	return "/var/lib/garboard"
}

func verbosity(g Global) slog.Level {
	switch {
	case g.Quiet:
		return slog.LevelError
	case g.Verbose > 0:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// render makes cobra's form of c.
func render(env *Env, c *Command) *cobra.Command {
	out := &cobra.Command{
		Use:                strings.TrimSpace(c.Name + " " + c.Args),
		Short:              c.Summary,
		Long:               longHelp(c),
		Example:            indent(c.Examples),
		Hidden:             c.Hidden,
		DisableFlagParsing: c.Raw,
		Args:               cobra.ArbitraryArgs,
	}
	if c.Flags != nil {
		c.Flags(out.Flags())
	}
	if c.Complete != nil {
		out.ValidArgsFunction = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			return c.Complete(cmd.Context(), args, word), cobra.ShellCompDirectiveNoFileComp
		}
	}
	for flag, values := range c.CompleteFlags {
		// A flag that the command does not have is a mistake that only a test can
		// meet: the tree is built anew for each run.
		if err := out.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
			return values(cmd.Context(), args, word), cobra.ShellCompDirectiveNoFileComp
		}); err != nil {
			panic(err)
		}
	}
	if c.Run != nil {
		out.RunE = func(cmd *cobra.Command, args []string) error { return c.Run(cmd.Context(), args) }
	} else {
		out.Args = unknownVerb
		out.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
	for _, s := range c.Sub {
		out.AddCommand(render(env, s))
	}
	return out
}

func longHelp(c *Command) string {
	var b strings.Builder
	b.WriteString(c.Summary + ".")
	if c.Help != "" {
		b.WriteString("\n\n" + strings.TrimSpace(c.Help))
	}
	if len(c.ExitCodes) > 0 {
		b.WriteString("\n\nExit codes: 0 done, 1 failed, 2 misuse")
		for _, code := range slices.Sorted(maps.Keys(c.ExitCodes)) {
			fmt.Fprintf(&b, ", %d %s", code, c.ExitCodes[code])
		}
		b.WriteString(".")
	}
	return b.String()
}

func indent(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = "  " + strings.TrimSpace(l)
	}
	return strings.Join(lines, "\n")
}

func unknownVerb(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := fmt.Sprintf("%s --help lists what there is", c.CommandPath())
	c.SuggestionsMinimumDistance = 2 // cobra's own default, which it sets too late for this call
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return fault.Usage(hint, "%s has no command %q", c.CommandPath(), args[0])
}

func flagError(c *cobra.Command, err error) error {
	return fault.Usage(c.CommandPath()+" --help lists the flags", "%s: %v", c.CommandPath(), err)
}

// Execute runs the tree with args and returns the exit code; an error is
// printed on env.Err with its hint.
func Execute(ctx context.Context, env *Env, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && ctx.Err() != nil {
		err = fault.Wrap(err, fault.Interrupted, "finish", "")
	}
	Report(env, err)
	return fault.ExitCode(err)
}

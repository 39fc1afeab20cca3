package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/capability/platform/daemon"
	"garboard.dev/garboard/capability/platform/preflight"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/output"
	"garboard.dev/garboard/command/progress"
	"garboard.dev/garboard/fault"
)

func checkCommand(env *command.Env) *command.Command {
	o := &upOptions{}
	var format output.Format
	return &command.Command{
		Name: "check", Args: "[flags]", Everyday: true,
		Summary: "Say whether this machine can carry the platform, and what to do where it cannot",
		Help:    "Looks at the kernel, cgroups, rights, ports, disk, memory and clock. Nothing is changed. up does the same first.",
		Examples: `garboard check
			garboard check -o json`,
		Flags: func(f *pflag.FlagSet) { o.bind(f); format.Bind(f) },
		Run: func(_ context.Context, _ []string) error {
			opts, err := options(env, env.Log)
			if err != nil {
				return err
			}
			settings, err := o.settings(opts.Layout)
			if err != nil {
				return err
			}
			findings, err := look(opts, settings)
			if err != nil {
				return err
			}
			if err := printFindings(env, format, findings); err != nil {
				return err
			}
			if preflight.Worst(findings) == preflight.Fatal {
				return fault.ExitStatus(fault.Failed)
			}
			return nil
		},
		ExitCodes: map[int]string{},
	}
}

func look(opts daemon.Options, settings platform.Settings) ([]preflight.Finding, error) {
	facts, err := opts.Host.Facts(opts.Executable, opts.EngineDir)
	if err != nil {
		return nil, fault.Wrap(err, fault.Failed, "look at the machine", "")
	}
	in := component.Input{Settings: settings, Layout: opts.Layout, Machine: facts}
	m, err := preflight.Observe(preflight.Sources{Host: opts.Host, Processes: opts.Processes, Now: opts.Now}, in)
	if err != nil {
		return nil, fault.Wrap(err, fault.Failed, "look at the machine", "")
	}
	return preflight.Decide(m, settings), nil
}

func printFindings(env *command.Env, format output.Format, findings []preflight.Finding) error {
	list := output.List{
		Columns: []output.Column{{Title: "check"}, {Title: "result"}, {Title: "found"}, {Title: "consequence", Wide: true}, {Title: "fix", Wide: true}},
		Objects: findings,
	}
	for _, f := range findings {
		list.Names = append(list.Names, f.ID)
		list.Rows = append(list.Rows, []string{f.ID, string(f.Severity), f.What, f.Consequence, f.Fix})
	}
	if err := format.Print(env.Out, list); err != nil || format != output.TableFormat {
		return err
	}
	for _, f := range findings {
		if f.Severity != preflight.OK {
			fmt.Fprintf(env.Out, "\n%s: %s\n  costs: %s\n  fix:   %s\n", strings.ToUpper(string(f.Severity)), f.What, f.Consequence, f.Fix)
		}
	}
	return nil
}

// preflightStep refuses to start where the machine cannot carry the platform.
func preflightStep(opts daemon.Options, settings platform.Settings, steps *progress.Steps) error {
	step := steps.Start("check the machine")
	findings, err := look(opts, settings)
	if err != nil {
		step.Fail("")
		return err
	}
	var fatal []preflight.Finding
	degraded := 0
	for _, f := range findings {
		switch f.Severity {
		case preflight.Fatal:
			fatal = append(fatal, f)
		case preflight.Degraded:
			degraded++
		}
	}
	if len(fatal) == 0 {
		step.Done(degradedText(degraded))
		return nil
	}
	step.Fail(fatal[0].What)
	kind := fault.Failed
	if strings.HasPrefix(fatal[0].ID, "port-") || fatal[0].ID == "network" {
		kind = fault.Conflict
	}
	return fault.New(kind, "start the platform", fatal[0].Fix, "%s: %s", fatal[0].What, fatal[0].Consequence)
}

func degradedText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d degraded: garboard check tells", n)
}

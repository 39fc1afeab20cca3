package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"time"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/output"
	"garboard.dev/garboard/fault"
)

func statusCommand(env *command.Env) *command.Command {
	var format output.Format
	return &command.Command{
		Name: "status", Args: "[flags]", Everyday: true,
		Summary: "Show the platform's components, and what is degraded and why",
		Examples: `garboard status
			garboard status -o json`,
		Flags:     format.Bind,
		Run:       func(ctx context.Context, _ []string) error { return runStatus(ctx, env, format) },
		ExitCodes: map[int]string{4: "the platform does not run", 5: "this takes root"},
	}
}

func runStatus(ctx context.Context, env *command.Env, format output.Format) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	status, err := client(env).Status(ctx, true)
	if err != nil {
		return unanswered(err, "show the platform", "garboard platform logs supervisor says more")
	}
	list := output.List{
		Columns: []output.Column{{Title: "component"}, {Title: "version"}, {Title: "state"}, {Title: "for"}, {Title: "restarts", Right: true},
			{Title: "pss", Right: true}, {Title: "rss", Right: true, Wide: true}, {Title: "cpu s", Right: true}, {Title: "pid", Right: true, Wide: true}, {Title: "reason"}},
		Objects: status,
	}
	var total uint64
	for _, c := range status.Components {
		total += c.PSSBytes
		list.Names = append(list.Names, c.Name)
		list.Rows = append(list.Rows, []string{c.Name, c.Version, stateText(c), age(env.Now().Sub(c.Since)), strconv.Itoa(c.Restarts),
			mebibytes(c.PSSBytes), mebibytes(c.RSSBytes), fmt.Sprintf("%.1f", c.CPUSeconds), strconv.Itoa(c.PID), c.Reason})
	}
	if err := format.Print(env.Out, list); err != nil || format == output.JSON || format == output.YAML || format == output.Name {
		return err
	}
	printSummary(env, status, total)
	return nil
}

func printSummary(env *command.Env, status control.Status, total uint64) {
	fmt.Fprintf(env.Out, "\nThe platform is %s since %s; its components use %s.\n", status.Phase, status.Since.Local().Format("2006-01-02 15:04"), mebibytes(total))
	if status.Failure != "" {
		fmt.Fprintf(env.Out, "Failed: %s\n  fix: %s\n", status.Failure, status.Hint)
	}
	if first := soonest(status.Certificates); first.Name != "" {
		fmt.Fprintf(env.Out, "Certificates: %d, the first to end is %s on %s; renewed by itself.\n", len(status.Certificates), first.Name, first.Expires.Format(time.DateOnly))
	}
	for _, d := range status.Degraded {
		fmt.Fprintf(env.Out, "Degraded: %s\n  why: %s\n  fix: %s\n", d.What, d.Why, d.Fix)
	}
}

func soonest(all []control.Certificate) control.Certificate {
	var first control.Certificate
	for _, c := range all {
		if first.Name == "" || c.Expires.Before(first.Expires) {
			first = c
		}
	}
	return first
}

func stateText(c control.Component) string {
	switch {
	case c.State == control.Running && !c.Healthy:
		return "unhealthy"
	case c.OnDemand && c.State == control.Stopped:
		return "on demand"
	}
	return string(c.State)
}

func mebibytes(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func restartCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "restart", Args: "COMPONENT", Summary: "Restart one component and wait until it is healthy",
		Examples: "garboard platform restart kubelet",
		Flags:    func(*pflag.FlagSet) {},
		Complete: completeComponent,
		Run: func(ctx context.Context, args []string) error {
			if len(args) != 1 {
				return fault.Usage("garboard platform restart --help", "restart takes one component's name")
			}
			return unanswered(client(env).Restart(ctx, args[0]), "restart "+args[0], "garboard status lists the components")
		},
		ExitCodes: map[int]string{4: "the platform does not run", 5: "this takes root"},
	}
}

// unanswered says why the supervisor did not do what it was asked; hint is for
// where it was reached. nil stays nil.
func unanswered(err error, op, hint string) error {
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return fault.Wrap(err, fault.Unavailable, op, "garboard up starts it")
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(err, fault.Denied, op, "run it as root, as with sudo")
	}
	return fault.Wrap(err, fault.Failed, op, hint)
}

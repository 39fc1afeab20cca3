package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/capability/platform/daemon"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/progress"
	"garboard.dev/garboard/fault"
)

func downCommand(env *command.Env) *command.Command {
	var timeout time.Duration
	return &command.Command{
		Name: "down", Everyday: true,
		Summary: "Stop the platform in order and leave nothing of it running",
		Help: `Stops the pods with their grace periods, then the components in order, and removes every mount, interface,
cgroup and firewall rule. What was stored stays: the next up continues with it.`,
		Examples: "garboard down",
		Flags: func(f *pflag.FlagSet) {
			f.DurationVar(&timeout, "timeout", 3*time.Minute, "how long everything together may take to stop")
		},
		Run: func(ctx context.Context, _ []string) error { return runDown(ctx, env, timeout) },
	}
}

func runDown(ctx context.Context, env *command.Env, timeout time.Duration) error {
	if err := asRoot("stop the platform"); err != nil {
		return err
	}
	opts, err := options(env, env.Log)
	if err != nil {
		return err
	}
	steps := progress.New(env.Err, env.Now, env.Terminal, env.Width, env.Global.Quiet)
	defer steps.Close()
	step := steps.Start("stop the platform")
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := stopAll(ctx, opts, step); err != nil {
		step.Fail("")
		return fault.Wrap(err, fault.Failed, "stop the platform", "garboard platform logs supervisor says more; down may be run again")
	}
	step.Done("")
	return nil
}

// stopAll stops through the supervisor where one answers, else by itself.
func stopAll(ctx context.Context, opts daemon.Options, step *progress.Step) error {
	c := control.New(opts.Layout.ControlSocket())
	err := c.Down(ctx)
	if err != nil && !errors.Is(err, control.ErrNotRunning) {
		return err
	}
	for err == nil {
		var status control.Status
		if status, err = c.Status(ctx, false); err == nil {
			step.Detail("%s", status.Doing)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// Also after a supervisor has gone: one that was killed on its way left the rest to us.
	return daemon.Teardown(ctx, opts, func(doing string) { step.Detail("%s", doing) })
}

func resetCommand(env *command.Env) *command.Command {
	var yes bool
	return &command.Command{
		Name:    "reset",
		Summary: "Stop the platform and delete everything it has stored",
		Help: `Does what down does and deletes the state directory: the cluster, its volumes with their data, the images, the
certificates. Nothing can bring them back.`,
		Examples: "garboard platform reset --yes",
		Everyday: true,
		Flags:    func(f *pflag.FlagSet) { f.BoolVar(&yes, "yes", false, "do not ask") },
		Run:      func(ctx context.Context, _ []string) error { return runReset(ctx, env, yes) },
	}
}

func runReset(ctx context.Context, env *command.Env, yes bool) error {
	if err := asRoot("reset the platform"); err != nil {
		return err
	}
	opts, err := options(env, env.Log)
	if err != nil {
		return err
	}
	dir := opts.Layout.StateDir
	if _, err := os.Stat(opts.Layout.SettingsFile()); err != nil {
		if _, missing := os.Stat(dir); os.IsNotExist(missing) {
			fmt.Fprintf(env.Out, "There is no platform at %s.\n", dir)
			return nil
		}
		return fault.New(fault.Conflict, "reset the platform", "name the right folder with --state-dir", "%s holds no settings.json, so it is not a platform's state directory", dir)
	}
	if !yes && !confirmed(env, fmt.Sprintf("Delete the platform at %s with all its volumes and images? [y/N] ", dir)) {
		return fault.New(fault.Interrupted, "reset the platform", "", "not confirmed")
	}
	if err := runDown(ctx, env, 3*time.Minute); err != nil {
		return err
	}
	if err := daemon.Erase(ctx, opts); err != nil {
		return fault.Wrap(err, fault.Failed, "delete "+dir, "run garboard reset again")
	}
	fmt.Fprintf(env.Out, "Deleted %s.\n", dir)
	return nil
}

func confirmed(env *command.Env, question string) bool {
	fmt.Fprint(env.Err, question)
	line, err := bufio.NewReader(env.In).ReadString('\n')
	return err == nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "y")
}

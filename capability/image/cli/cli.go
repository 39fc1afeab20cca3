// Package cli is the command line of the image capability.
package cli

import (
	"context"
	"fmt"
	"os"

	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/progress"
	"garboard.dev/garboard/fault"
)

// exitCodes are those that the verbs have beyond 0, 1 and 2.
var exitCodes = map[int]string{
	int(fault.NotFound):    "no such image or tag",
	int(fault.Unavailable): "the platform does not run",
	int(fault.Denied):      "not allowed",
	int(fault.Conflict):    "exists already or is another than expected",
}

// Commands returns the capability's verbs.
func Commands(env *command.Env) []*command.Command {
	return []*command.Command{
		baseCommand(env), buildCommand(env),
		listCommand(env), inspectCommand(env), diffCommand(env), tagCommand(env), removeCommand(env), collectCommand(env),
		pullCommand(env), pushCommand(env), saveCommand(env), loadCommand(env), accountCommand(env),
	}
}

func layout(env *command.Env) platform.Layout { return platform.LayoutOf(env.Global.StateDir) }

// withStore runs do with the platform's image store.
func withStore(env *command.Env, do func(*store.Store) error) error {
	s, err := store.Open(layout(env).ContainerdSocket())
	if err != nil {
		return err
	}
	defer s.Close()
	return do(s)
}

// completeImages offers the names of the images that there are.
func completeImages(env *command.Env) func(context.Context, []string, string) []string {
	return func(ctx context.Context, _ []string, _ string) (out []string) {
		_ = withStore(env, func(s *store.Store) error { // without a platform there is nothing to offer
			entries, err := s.List(ctx, nil)
			for _, e := range entries {
				out = append(out, e.Name)
			}
			return err
		})
		return out
	}
}

// steps shows the steps of a piece of work one after the other; call end with
// its result when it is over.
func steps(env *command.Env) (report func(string), end func(error)) {
	shown := progress.New(env.Err, env.Now, env.Terminal, env.Width, env.Global.Quiet)
	var current *progress.Step
	report = func(text string) {
		if current != nil {
			current.Done("")
		}
		current = shown.Start("%s", text)
	}
	end = func(err error) {
		switch {
		case current == nil:
		case err != nil:
			current.Fail("")
		default:
			current.Done("")
		}
		shown.Close()
	}
	return report, end
}

// scratch makes a folder for the time of do, below the platform's state where
// that can be written, for there is the room for images.
func scratch(env *command.Env, do func(dir string) error) error {
	parent := layout(env).ImageDir()
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fault.New(fault.Denied, "write below "+parent, "run it as root, or name a folder of your own with --state-dir", "%w", err)
	}
	dir, err := os.MkdirTemp(parent, ".work-")
	if err != nil {
		return fault.New(fault.Denied, "write below "+parent, "run it as root, or name a folder of your own with --state-dir", "%w", err)
	}
	defer os.RemoveAll(dir)
	return do(dir)
}

func wantArgs(args []string, least, most int, usage string) error {
	if len(args) < least || (most >= 0 && len(args) > most) {
		return fault.Usage("usage: garboard image "+usage, "%s", count(len(args), least, most))
	}
	return nil
}

func count(got, least, most int) string {
	if got < least {
		return fmt.Sprintf("%d arguments are too few", got)
	}
	return fmt.Sprintf("%d arguments are too many, at most %d can be used", got, most)
}

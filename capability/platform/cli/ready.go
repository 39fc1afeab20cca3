package cli

import (
	"context"

	"garboard.dev/garboard/capability/platform/daemon"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/progress"
)

// ready waits until the node can take pods.
func ready(context.Context, *command.Env, daemon.Options, *progress.Steps) error { return nil }

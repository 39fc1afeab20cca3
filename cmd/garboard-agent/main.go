// Command garboard-agent is what `garboard play` copies to the machines that it
// reaches: garboard's own agent without the rest of garboard, a tenth of its size.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"garboard.dev/garboard/capability/play/connection"
	"garboard.dev/garboard/capability/play/connection/agent"
	"garboard.dev/garboard/capability/play/module/all"
	"garboard.dev/garboard/host/program"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "garboard-agent:", err)
		os.Exit(1)
	}
}

// run takes the arguments that garboard itself takes for the same: play agent, and
// play job FILE.
func run(ctx context.Context, args []string) error {
	executable, err := os.Executable()
	if err != nil {
		return err
	}
	local := &connection.Local{Modules: all.Table(), Programs: program.Linux{}, Now: time.Now, Getenv: os.Getenv}
	local.Background = connection.Starter(program.Linux{}, executable, os.Getenv)
	switch {
	case len(args) == 2 && args[1] == connection.AgentVerb:
		err = agent.Serve(ctx, os.Stdin, os.Stdout, local)
	case len(args) == 3 && args[1] == connection.JobVerb:
		err = connection.RunJob(ctx, os.Stdin, args[2], local)
	default:
		err = errors.New("it is started by garboard play")
	}
	return errors.Join(err, local.Close())
}

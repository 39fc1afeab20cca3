// Command garboard turns bare Linux machines into a platform.
package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/term"

	"garboard.dev/garboard/capability/all"
	"garboard.dev/garboard/command"
)

// version is set when the program is built.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}

func run(ctx context.Context, argv []string, in io.Reader, out io.Writer, talk *os.File) int {
	level := new(slog.LevelVar)
	env := &command.Env{
		In: in, Out: out, Err: talk,
		Getenv:   os.Getenv,
		Now:      time.Now,
		Log:      slog.New(slog.NewTextHandler(talk, &slog.HandlerOptions{Level: level})),
		Program:  filepath.Base(argv[0]),
		Version:  version,
		Terminal: term.IsTerminal(int(talk.Fd())),
		Width:    80,
	}
	if width, _, err := term.GetSize(int(talk.Fd())); err == nil {
		env.Width = width
	}
	executable, err := os.Executable()
	if err != nil {
		env.Log.Error("cannot find this program's own file", "error", err)
		return 1
	}
	env.Executable = executable
	groups := all.Commands(env)
	args := command.Called(env.Program, groups, argv[1:])
	return command.Execute(ctx, env, command.Tree(env, level, groups, agentCommand(env), consoleCommand(env)), args)
}

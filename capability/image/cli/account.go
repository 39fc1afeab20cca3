package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"garboard.dev/garboard/capability/image/registry"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/output"
	"garboard.dev/garboard/fault"
)

func accountCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name:    "account",
		Summary: "Manage who may use the platform's registry",
		Sub:     []*command.Command{accountAdd(env), accountList(env), accountRemove(env)},
	}
}

func accounts(env *command.Env) registry.File {
	return registry.File{Path: filepath.Join(layout(env).ImageDir(), registry.AccountsFile)}
}

func accountAdd(env *command.Env) *command.Command {
	var pullOnly bool
	return &command.Command{
		Name: "add", Args: "[flags] NAME",
		Summary: "Add an account, or change its password",
		Help:    "The password is asked for on a terminal, or is the first line of standard input. It is valid at once.",
		Examples: `
			garboard image account add builder
			garboard image account add --pull-only cluster-b < password.txt`,
		ExitCodes: exitCodes,
		Flags:     func(f *pflag.FlagSet) { f.BoolVar(&pullOnly, "pull-only", false, "it may not push or delete") },
		Run: func(_ context.Context, args []string) error {
			if err := wantArgs(args, 1, 1, "account add [flags] NAME"); err != nil {
				return err
			}
			password, err := readPassword(env)
			if err != nil {
				return err
			}
			role := registry.Push
			if pullOnly {
				role = registry.Pull
			}
			return accounts(env).Set(args[0], password, role)
		},
	}
}

// readPassword asks for a password twice on a terminal, or reads a line.
func readPassword(env *command.Env) ([]byte, error) {
	if f, ok := env.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		var typed [2][]byte
		for i, prompt := range []string{"Password: ", "Again: "} {
			fmt.Fprint(env.Err, prompt)
			text, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(env.Err)
			if err != nil {
				return nil, fmt.Errorf("read the password: %w", err)
			}
			typed[i] = text
		}
		if string(typed[0]) != string(typed[1]) {
			return nil, fault.Usage("", "the two passwords differ")
		}
		return typed[0], nil
	}
	line, err := bufio.NewReader(io.LimitReader(env.In, 1<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the password: %w", err)
	}
	return []byte(strings.TrimRight(line, "\r\n")), nil
}

func accountList(env *command.Env) *command.Command {
	var format output.Format
	return &command.Command{
		Name: "ls", Args: "[flags]",
		Summary:   "List the accounts",
		ExitCodes: exitCodes,
		Flags:     func(f *pflag.FlagSet) { format.Bind(f) },
		Run: func(_ context.Context, args []string) error {
			if err := wantArgs(args, 0, 0, "account ls [flags]"); err != nil {
				return err
			}
			all, err := accounts(env).Read()
			if err != nil {
				return err
			}
			type row struct {
				Name string        `json:"name"`
				Role registry.Role `json:"role"`
			}
			rows := []row{}
			l := output.List{Columns: []output.Column{{Title: "name"}, {Title: "role"}}}
			for _, a := range all {
				rows = append(rows, row{a.Name, a.Role})
				l.Rows, l.Names = append(l.Rows, []string{a.Name, string(a.Role)}), append(l.Names, a.Name)
			}
			l.Objects = rows
			return format.Print(env.Out, l)
		},
	}
}

func accountRemove(env *command.Env) *command.Command {
	return &command.Command{
		Name: "rm", Args: "NAME...",
		Summary:   "Remove accounts",
		ExitCodes: exitCodes,
		Run: func(_ context.Context, args []string) error {
			if err := wantArgs(args, 1, -1, "account rm NAME..."); err != nil {
				return err
			}
			for _, name := range args {
				if err := accounts(env).Remove(name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// Package cli is the command line of the play capability: `garboard play`, and
// the commands of Ansible by their own names through links to this program.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"garboard.dev/garboard/capability/play/connection"
	"garboard.dev/garboard/capability/play/connection/agent"
	"garboard.dev/garboard/capability/play/module/all"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/program"
)

// exitCodes are those of ansible-playbook beyond 0, 1 and 2.
var exitCodes = map[int]string{4: "a host could not be reached, or content could not be read", 5: "options are wrong", 250: "something unexpected", 99: "interrupted by the user"}

// Commands returns the capability's verbs. The verb of the capability's own name
// is what `garboard play site.yml` does.
func Commands(env *command.Env) []*command.Command {
	return append([]*command.Command{
		{
			Name: "play", Args: "[options] PLAYBOOK...", Summary: "Run Ansible playbooks", Raw: true, Everyday: true, ExitCodes: exitCodes, Links: []string{"ansible-playbook"},
			Help:     "It takes ansible-playbook's options, ansible.cfg and ANSIBLE_* variables, and needs no Python, neither here nor on the targets.",
			Examples: "garboard play site.yml\ngarboard play -i inventory -l web --check --diff site.yml\ngarboard play adhoc all -m ping",
			Run:      func(ctx context.Context, args []string) error { return playbook(ctx, env, args) },
		},
		adhocCommand(env), inventoryCommand(env), vaultCommand(env), configCommand(env), docCommand(env), agentCommand(env), jobCommand(env),
	}, later(env)...)
}

// agentCommand is the program's side of a connection on a target.
func agentCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: connection.AgentVerb, Summary: "Answer calls of a controller on standard input", Hidden: true,
		Run: func(ctx context.Context, _ []string) error {
			local := here(env)
			err := agent.Serve(ctx, env.In, env.Out, local)
			return errors.Join(err, local.Close())
		},
	}
}

// jobCommand runs a task in the background.
func jobCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: connection.JobVerb, Args: "FILE", Summary: "Run a task in the background and leave its result in a file", Hidden: true,
		Run: func(ctx context.Context, args []string) error {
			if len(args) != 1 {
				return fault.New(fault.Misuse, "run a job", "it needs one file", "garboard play job FILE")
			}
			local := here(env)
			err := connection.RunJob(ctx, env.In, args[0], local)
			return errors.Join(err, local.Close())
		},
	}
}

func here(env *command.Env) *connection.Local {
	local := &connection.Local{Modules: all.Table(), Programs: program.Linux{}, Now: env.Now, Getenv: env.Getenv}
	local.Background = connection.Starter(program.Linux{}, env.Executable, env.Getenv)
	return local
}

// say prints an error as Ansible does and returns its exit code.
func say(env *command.Env, code int, err error) error {
	fmt.Fprintf(env.Err, "ERROR! %s\n", err)
	return fault.ExitStatus(code)
}

func workingFolder() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "/", false
	}
	info, err := os.Stat(dir)
	return dir, err == nil && info.Mode().Perm()&0o002 != 0
}

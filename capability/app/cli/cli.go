// Package cli is the command line of the app capability.
package cli

import "garboard.dev/garboard/command"

// Commands returns the capability's verbs.
func Commands(env *command.Env) []*command.Command {
	return []*command.Command{kubectlCommand(env)}
}

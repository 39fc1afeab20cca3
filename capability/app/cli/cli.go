// Package cli is the command line of the app capability.
package cli

import "garboard.dev/garboard/command"

// Commands returns the capability's verbs.
func Commands(*command.Env) []*command.Command { return nil }

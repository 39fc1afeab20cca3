// Package all lists every native module.
package all

import (
	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/command"
)

// Table returns the modules by name.
func Table() *module.Listed {
	return module.NewList(command.Modules())
}

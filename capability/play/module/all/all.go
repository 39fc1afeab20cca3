// Package all lists every native module.
package all

import (
	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/command"
	"garboard.dev/garboard/capability/play/module/files"
	"garboard.dev/garboard/capability/play/module/packages"
	"garboard.dev/garboard/capability/play/module/services"
	"garboard.dev/garboard/capability/play/module/setup"
)

// Table returns the modules by name.
func Table() *module.Listed {
	return module.NewList(command.Modules(), files.Modules(), setup.Modules(), services.Modules(), packages.Modules())
}

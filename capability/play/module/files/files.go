// Package files has the modules that work on files: making, finding and
// changing them, packing and unpacking, fetching them from the network, and the
// lines of well-known ones.
package files

import (
	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

// Modules lists this package's modules.
func Modules() []*module.Module {
	list := []*module.Module{
		fileModule(), statModule(), lineinfileModule(), replaceModule(), blockinfileModule(), tempfileModule(), slurpModule(),
		copyModule(), findModule(), assembleModule(), unarchiveModule(), getentModule(), getURLModule(), uriModule(),
		iniFileModule(), authorizedKeyModule(), knownHostsModule(), mountModule(), aclModule(), archiveModule(),
	}
	for _, m := range list {
		m.Run = attribute.Told(m.Run)
	}
	return list
}

// fail makes a task fail with a message, and with pairs of keys and values in its result.
func fail(message string, pairs ...any) error {
	r := module.Result{}
	for i := 0; i+1 < len(pairs); i += 2 {
		r[pairs[i].(string)] = pairs[i+1]
	}
	return &module.Failure{Message: message, Result: r}
}

// choices are the values that an option may have.
func choices(values ...string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

package callback

import (
	"fmt"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/event"
)

// New returns the output of a name, together with the further ones that are enabled.
func New(name string, enabled []string, d *Display, o Options, now func() time.Time, getenv func(string) string) (event.Sink, error) {
	var main event.Sink
	switch short(name) {
	case "default", "debug", "":
		main = &Default{Display: d, Options: o}
	default:
		return nil, fmt.Errorf("Invalid callback for stdout specified: %s", name) //nolint:staticcheck // Ansible's sentence
	}
	return main, nil
}

func short(name string) string {
	for _, prefix := range []string{"ansible.builtin.", "ansible.posix.", "community.general."} {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}

package callback

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"garboard.dev/garboard/capability/play/event"
)

// Tree writes each host's result to a file of its name.
type Tree struct {
	Dir string
	Err func(text string)
}

// Handle implements event.Sink.
func (t *Tree) Handle(e event.Event) {
	switch e.Kind {
	case event.Ok, event.Failed, event.Unreachable:
		text := JSON(shownResult(e), 0)
		path := filepath.Join(t.Dir, filepath.Base(e.Host))
		if err := errors.Join(os.MkdirAll(t.Dir, 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Err(fmt.Sprintf("Unable to write to %s's file: %s", e.Host, err))
		}
	}
}

package book

import (
	"fmt"

	"garboard.dev/garboard/capability/play/source"
)

// Error says what is wrong with a playbook, and where.
type Error struct {
	Message  string
	Position source.Position
}

func (e *Error) Error() string { return e.Message }

func wrong(at source.Position, format string, args ...any) error {
	return &Error{Message: fmt.Sprintf(format, args...), Position: at}
}

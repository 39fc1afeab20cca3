package template

import (
	"context"

	"garboard.dev/garboard/capability/play/value"
)

// FileRequest is one template file to render.
type FileRequest struct {
	Context  context.Context
	Name     string // shown in errors
	Text     string
	Settings *value.Dict // Jinja2's settings by their Python names
	Scope    *Scope
	// Load finds the files that the template includes, imports or extends.
	Load func(name string) (source, file string, err error)
}

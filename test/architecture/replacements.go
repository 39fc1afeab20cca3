package architecture

import (
	"io/fs"
	"path"
	"strings"
)

// Replacing returns those of the modules, folders below root, whose go.mod has a
// replace directive.
func Replacing(root fs.FS, modules []string) ([]string, error) {
	var out []string
	for _, module := range modules {
		text, err := fs.ReadFile(root, path.Join(module, "go.mod"))
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if words := strings.Fields(line); len(words) > 0 && words[0] == "replace" {
				out = append(out, module)
				break
			}
		}
	}
	return out, nil
}

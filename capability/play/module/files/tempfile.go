package files

import (
	"context"
	"encoding/base64"
	"os"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func tempfileModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.tempfile", Summary: "Makes a temporary file or folder that stays",
		Options: []module.Option{
			{Name: "state", Default: "file", Choices: choices("directory", "file"), Help: "What to make."},
			{Name: "path", Type: module.Path, Help: "The folder to make it in; the machine's own for temporary files without it."},
			{Name: "prefix", Default: "ansible.", Help: "How the name begins."},
			{Name: "suffix", Default: "", Help: "How the name ends."},
		},
		Returns: []module.Return{{Name: "path", Type: "str", Help: "What was made."}},
	}, Run: runTempfile}
}

func runTempfile(_ context.Context, c *module.Call) (module.Result, error) {
	dir := c.Args.String("path")
	if dir == "" && c.Machine.Getenv != nil {
		dir = c.Machine.Getenv("TMPDIR")
	}
	if dir == "" {
		dir = "/tmp"
	}
	name := c.Args.String("prefix") + "*" + c.Args.String("suffix")
	if c.Args.String("state") == "directory" {
		path, err := os.MkdirTemp(dir, name)
		if err != nil {
			return nil, fail(attribute.Reason(err, false))
		}
		return module.Result{"changed": true, "path": path}, nil
	}
	f, err := os.CreateTemp(dir, name)
	if err != nil {
		return nil, fail(attribute.Reason(err, false))
	}
	return module.Result{"changed": true, "path": f.Name()}, f.Close()
}

func slurpModule() *module.Module {
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.slurp", Summary: "Reads a file whole, as base64", CheckMode: true,
		Options: []module.Option{{Name: "src", Aliases: []string{"path"}, Type: module.Path, Required: true, Help: "The file to read."}},
		Returns: []module.Return{{Name: "content", Type: "str", Help: "The file's content."}, {Name: "encoding", Type: "str", Help: "base64"}, {Name: "source", Type: "str", Help: "The file's path."}},
	}, Run: runSlurp}
}

func runSlurp(_ context.Context, c *module.Call) (module.Result, error) {
	path := c.Args.String("src")
	info, err := os.Stat(path)
	var data []byte
	if err == nil && !info.IsDir() {
		data, err = os.ReadFile(path)
	}
	switch {
	case os.IsNotExist(err):
		return nil, fail("file not found: " + path)
	case os.IsPermission(err):
		return nil, fail("file is not readable: " + path)
	case err != nil:
		return nil, fail("unable to slurp file: " + attribute.Reason(err, false))
	case info.IsDir():
		return nil, fail("source is a directory and must be a file: " + path)
	}
	return module.Result{"content": base64.StdEncoding.EncodeToString(data), "source": path, "encoding": "base64"}, nil
}

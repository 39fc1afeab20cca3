package command

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/module"
)

// asyncStatus tells of a job in the background. Its files are async_wrapper's:
// one JSON object, with started and finished.
func asyncStatus() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.async_status", Summary: "Ask about a job in the background", CheckMode: true,
			Options: []module.Option{
				{Name: "jid", Required: true, Help: "The job's id."},
				{Name: "mode", Default: "status", Choices: []any{"cleanup", "status"}, Help: "Ask, or remove what the job left."},
				{Name: "_async_dir", Type: module.Path, Default: "~/.ansible_async"},
			},
		},
		Run: status,
	}
}

// JobFile is where a job's state stands.
func JobFile(dir, id, home string) (string, error) {
	if rest, ok := strings.CutPrefix(dir, "~/"); ok {
		dir = filepath.Join(home, rest)
	}
	if id == "" || id != filepath.Base(id) || id == "." || id == ".." {
		return "", errors.New("not a job's id: " + id)
	}
	return filepath.Join(dir, id), nil
}

func status(_ context.Context, c *module.Call) (module.Result, error) {
	id := c.Args.String("jid")
	path, err := JobFile(c.Args.String("_async_dir"), id, c.Machine.Getenv("HOME"))
	if err != nil {
		return nil, err
	}
	base := module.Result{"ansible_job_id": id, "results_file": path, "stdout": "", "stderr": "", "stdout_lines": []any{}, "stderr_lines": []any{}, "started": int64(1), "finished": int64(0)}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		base["started"], base["finished"] = int64(1), int64(1)
		return nil, &module.Failure{Message: "could not find job", Result: base}
	}
	if err != nil {
		return nil, err
	}
	if c.Args.String("mode") == "cleanup" {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
		return module.Result{"ansible_job_id": id, "erased": path, "changed": false}, nil
	}
	var d map[string]any
	if json.Unmarshal(data, &d) != nil {
		if len(data) == 0 { // it is being written
			return base, nil
		}
		return nil, &module.Failure{Message: "Could not parse job output: " + string(data), Result: base}
	}
	if d, err = module.Decode(data); err != nil {
		return nil, err
	}
	if _, started := d["started"]; !started {
		d["finished"], d["ansible_job_id"] = int64(1), id
	} else if _, finished := d["finished"]; !finished {
		d["finished"] = int64(0)
	}
	for k, v := range base {
		if _, ok := d[k]; !ok {
			d[k] = v
		}
	}
	delete(d, "invocation")
	if f, _ := d["failed"].(bool); f {
		message, _ := d["msg"].(string)
		return nil, &module.Failure{Message: message, Result: d}
	}
	return d, nil
}

package connection

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/command"
	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/host/program"
)

// AgentVerb is the verb by which this program is the agent on a target.
const AgentVerb = "agent"

// JobVerb is the verb by which this program runs a job in the background.
const JobVerb = "job"

// Starter returns what starts jobs that outlive this process: the program itself,
// with the request on its standard input.
func Starter(programs program.Runner, executable string, getenv func(string) string) func(context.Context, target.Request) (module.Result, error) {
	return func(ctx context.Context, r target.Request) (module.Result, error) {
		return startJob(ctx, programs, executable, getenv("HOME"), r)
	}
}

// startJob starts a job and says where its state will stand.
func startJob(ctx context.Context, programs program.Runner, executable, home string, r target.Request) (module.Result, error) {
	path, err := command.JobFile(r.Async.Dir, r.Async.JobID, home)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	started := module.Result{"started": int64(1), "finished": int64(0), "ansible_job_id": r.Async.JobID, "results_file": path}
	if err := writeJob(path, module.Result{"started": 1, "finished": 0, "ansible_job_id": r.Async.JobID}); err != nil {
		return nil, err
	}
	err = programs.Run(ctx, program.Command{Name: "setsid", Args: []string{"--fork", executable, "play", JobVerb, path}, Stdin: bytes.NewReader(data)})
	if err != nil {
		return nil, fmt.Errorf("start the job in the background: %w", err)
	}
	started["changed"] = true
	return started, nil
}

// writeJob writes a job's state, whole.
func writeJob(path string, result module.Result) error {
	data, err := json.Marshal(result)
	if err != nil {
		return err
	}
	temp := path + ".tmp"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

// RunJob runs a job whose request comes on in, and leaves its result at path.
func RunJob(ctx context.Context, in io.Reader, path string, on *Local) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var r target.Request
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	limit := time.Duration(r.Async.Limit) * time.Second
	id := r.Async.JobID
	r.Async = nil
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result, err := on.Module(ctx, r)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		result = module.Result{"failed": true, "msg": "Timeout exceeded", "child_pid": strconv.Itoa(os.Getpid())}
	case err != nil:
		result = module.Result{"failed": true, "msg": err.Error()}
	}
	result["ansible_job_id"], result["finished"], result["started"] = id, int64(1), int64(1)
	return writeJob(path, result)
}

package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"garboard.dev/garboard/capability/play/target"
	"garboard.dev/garboard/host/program"
)

// through runs lines by a program of the controller that reaches the machine: ssh,
// podman exec, chroot.
type through struct {
	programs program.Runner
	name     string
	args     []string // the line follows
	env      []string
}

func (t *through) run(ctx context.Context, line string, stdin io.Reader, stdout, stderr io.Writer) error {
	err := t.programs.Run(ctx, program.Command{Name: t.name, Args: append(slices.Clone(t.args), line), Env: t.env, Stdin: stdin, Stdout: stdout, Stderr: stderr})
	var exit *program.ExitError
	if errors.As(err, &exit) {
		return &exitError{exit.Code}
	}
	return err
}

func (t *through) close() error { return nil }

// insides are connections into what runs on this machine, by their names: the
// program and its arguments before the shell's line; %s is the address.
var insides = map[string][]string{
	"docker": {"docker", "exec", "-i", "%s", "/bin/sh", "-c"}, "community.docker.docker": {"docker", "exec", "-i", "%s", "/bin/sh", "-c"},
	"podman": {"podman", "exec", "-i", "%s", "/bin/sh", "-c"}, "containers.podman.podman": {"podman", "exec", "-i", "%s", "/bin/sh", "-c"},
	"nerdctl": {"nerdctl", "exec", "-i", "%s", "/bin/sh", "-c"},
	"buildah": {"buildah", "run", "%s", "--", "/bin/sh", "-c"}, "containers.podman.buildah": {"buildah", "run", "%s", "--", "/bin/sh", "-c"},
	"chroot": {"chroot", "%s", "/bin/sh", "-c"}, "community.general.chroot": {"chroot", "%s", "/bin/sh", "-c"},
	"lxc": {"lxc-attach", "--name", "%s", "--", "/bin/sh", "-c"}, "community.general.lxc": {"lxc-attach", "--name", "%s", "--", "/bin/sh", "-c"},
	"kubectl": {"kubectl", "exec", "-i", "%s", "--", "/bin/sh", "-c"}, "kubernetes.core.kubectl": {"kubectl", "exec", "-i", "%s", "--", "/bin/sh", "-c"},
}

// inside returns the transport into a container or a folder.
func (m *Manager) inside(s target.Settings) (transport, bool) {
	argv, ok := insides[s.Kind]
	if !ok {
		return nil, false
	}
	out := make([]string, len(argv))
	for i, a := range argv {
		if a == "%s" {
			a = s.Address
		}
		out[i] = a
	}
	return &through{programs: m.Programs, name: out[0], args: out[1:]}, true
}

// localAs is this machine as another user.
func (m *Manager) localAs(ctx context.Context, s target.Settings) (target.Target, error) {
	prompt, err := promptText()
	if err != nil {
		return nil, err
	}
	line, err := becomeLine(s, `"$f" play `+AgentVerb, prompt)
	if err != nil {
		return nil, err
	}
	line = fmt.Sprintf("f=%s; export f; exec %s", quote(m.Executable), line)
	return serve(ctx, &through{programs: m.Programs, name: "/bin/sh", args: []string{"-c"}}, s, line, prompt)
}

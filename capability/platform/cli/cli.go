// Package cli is the command line of the platform capability.
package cli

import (
	"log/slog"
	"os"
	"path/filepath"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/capability/platform/daemon"
	"garboard.dev/garboard/capability/platform/machine"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/disk"
	"garboard.dev/garboard/host/process"
	"garboard.dev/garboard/host/systemd"
)

// Commands returns the capability's verbs.
func Commands(env *command.Env) []*command.Command {
	return []*command.Command{
		upCommand(env), downCommand(env), resetCommand(env), statusCommand(env), checkCommand(env),
		logsCommand(env), restartCommand(env), superviseCommand(env), guardCommand(env),
	}
}

func layoutOf(env *command.Env) platform.Layout { return platform.LayoutOf(env.Global.StateDir) }

func client(env *command.Env) *control.Client { return control.New(layoutOf(env).ControlSocket()) }

// options returns what the daemon works with on this machine.
func options(env *command.Env, log *slog.Logger) (daemon.Options, error) {
	engine, err := engineDir(env)
	if err != nil {
		return daemon.Options{}, err
	}
	host, err := machine.Linux()
	return daemon.Options{
		Layout: layoutOf(env), Executable: env.Executable, EngineDir: engine, Version: env.Version,
		Log: log, Now: env.Now, Processes: process.Linux{}, Host: host, Units: systemd.Linux{}, Disk: disk.Linux{},
	}, err
}

// engineDir is where the engine's programs are: $GARBOARD_ENGINE, or the folder
// engine beside this program.
func engineDir(env *command.Env) (string, error) {
	dir := env.Getenv("GARBOARD_ENGINE")
	if dir == "" {
		program, err := filepath.EvalSymlinks(env.Executable)
		if err != nil {
			return "", err
		}
		dir = filepath.Join(filepath.Dir(program), "engine")
	}
	if _, err := os.Stat(filepath.Join(dir, "kubelet")); err != nil {
		return "", fault.New(fault.NotFound, "find the engine", "build it with make engine, or name its folder in GARBOARD_ENGINE", "%s holds no kubelet", dir)
	}
	return dir, nil
}

// asRoot refuses work that only root can do, before anything is touched.
func asRoot(verb string) error {
	if os.Geteuid() != 0 {
		return fault.New(fault.Denied, verb, "run it as root, as with sudo", "this takes root")
	}
	return nil
}

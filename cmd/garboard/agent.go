package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"garboard.dev/garboard/capability/all"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/loop"
)

// agentCommand runs every capability's controllers in one process, as the
// platform's component "agent".
func agentCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "agent", Hidden: true, Summary: "Run the platform's own controllers, in the foreground",
		Run: func(ctx context.Context, _ []string) error { return runAgent(ctx, env) },
	}
}

func runAgent(ctx context.Context, env *command.Env) error {
	layout := platform.LayoutOf(env.Global.StateDir)
	settings, err := platform.ReadSettings(layout)
	if err != nil {
		return err
	}
	shell, err := agentEnv(env, layout, settings)
	if err != nil {
		return err
	}
	controllers := append(all.Controllers(shell), consoleController(env, shell, settings))
	runner := loop.NewRunner(shell)
	server, err := serveStates(layout.AgentSocket(), runner, env)
	if err != nil {
		return err
	}
	// What filling the caches took goes back once they are full.
	settled := time.AfterFunc(30*time.Second, debug.FreeOSMemory)
	defer settled.Stop()
	runner.Run(ctx, controllers)
	return server.Close()
}

func agentEnv(env *command.Env, layout platform.Layout, settings platform.Settings) (loop.Env, error) {
	in := component.Input{Settings: settings, Layout: layout}
	config, err := clientcmd.BuildConfigFromFlags("", in.AgentKubeconfig())
	if err != nil {
		return loop.Env{}, fault.Wrap(err, fault.Unavailable, "read the agent's kubeconfig", "garboard up makes it")
	}
	config.QPS, config.Burst = 200, 400
	config.UserAgent = "garboard-agent/" + env.Version
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return loop.Env{}, err
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return loop.Env{}, err
	}
	return loop.Env{
		Log: env.Log, Now: env.Now, Config: config, Client: client, Dynamic: dyn,
		Informers: informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTransform(loop.Slim)),
		StateDir:  layout.StateDir, RunDir: layout.RunDir, EngineDir: env.Getenv("GARBOARD_ENGINE"),
		NodeName: settings.NodeName, NodeIP: settings.NodeIP, Listen: settings.Listen,
	}, nil
}

// serveStates answers on the agent's socket: /healthz, and /v1/controllers with
// the state of each controller.
func serveStates(path string, runner *loop.Runner, env *command.Env) (*http.Server, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v1/controllers", func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(runner.States()); err != nil {
			env.Log.Debug("controllers were not read whole", "error", err)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			env.Log.Error("agent socket", "error", err)
		}
	}()
	return server, nil
}

package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/fault"
)

// listen serves the control API. The socket's mode lets only root in.
func (d *daemon) listen() (*http.Server, error) {
	path := d.Layout.ControlSocket()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a supervisor that was killed; ours is the lock
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
	mux.HandleFunc("GET /v1/status", d.serveStatus)
	mux.HandleFunc("POST /v1/components/{name}/ensure", func(w http.ResponseWriter, r *http.Request) {
		d.serveComponent(w, r, func(ctx context.Context, name string) error { return d.sup.Ensure(ctx, name) })
	})
	mux.HandleFunc("POST /v1/components/{name}/restart", func(w http.ResponseWriter, r *http.Request) {
		d.serveComponent(w, r, func(ctx context.Context, name string) error { return d.sup.Restart(ctx, name, "asked for") })
	})
	mux.HandleFunc("POST /v1/down", func(w http.ResponseWriter, _ *http.Request) { d.end(takeDown); w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("POST /v1/reload", func(w http.ResponseWriter, _ *http.Request) { d.end(handOver); w.WriteHeader(http.StatusOK) })
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			d.Log.Error("control socket", "error", err)
		}
	}()
	return server, nil
}

func (d *daemon) serveStatus(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(d.status(r.URL.Query().Get("usage") == "true")); err != nil {
		d.Log.Debug("status was not read whole", "error", err)
	}
}

// componentWait bounds a wait for a component.
const componentWait = 2 * time.Minute

func (d *daemon) serveComponent(w http.ResponseWriter, r *http.Request, act func(context.Context, string) error) {
	d.mu.Lock()
	phase := d.phase
	d.mu.Unlock()
	if phase != "running" {
		http.Error(w, "the platform is "+phase, http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), componentWait)
	defer cancel()
	if err := act(ctx, r.PathValue("name")); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (d *daemon) status(usage bool) control.Status {
	d.mu.Lock()
	s := control.Status{
		Version: d.Version, Phase: d.phase, Doing: d.doing, Since: d.started, PID: os.Getpid(),
		Steps: append([]control.Step{}, d.steps...), SettingsHash: d.hash, Program: d.program,
	}
	failure := d.failure
	d.mu.Unlock()
	if failure != nil {
		s.Failure, s.Hint = failure.Error(), fault.Hint(failure)
	}
	if s.Phase != "running" && s.Phase != "stopping" || d.sup == nil {
		return s
	}
	s.Components = d.sup.Components(usage)
	s.Certificates = d.certificates()
	room, err := d.Disk.At(d.Layout.StateDir)
	if err != nil {
		d.Log.Warn("cannot measure the disk", "error", err)
	}
	s.Degraded = degraded(s, d.input, room, d.Now())
	return s
}

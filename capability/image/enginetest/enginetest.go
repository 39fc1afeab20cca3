// Package enginetest starts the engine's containerd and buildkitd for tests,
// in folders and on sockets of their own.
package enginetest

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"garboard.dev/garboard/host/program"
)

const containerdConfig = `version = 3
root = '%[1]s/root'
state = '%[1]s/state'
disabled_plugins = ['io.containerd.cri.v1.images', 'io.containerd.cri.v1.runtime', 'io.containerd.grpc.v1.cri', 'io.containerd.nri.v1.nri']
[grpc]
address = '%[1]s/containerd.sock'
`

// Containerd starts containerd and returns its socket. Without root or the
// engine the test is skipped, loudly.
func Containerd(t testing.TB) (socket string) {
	t.Helper()
	dir := folder(t)
	config := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(config, fmt.Appendf(nil, containerdConfig, dir), 0o600); err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "containerd.sock")
	start(t, socket, "containerd", "--config", config)
	return socket
}

// Buildkitd starts buildkitd as the platform does, working through the
// containerd at the given socket, and returns its own.
func Buildkitd(t testing.TB, containerd string) (socket string) {
	t.Helper()
	dir := folder(t)
	socket = filepath.Join(dir, "buildkitd.sock")
	start(t, socket, "buildkitd", "--config", "/dev/null", "--root", filepath.Join(dir, "root"), "--addr", "unix://"+socket,
		"--otel-socket-path", filepath.Join(dir, "otel.sock"), "--oci-worker=false", "--containerd-worker=true",
		"--containerd-worker-addr", containerd, "--containerd-worker-net", "host", "--containerd-worker-snapshotter", "overlayfs")
	return socket
}

// folder is a new one whose path is short enough for sockets.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gb-image-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Engine is the folder of the engine's binaries in this repository.
func Engine() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "bin", "engine")
}

// A program has patience times pause to listen.
const (
	patience = 1500
	pause    = 20 * time.Millisecond
)

func start(t testing.TB, socket, name string, args ...string) {
	t.Helper()
	binary := filepath.Join(Engine(), name)
	if _, err := os.Stat(binary); err != nil || os.Geteuid() != 0 {
		t.Skipf("SKIPPED: needs root and bin/engine/%s (make engine)", name)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	path := "PATH=" + Engine() + ":/usr/sbin:/usr/bin:/sbin:/bin"
	go func() {
		ended <- program.Linux{}.Run(ctx, program.Command{Name: binary, Args: args, Env: []string{path}})
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	for range patience {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v", name, err)
		default:
		}
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return
		}
		time.Sleep(pause)
	}
	t.Fatalf("%s does not listen after %s", name, patience*pause)
}

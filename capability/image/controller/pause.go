package controller

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"

	"garboard.dev/garboard/capability/image/single"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/loop"
)

const (
	// kubernetesNamespace is containerd's namespace of the images that pods run.
	kubernetesNamespace = "k8s.io"
	// pinnedLabel keeps the kubelet's garbage collection away from an image.
	pinnedLabel = "io.cri-containerd.pinned"
	// pauseLook is how often the pause image is looked for.
	pauseLook = time.Minute
)

// pauseController keeps the image that every pod's sandbox runs: no pod starts
// without it, and it can be pulled from nowhere.
func pauseController(env loop.Env) loop.Controller {
	return loop.Controller{Name: "image-pause", Run: func(ctx context.Context) error {
		client, err := containerd.New(platform.LayoutOf(env.StateDir).ContainerdSocket())
		if err != nil {
			return err
		}
		defer client.Close()
		for {
			if err := ensurePause(ctx, client, filepath.Join(env.EngineDir, "pause")); err != nil {
				return fmt.Errorf("keep the image %s: %w", component.PauseImage, err)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pauseLook):
			}
		}
	}}
}

func ensurePause(ctx context.Context, client *containerd.Client, program string) error {
	ctx = namespaces.WithNamespace(ctx, kubernetesNamespace)
	_, err := client.GetImage(ctx, component.PauseImage)
	if !errdefs.IsNotFound(err) {
		return err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	files := []single.File{{Path: "/pause", Mode: 0o755, Content: content}}
	if err := single.Archive(&archive, component.PauseImage, files, []string{"/pause"}); err != nil {
		return err
	}
	_, err = client.Import(ctx, &archive, containerd.WithImageLabels(map[string]string{pinnedLabel: "pinned"}))
	return err
}

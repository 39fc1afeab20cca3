package cli

import (
	"cmp"
	"context"
	"fmt"

	"garboard.dev/garboard/capability/app"
	"garboard.dev/garboard/capability/app/manifest"
	"garboard.dev/garboard/capability/image/build"
	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

// builder builds the images of a set into the platform's image store.
type builder struct {
	env   *command.Env
	store *store.Store
	used  []app.Image
}

// useImages finds the set's own images and lets objs refer to them. It returns
// nil where there are none; otherwise the caller closes the builder.
func useImages(ctx context.Context, env *command.Env, cluster *kube.Cluster, dirs []string, objs []manifest.Object) (*builder, error) {
	b := &builder{env: env}
	var found []app.Image
	for _, dir := range dirs {
		images, err := app.FindImages(dir, func(ref string) string { return b.digest(ctx, cluster, ref) })
		if err != nil {
			b.close()
			return nil, fault.Wrap(err, fault.Misuse, "find the images that are built here", "")
		}
		found = append(found, images...)
	}
	var err error
	b.used, err = app.UseImages(objs, found)
	if err != nil {
		b.close()
		return nil, sourceFault("", err)
	}
	if len(b.used) == 0 {
		b.close()
		return nil, nil
	}
	if !cluster.Own() {
		b.close()
		return nil, fault.New(fault.Misuse, "build "+b.used[0].Name, "build it, push it to a registry that the cluster pulls from, and name that in the manifest",
			"images can be built into this machine's platform only, and %s is another cluster", cluster.Kubeconfig)
	}
	return b, b.open()
}

// open opens the platform's image store once.
func (b *builder) open() error {
	if b.store != nil {
		return nil
	}
	var err error
	b.store, err = store.Open(platform.LayoutOf(b.env.Global.StateDir).ContainerdSocket())
	return err
}

func (b *builder) close() {
	if b != nil && b.store != nil {
		b.store.Close()
	}
}

// digest is that of an image in the store; "" where it is not there, and where
// there is no store: then building fails with the reason.
func (b *builder) digest(ctx context.Context, cluster *kube.Cluster, ref string) string {
	if !cluster.Own() || b.open() != nil {
		return ""
	}
	full, err := store.Normalize(ref)
	if err != nil {
		return ""
	}
	found, err := b.store.Find(ctx, full)
	if err != nil {
		return ""
	}
	return found.Target.Digest.String()
}

// run builds what is not there yet, with BuildKit's own progress.
func (b *builder) run(ctx context.Context) error {
	for _, image := range b.used {
		full, err := store.Normalize(image.Ref)
		if err != nil {
			return err
		}
		if _, err := b.store.Find(ctx, full); err == nil {
			continue
		}
		if !b.env.Global.Quiet {
			fmt.Fprintf(b.env.Err, "building %s from %s\n", image.Ref, image.Context)
		}
		if err := b.one(ctx, image, full); err != nil {
			return fault.Wrap(err, fault.Failed, "build the image "+image.Name, "")
		}
	}
	return nil
}

func (b *builder) one(ctx context.Context, image app.Image, full string) error {
	paths := platform.LayoutOf(b.env.Global.StateDir)
	how := "auto"
	if b.env.Global.Quiet {
		how = "quiet"
	}
	_, err := build.Builder{
		Socket: paths.BuildkitSocket(), Daemon: control.New(paths.ControlSocket()), Store: b.store,
		In: b.env.In, Talk: b.env.Err, Getenv: b.env.Getenv,
	}.Run(ctx, build.Options{
		Context: image.Context, Names: []string{full}, Progress: how, Network: "default",
		Epoch: cmp.Or(b.env.Getenv("SOURCE_DATE_EPOCH"), "0"),
	})
	return err
}

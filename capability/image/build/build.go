// Package build builds images from Dockerfiles with BuildKit. The options are
// those of docker build. What is built has no time of its own: the same inputs
// give the same image, bit for bit.
package build

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/cli/cli/config"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/util/progress/progressui"
	"golang.org/x/sync/errgroup"

	buildctl "github.com/moby/buildkit/cmd/buildctl/build"

	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/fault"
)

// Options are what docker build is told on its command line.
type Options struct {
	Context   string // a folder, "-" or a URL
	File      string // the Dockerfile; "" is Dockerfile in the context, "-" is standard input
	Names     []string
	Args      []string // NAME=VALUE, or NAME for the environment's value
	Labels    []string // NAME=VALUE
	Contexts  []string // NAME=VALUE: more contexts
	Secrets   []string // id=NAME[,src=FILE|,env=NAME]
	SSH       []string // default or NAME=SOCKET|KEY
	Target    string
	Platforms []string
	NoCache   bool
	Pull      bool
	Network   string // default, host or none
	Outputs   []string
	CacheFrom []string
	CacheTo   []string
	Epoch     string // seconds since 1970 that files and the image are dated by
	Progress  string // auto, plain, tty, quiet or rawjson
}

// Daemon starts BuildKit when it is needed.
type Daemon interface {
	// Ensure returns when the component called name runs.
	Ensure(ctx context.Context, name string) error
}

// Builder builds.
type Builder struct {
	Socket string // buildkitd's
	Daemon Daemon
	Store  *store.Store // where FROM finds images, and where the result goes
	In     io.Reader
	Talk   io.Writer // progress
	Getenv func(string) string
}

// keepAlive is how often a running build asks for its daemon, which would be
// stopped if nobody did.
const keepAlive = time.Minute

// Run builds and returns the names of the images that are there now, in full.
// A build that only writes Outputs returns none.
func (b Builder) Run(ctx context.Context, o Options) ([]string, error) {
	if err := b.Daemon.Ensure(ctx, "buildkitd"); err != nil {
		return nil, err
	}
	if err := b.Store.OfferToBuilds(ctx); err != nil {
		return nil, fault.Wrap(err, fault.Failed, "offer the platform's images to the build", "")
	}
	solve, cleanup, err := b.solveOptions(o)
	if err != nil {
		return nil, err
	}
	defer cleanup()
	c, err := client.New(ctx, "unix://"+b.Socket)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "reach BuildKit", "garboard logs buildkitd says why it does not run")
	}
	defer c.Close()
	if err := b.solve(ctx, c, solve, o.Progress); err != nil {
		return nil, explain(err)
	}
	if len(o.Outputs) > 0 {
		return nil, nil
	}
	if err := b.Store.TakeFromBuilds(ctx, o.Names); err != nil {
		return nil, fault.Wrap(err, fault.Failed, "put the image into the platform", "")
	}
	return o.Names, nil
}

func (b Builder) solve(ctx context.Context, c *client.Client, o *client.SolveOpt, progress string) error {
	display, err := progressui.NewDisplay(b.Talk, progressui.DisplayMode(progress))
	if err != nil {
		return fault.Usage("use auto, plain, tty, quiet or rawjson", "--progress %s: %v", progress, err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	status := make(chan *client.SolveStatus)
	group, building := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer stop()
		_, err := c.Solve(building, nil, *o, status)
		return err
	})
	group.Go(func() error {
		// Not the build's context: what it said last must still be shown.
		_, err := display.UpdateFrom(context.WithoutCancel(ctx), status)
		return err
	})
	group.Go(func() error { return b.keep(building) })
	return group.Wait()
}

// keep asks for the daemon until ctx ends.
func (b Builder) keep(ctx context.Context) error {
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := b.Daemon.Ensure(ctx, "buildkitd"); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// solveOptions is o as BuildKit takes it. Call cleanup when the build is over.
func (b Builder) solveOptions(o Options) (out *client.SolveOpt, cleanup func(), err error) {
	attrs, err := attributes(o, b.Getenv)
	if err != nil {
		return nil, nil, err
	}
	out = &client.SolveOpt{Frontend: "dockerfile.v0", FrontendAttrs: attrs}
	if cleanup, err = b.addContext(out, o); err != nil {
		return nil, nil, err
	}
	steps := []func() error{
		func() error { return b.addSession(out, o) },
		func() error { return addExports(out, o) },
		func() (err error) { out.CacheImports, err = buildctl.ParseImportCache(o.CacheFrom); return },
		func() (err error) { out.CacheExports, err = buildctl.ParseExportCache(o.CacheTo); return },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			cleanup()
			return nil, nil, fault.Wrap(err, fault.Misuse, "understand the build's options", "")
		}
	}
	return out, cleanup, nil
}

// attributes are the frontend's settings.
func attributes(o Options, getenv func(string) string) (map[string]string, error) {
	attrs := map[string]string{
		"image-resolve-mode": "local", // what the platform has is not asked for elsewhere
		"cmdline":            "docker/dockerfile:1",
	}
	if o.Target != "" {
		attrs["target"] = o.Target
	}
	if len(o.Platforms) > 0 {
		attrs["platform"] = strings.Join(o.Platforms, ",")
	}
	if o.NoCache {
		attrs["no-cache"] = ""
	}
	if o.Pull {
		attrs["image-resolve-mode"] = "pull"
	}
	switch o.Network {
	case "", "default", "host": // a build's own network is the machine's
	case "none":
		attrs["force-network-mode"] = "none"
	default:
		return nil, fault.Usage("use default, host or none", "--network %s is not known", o.Network)
	}
	attrs["build-arg:SOURCE_DATE_EPOCH"] = o.Epoch
	for _, arg := range o.Args {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			value = getenv(name)
		}
		attrs["build-arg:"+name] = value
	}
	for prefix, pairs := range map[string][]string{"label:": o.Labels, "context:": o.Contexts} {
		for _, pair := range pairs {
			name, value, ok := strings.Cut(pair, "=")
			if !ok || name == "" {
				return nil, fault.Usage("write it as NAME=VALUE", "%q has no value", pair)
			}
			attrs[prefix+name] = value
		}
	}
	if _, err := strconv.ParseUint(attrs["build-arg:SOURCE_DATE_EPOCH"], 10, 62); err != nil {
		return nil, fault.Usage("give seconds since 1970", "SOURCE_DATE_EPOCH is %q, which is no time", attrs["build-arg:SOURCE_DATE_EPOCH"])
	}
	return attrs, nil
}

func (b Builder) addSession(out *client.SolveOpt, o Options) error {
	out.Session = append(out.Session, authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(config.LoadDefaultConfigFile(b.Talk)),
	}))
	if len(o.Secrets) > 0 {
		secrets, err := buildctl.ParseSecret(o.Secrets)
		if err != nil {
			return fmt.Errorf("--secret: %w", err)
		}
		out.Session = append(out.Session, secrets)
	}
	if len(o.SSH) > 0 {
		agents, err := parseSSH(o.SSH)
		if err != nil {
			return fmt.Errorf("--ssh: %w", err)
		}
		out.Session = append(out.Session, agents)
	}
	return nil
}

// addExports says where the result goes: into containerd by name, or to
// Outputs in docker's syntax.
func addExports(out *client.SolveOpt, o Options) error {
	if len(o.Outputs) == 0 {
		out.Exports = []client.ExportEntry{{Type: client.ExporterImage, Attrs: map[string]string{
			"name": strings.Join(o.Names, ","), "store": "true", "unpack": "false",
			"oci-mediatypes": "true", "compression": "zstd", "rewrite-timestamp": "true",
		}}}
		return nil
	}
	exports, err := buildctl.ParseOutput(normalizeOutputs(o.Outputs))
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	for _, e := range exports {
		switch e.Type {
		case client.ExporterOCI, client.ExporterDocker, client.ExporterImage:
			defaults := map[string]string{"rewrite-timestamp": "true"}
			if len(o.Names) > 0 {
				defaults["name"] = strings.Join(o.Names, ",")
			}
			maps.Copy(defaults, e.Attrs)
			maps.Copy(e.Attrs, defaults)
		}
	}
	out.Exports = exports
	return nil
}

// normalizeOutputs turns docker's short form, a path, into the long one.
func normalizeOutputs(outputs []string) []string {
	out := slices.Clone(outputs)
	for i, o := range out {
		switch {
		case o == "-":
			out[i] = "type=tar,dest=-"
		case !strings.Contains(o, "="):
			out[i] = "type=local,dest=" + o
		}
	}
	return out
}

func parseSSH(in []string) (session.Attachable, error) {
	agents, err := buildctl.ParseSSH(in)
	if err != nil {
		return nil, err
	}
	return newAgents(agents)
}

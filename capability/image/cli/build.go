package cli

import (
	"cmp"
	"context"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/image/build"
	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/command"
)

func buildCommand(env *command.Env) *command.Command {
	var o build.Options
	return &command.Command{
		Name: "build", Args: "[flags] DIR|URL|-",
		Summary: "Build an image from a Dockerfile",
		Help: `The options are docker build's. FROM finds the platform's images first; the result is there for
pods at once, nothing has to be pushed. Builds are reproducible: what they write is dated SOURCE_DATE_EPOCH,
which is 0 unless the environment or --build-arg says otherwise. RUN has this machine's network.`,
		Examples: `
			garboard image build -t hello .
			garboard image build -t shop:2 -f deploy/Dockerfile --build-arg VERSION=2 --secret id=token,src=token.txt .
			garboard image build --output type=oci,dest=hello.tar .`,
		ExitCodes: exitCodes,
		Flags:     func(f *pflag.FlagSet) { bindBuild(f, &o) },
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 1, 1, "build [flags] DIR|URL|-"); err != nil {
				return err
			}
			return runBuild(ctx, env, o, args[0])
		},
	}
}

func bindBuild(f *pflag.FlagSet, o *build.Options) {
	f.StringVarP(&o.File, "file", "f", "", "the Dockerfile (default: DIR/Dockerfile); - is standard input")
	f.StringArrayVarP(&o.Names, "tag", "t", nil, "the image's `NAME`; more than one are allowed (default: the folder's name)")
	f.StringArrayVar(&o.Args, "build-arg", nil, "a value for ARG, as `NAME=VALUE`; NAME alone takes the environment's")
	f.StringArrayVar(&o.Labels, "label", nil, "a label, as `NAME=VALUE`")
	f.StringArrayVar(&o.Contexts, "build-context", nil, "one more context, as `NAME=SOURCE`")
	f.StringArrayVar(&o.Secrets, "secret", nil, "a secret for RUN --mount=type=secret, as `id=NAME[,src=FILE|,env=NAME]`")
	f.StringArrayVar(&o.SSH, "ssh", nil, "an SSH agent or key for RUN --mount=type=ssh, as `default|NAME=SOCKET`")
	f.StringVar(&o.Target, "target", "", "build this `STAGE` only")
	f.StringSliceVar(&o.Platforms, "platform", nil, "build for these, as `linux/arm64`; others than this machine's need emulation")
	f.BoolVar(&o.NoCache, "no-cache", false, "run every step again")
	f.BoolVar(&o.Pull, "pull", false, "ask registries for newer images than those that are here")
	f.StringVar(&o.Network, "network", "default", "what RUN has of the network: default or none")
	f.StringArrayVar(&o.Outputs, "output", nil, "write the result elsewhere, as `type=local|tar|oci|docker,dest=PATH`")
	f.StringArrayVar(&o.CacheFrom, "cache-from", nil, "read a build cache, as `type=local|registry,...`")
	f.StringArrayVar(&o.CacheTo, "cache-to", nil, "write the build cache, as `type=inline|local|registry,...`")
	f.StringVar(&o.Progress, "progress", "auto", "auto, plain, tty, quiet or rawjson")
}

func runBuild(ctx context.Context, env *command.Env, o build.Options, source string) error {
	o.Context = source
	o.Epoch = cmp.Or(env.Getenv("SOURCE_DATE_EPOCH"), "0")
	if env.Global.Quiet {
		o.Progress = "quiet"
	}
	var err error
	if len(o.Outputs) == 0 || len(o.Names) > 0 {
		if o.Names, err = fullNames(o.Names, defaultName(source)); err != nil {
			return err
		}
	}
	paths := layout(env)
	return withStore(env, func(s *store.Store) error {
		b := build.Builder{
			Socket: paths.BuildkitSocket(), Daemon: control.New(paths.ControlSocket()), Store: s,
			In: env.In, Talk: env.Err, Getenv: env.Getenv,
		}
		names, err := b.Run(ctx, o)
		if err != nil {
			return err
		}
		return say(env, names)
	})
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// defaultName is what an image is called that nobody named: as the folder that
// it is built from.
func defaultName(source string) string {
	full, err := filepath.Abs(source)
	if err != nil || source == "-" || strings.Contains(source, ":") {
		return "build"
	}
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(filepath.Base(full)), "-"), "-")
	return cmp.Or(name, "build")
}

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/command"
)

func bindRemote(f *pflag.FlagSet, r *store.Remote) {
	f.StringVar(&r.CA, "tls-ca", "", "trust the authority in this `FILE` too")
	f.BoolVar(&r.Insecure, "insecure", false, "do not check the registry's certificate")
	f.BoolVar(&r.PlainHTTP, "plain-http", false, "speak HTTP without TLS")
}

const remoteHelp = `Passwords are those of docker's config.json (podman login --authfile ~/.docker/config.json writes it
too), certificates are checked against the system's authorities. registry.garboard.internal is the platform's own
registry.`

func pullCommand(env *command.Env) *command.Command {
	var r store.Remote
	var platform string
	return &command.Command{
		Name: "pull", Args: "[flags] IMAGE...",
		Summary: "Fetch images from registries",
		Help:    remoteHelp,
		Examples: `
			garboard image pull registry.garboard.internal/team/app:1
			garboard image pull --tls-ca corp.pem registry.example/team/app`,
		ExitCodes: exitCodes,
		Flags: func(f *pflag.FlagSet) {
			bindRemote(f, &r)
			f.StringVar(&platform, "platform", "", "fetch it for this one, as `linux/arm64`")
		},
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 1, -1, "pull [flags] IMAGE..."); err != nil {
				return err
			}
			r.OwnCA, r.Talk = layout(env).CACert(), env.Err
			return withStore(env, func(s *store.Store) (err error) {
				report, end := steps(env)
				defer func() { end(err) }()
				for _, name := range args {
					report("pull " + name)
					full, err := s.Pull(ctx, name, platform, r)
					if err != nil {
						return err
					}
					if err := say(env, []string{full}); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

func pushCommand(env *command.Env) *command.Command {
	var r store.Remote
	return &command.Command{
		Name: "push", Args: "[flags] IMAGE [TARGET]",
		Summary: "Send an image to a registry",
		Help:    "The image goes where its name says, or to TARGET. " + remoteHelp,
		Examples: `
			garboard image push hello registry.garboard.internal/team/hello:1
			garboard image push registry.example/team/app:2`,
		ExitCodes: exitCodes,
		Flags:     func(f *pflag.FlagSet) { bindRemote(f, &r) },
		Complete:  completeImages(env),
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 1, 2, "push [flags] IMAGE [TARGET]"); err != nil {
				return err
			}
			target := ""
			if len(args) == 2 {
				target = args[1]
			}
			r.OwnCA, r.Talk = layout(env).CACert(), env.Err
			return withStore(env, func(s *store.Store) (err error) {
				report, end := steps(env)
				defer func() { end(err) }()
				report("push " + args[len(args)-1])
				digest, err := s.Push(ctx, args[0], target, r)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(env.Out, digest)
				return err
			})
		},
	}
}

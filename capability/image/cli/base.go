package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/image/archive"
	"garboard.dev/garboard/capability/image/base"
	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/program"
)

type baseOptions struct {
	env     *command.Env
	names   []string
	lock    string
	variant string
	include []string
	output  string
	arch    string
}

func baseCommand(env *command.Env) *command.Command {
	o := &baseOptions{env: env}
	return &command.Command{
		Name: "base", Args: "[flags] debian:RELEASE",
		Summary: "Make a base image from the distribution's packages",
		Help: `apt fetches the packages with this machine's own settings, mmdebstrap installs them. The same
packages give the same image, bit for bit. With --lock FILE the packages are those that FILE names, with
their hashes; where FILE does not exist it is written. The image has this machine's package sources,
without passwords.`,
		Examples: `
			garboard image base debian:12
			garboard image base debian:12 --lock debian.lock --include ca-certificates
			garboard image base debian:12 --variant essential --output debian.tar   # needs no platform`,
		ExitCodes: exitCodes,
		Flags: func(f *pflag.FlagSet) {
			f.StringArrayVarP(&o.names, "tag", "t", nil, "the image's `NAME`; more than one are allowed (default: as the argument)")
			f.StringVar(&o.lock, "lock", "", "the `FILE` that names the packages")
			f.StringVar(&o.variant, "variant", "apt", "essential, apt or buildd")
			f.StringSliceVar(&o.include, "include", nil, "more `PACKAGE`s, with what they depend on")
			f.StringVar(&o.output, "output", "", "write an OCI archive to `FILE` instead of into the platform")
			f.StringVar(&o.arch, "arch", "", "Debian's name of another architecture, which this machine must be able to run")
		},
		Run: o.run,
	}
}

func (o *baseOptions) run(ctx context.Context, args []string) (err error) {
	if err := wantArgs(args, 1, 1, "base [flags] debian:RELEASE"); err != nil {
		return err
	}
	request, err := o.request(ctx, args[0])
	if err != nil {
		return err
	}
	references, err := fullNames(o.names, args[0])
	if err != nil {
		return err
	}
	if o.output == "" { // say it before half a minute of work
		if err := withStore(o.env, func(*store.Store) error { return nil }); err != nil {
			return fault.Wrap(err, fault.Failed, "keep the image", "start the platform with: garboard up; or write the image to a file with --output FILE")
		}
	}
	report, end := steps(o.env)
	defer func() { end(err) }()
	return scratch(o.env, func(dir string) error {
		b := base.Builder{
			Runner: program.Linux{}, Pool: base.Pool{Dir: filepath.Join(layout(o.env).ImageDir(), "pool")},
			Scratch: dir, Keyring: base.DebianKeyring, Report: report,
		}
		lock, err := o.resolve(ctx, b, request)
		if err != nil {
			return err
		}
		made, err := b.Build(ctx, lock)
		if err != nil {
			return err
		}
		made.Image.References = references
		return o.deliver(ctx, made.Image, report)
	})
}

func (o *baseOptions) request(ctx context.Context, name string) (base.Request, error) {
	r, err := base.ParseName(name)
	if err != nil {
		return r, err
	}
	r.Variant, r.Include, r.Architecture = o.variant, o.include, o.arch
	if r.Architecture == "" {
		if r.Architecture, err = base.NativeArchitecture(ctx, program.Linux{}); err != nil {
			return r, err
		}
	}
	return r, r.Validate()
}

// resolve honours the lock file, or writes it where it does not exist yet.
func (o *baseOptions) resolve(ctx context.Context, b base.Builder, r base.Request) (base.Lock, error) {
	if o.lock != "" {
		text, err := os.ReadFile(o.lock)
		switch {
		case err == nil:
			return o.locked(ctx, b, r, text)
		case !errors.Is(err, fs.ErrNotExist):
			return base.Lock{}, fault.Wrap(err, fault.Failed, "read the lock file", "")
		}
	}
	lock, err := b.Resolve(ctx, r)
	if err != nil || o.lock == "" {
		return lock, err
	}
	text, err := lock.Encode()
	if err != nil {
		return lock, err
	}
	return lock, fault.Wrap(os.WriteFile(o.lock, text, 0o644), fault.Failed, "write the lock file", "")
}

func (o *baseOptions) locked(ctx context.Context, b base.Builder, r base.Request, text []byte) (base.Lock, error) {
	lock, err := base.ParseLock(text)
	if err != nil {
		return lock, fault.Wrap(err, fault.Misuse, "use "+o.lock, "remove the file to have a new one written")
	}
	if err := lock.Matches(r); err != nil {
		return lock, fault.New(fault.Conflict, "use "+o.lock, "remove the file to have a new one written", "%w", err)
	}
	return lock, b.Restore(ctx, lock)
}

// deliver writes the image to the file that --output names or into the platform.
func (o *baseOptions) deliver(ctx context.Context, image archive.Image, report func(string)) error {
	if o.output != "" {
		report("write " + o.output)
		return writeOutput(o.env, o.output, func(w writer) error {
			_, err := archive.Write(w, image)
			return err
		})
	}
	report("put it into the platform")
	return withStore(o.env, func(s *store.Store) error {
		names, err := importImage(ctx, s, image)
		return errors.Join(err, say(o.env, names))
	})
}

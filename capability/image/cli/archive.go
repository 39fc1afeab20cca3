package cli

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/image/archive"
	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

func saveCommand(env *command.Env) *command.Command {
	var file, compression string
	return &command.Command{
		Name: "save", Args: "[flags] IMAGE...",
		Summary: "Write images to an archive",
		Help: `The archive is an OCI image layout in a tar file that docker load reads too. Compression follows
the file's name (.tar.gz, .tar.zst) unless --compress says otherwise.`,
		Examples: `
			garboard image save -o hello.tar hello
			garboard image save hello debian:12 --compress zstd | ssh other garboard image load`,
		ExitCodes: exitCodes,
		Flags: func(f *pflag.FlagSet) {
			f.StringVarP(&file, "output", "o", "-", "the `FILE` to write; - is standard output")
			f.StringVar(&compression, "compress", "", "none, gzip or zstd")
		},
		Complete: completeImages(env),
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 1, -1, "save [flags] IMAGE..."); err != nil {
				return err
			}
			pack, err := packer(compression, file)
			if err != nil {
				return err
			}
			return withStore(env, func(s *store.Store) error {
				return writeOutput(env, file, func(w writer) error {
					packed, err := pack(w)
					if err != nil {
						return err
					}
					return errors.Join(s.Export(ctx, packed, args), packed.Close())
				})
			})
		},
	}
}

// packer returns what compresses for kind, or for what the file's name says.
func packer(kind, file string) (func(io.Writer) (io.WriteCloser, error), error) {
	if kind == "" {
		switch {
		case strings.HasSuffix(file, ".gz"), strings.HasSuffix(file, ".tgz"):
			kind = "gzip"
		case strings.HasSuffix(file, ".zst"):
			kind = "zstd"
		}
	}
	switch kind {
	case "", "none":
		return func(w io.Writer) (io.WriteCloser, error) { return unpacked{w}, nil }, nil
	case "gzip":
		return func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }, nil
	case "zstd":
		return func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }, nil
	}
	return nil, fault.Usage("use none, gzip or zstd", "%q is no compression that is known", kind)
}

type unpacked struct{ io.Writer }

func (unpacked) Close() error { return nil }

func loadCommand(env *command.Env) *command.Command {
	var file string
	return &command.Command{
		Name: "load", Args: "[flags]",
		Summary: "Read images from an archive",
		Help:    "It reads OCI and docker archives, plain or compressed with gzip or zstd.",
		Examples: `
			garboard image load -i hello.tar
			docker save hello | garboard image load`,
		ExitCodes: exitCodes,
		Flags: func(f *pflag.FlagSet) {
			f.StringVarP(&file, "input", "i", "-", "the `FILE` to read; - is standard input")
		},
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 0, 0, "load [flags]"); err != nil {
				return err
			}
			in := env.In
			if file != "-" {
				f, err := os.Open(file)
				if err != nil {
					return fault.Wrap(err, fault.NotFound, "read the archive", "")
				}
				defer f.Close()
				in = f
			}
			return withStore(env, func(s *store.Store) error {
				r, err := archive.Reader(bufio.NewReaderSize(in, 1<<20))
				if err != nil {
					return fault.Wrap(err, fault.Misuse, "read the archive", "")
				}
				defer r.Close()
				names, err := s.Import(ctx, r, nil)
				return errors.Join(err, say(env, names))
			})
		},
	}
}

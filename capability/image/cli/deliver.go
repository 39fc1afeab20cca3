package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"garboard.dev/garboard/capability/image/archive"
	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

type writer = io.Writer

// fullNames are names, or fallback where there are none, in their full form.
func fullNames(names []string, fallback string) ([]string, error) {
	if len(names) == 0 {
		names = []string{fallback}
	}
	var out []string
	for _, n := range names {
		full, err := store.Normalize(n)
		if err != nil {
			return nil, err
		}
		out = append(out, full)
	}
	return out, nil
}

// importImage streams image into the store as it is written.
func importImage(ctx context.Context, s *store.Store, image archive.Image) ([]string, error) {
	r, w := io.Pipe()
	go func() {
		_, err := archive.Write(w, image)
		w.CloseWithError(err)
	}()
	names, err := s.Import(ctx, r, nil)
	r.CloseWithError(err)
	return names, err
}

// say prints the images that there are now: that is the result.
func say(env *command.Env, names []string) error {
	for _, n := range names {
		if _, err := fmt.Fprintln(env.Out, store.Familiar(n)); err != nil {
			return err
		}
	}
	return nil
}

// writeOutput lets write fill the file called name, which appears only when it
// is whole; "-" is standard output.
func writeOutput(env *command.Env, name string, write func(writer) error) error {
	if name == "-" {
		out := bufio.NewWriterSize(env.Out, 1<<20)
		return errors.Join(write(out), out.Flush())
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-")
	if err != nil {
		return fault.Wrap(err, fault.Failed, "write "+name, "")
	}
	defer os.Remove(f.Name())
	out := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(write(out), out.Flush(), f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return fault.Wrap(err, fault.Failed, "write "+name, "")
	}
	return fault.Wrap(os.Rename(f.Name(), name), fault.Failed, "write "+name, "")
}

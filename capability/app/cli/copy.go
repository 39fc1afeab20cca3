package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/app/transfer"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/kube"
)

type copyOptions struct {
	place
	container string
}

func copyCommand(env *command.Env) *command.Command {
	var o copyOptions
	return &command.Command{
		Name: "cp", Args: "[-c CONTAINER] SOURCE TARGET", Summary: "Copy files and folders into and out of containers",
		Help: `One of the two is POD:PATH or KIND/NAME:PATH. A target that is a folder gets the source inside it, else the
source gets the target's name. The container needs tar. What a container gives cannot be written outside of the
target: links that lead out of it are left out.`,
		Examples: `
			garboard cp site/ deployment/web:/srv/www
			garboard cp db-0:/var/lib/mysql/error.log .`,
		Flags: func(f *pflag.FlagSet) {
			o.place.bind(f)
			f.StringVarP(&o.container, "container", "c", "", "the `CONTAINER` (default: the pod's first)")
		},
		Complete:      completePods(env, &o.place),
		CompleteFlags: map[string]completer{"namespace": completeNamespaces(env)},
		Run: func(ctx context.Context, args []string) error {
			if len(args) != 2 {
				return fault.Usage("garboard cp FILE POD:PATH or garboard cp POD:PATH FILE", "cp needs a source and a target")
			}
			return runCopy(ctx, env, o, args[0], args[1])
		},
	}
}

// remote is one side of a copy: a path in a container. target is empty for a
// path of this machine.
type remote struct{ target, path string }

// parseSide tells POD:PATH from a path of this machine: that has a "/" or a
// "." before any colon, or is there.
func parseSide(text string) (remote, error) {
	target, path, found := strings.Cut(text, ":")
	if !found || strings.HasPrefix(text, ".") || strings.HasPrefix(text, "/") {
		return remote{path: text}, nil
	}
	if target == "" || path == "" {
		return remote{}, fault.Usage("write it as POD:PATH; a file of that name as ./"+text, "%q is neither a path nor POD:PATH", text)
	}
	return remote{target: target, path: path}, nil
}

func runCopy(ctx context.Context, env *command.Env, o copyOptions, from, to string) error {
	source, err := parseSide(from)
	if err != nil {
		return err
	}
	target, err := parseSide(to)
	if err != nil {
		return err
	}
	if (source.target == "") == (target.target == "") {
		return fault.Usage("garboard cp FILE POD:PATH or garboard cp POD:PATH FILE", "one side, and only one, must be POD:PATH")
	}
	return withCluster(env, o.namespace, "copy "+from, func(c *kube.Cluster) error {
		pod, err := onePod(ctx, c, source.target+target.target)
		if err != nil {
			return err
		}
		s := session{cluster: c, pod: pod, container: o.container}
		if err := s.check(); err != nil {
			return err
		}
		cp := &copier{env: env, session: s}
		var count transfer.Count
		if source.target == "" {
			count, err = cp.in(ctx, source.path, target.path)
		} else {
			count, err = cp.out(ctx, source.path, target.path)
		}
		if cp.left > shownSkips {
			fmt.Fprintf(env.Err, "left out: %d more\n", cp.left-shownSkips)
		}
		if err == nil && !env.Global.Quiet {
			fmt.Fprintf(env.Err, "copied %d files, %d bytes\n", count.Files, count.Bytes)
		}
		return err
	})
}

type copier struct {
	env     *command.Env
	session session
	left    int // entries that were left out
}

// shownSkips is how many of the entries that were left out are named.
const shownSkips = 5

func (c *copier) skipped(path, why string) {
	if c.left++; c.left <= shownSkips {
		fmt.Fprintf(c.env.Err, "left out: %s: %s\n", path, why)
	}
}

// command runs words in the container and returns what it says on standard
// error within the error.
func (c *copier) command(ctx context.Context, in io.Reader, out io.Writer, words ...string) error {
	var said bytes.Buffer
	s := c.session
	s.words, s.in, s.out, s.err = words, in, out, &said
	if s.out == nil {
		s.out = io.Discard
	}
	err := s.run(ctx)
	var status fault.ExitStatus
	switch {
	case fault.KindOf(err) == fault.NotFound, errors.As(err, &status) && (status == 126 || status == 127):
		return fault.New(fault.NotFound, "run "+words[0]+" in container "+s.container,
			"for one file, if it has a shell: garboard exec -i "+s.pod.Name+" -- sh -c 'cat > FILE' < FILE",
			"its image has no %s, which cp needs", words[0])
	case errors.As(err, &status):
		return fault.New(fault.Failed, "run "+words[0]+" in container "+s.container, "", "%s", strings.ReplaceAll(strings.TrimSpace(said.String()), "\n", "; "))
	}
	return err
}

// in copies into the container.
func (c *copier) in(ctx context.Context, source, target string) (transfer.Count, error) {
	info, err := os.Stat(source)
	if err != nil {
		return transfer.Count{}, localFault(err, source)
	}
	if !info.IsDir() && strings.HasSuffix(source, "/") {
		return transfer.Count{}, fault.Usage("", "%s is no folder", source)
	}
	source, err = filepath.Abs(source) // so that "." has a name
	if err != nil {
		return transfer.Count{}, err
	}
	folder, name := path.Dir(path.Clean(target)), path.Base(path.Clean(target))
	isFolder, err := c.isFolder(ctx, target)
	if err != nil {
		return transfer.Count{}, err
	}
	if isFolder {
		folder, name = target, filepath.Base(source)
	}
	r, w := io.Pipe()
	type packed struct {
		count transfer.Count
		err   error
	}
	done := make(chan packed, 1)
	go func() {
		count, err := transfer.Pack(w, source, name, c.skipped)
		w.CloseWithError(err)
		done <- packed{count, err}
	}()
	err = c.command(ctx, r, nil, "tar", "-xmf", "-", "-C", folder)
	r.CloseWithError(io.ErrClosedPipe)
	p := <-done
	if err == nil {
		err = p.err
	}
	return p.count, err
}

// isFolder asks the container whether target is a folder there. An image
// without "test" has no tar either, as a rule, and that is said then.
func (c *copier) isFolder(ctx context.Context, target string) (bool, error) {
	if strings.HasSuffix(target, "/") {
		return true, nil
	}
	s := c.session
	s.words, s.out = []string{"test", "-d", target}, io.Discard
	err := s.run(ctx)
	var status fault.ExitStatus
	if errors.As(err, &status) || fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}

// out copies out of the container.
func (c *copier) out(ctx context.Context, source, target string) (transfer.Count, error) {
	clean := path.Clean(source)
	folder, name := path.Dir(clean), path.Base(clean)
	if name == "." || name == "/" || name == ".." {
		return transfer.Count{}, fault.Usage("name a file or a folder below it", "%s has no name of its own", source)
	}
	info, err := os.Stat(target)
	switch {
	case err == nil && info.IsDir():
		target = filepath.Join(target, name)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return transfer.Count{}, localFault(err, target)
	}
	if target, err = filepath.Abs(target); err != nil {
		return transfer.Count{}, err
	}
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := c.command(ctx, nil, w, "tar", "-cf", "-", "-C", folder, "--", name)
		w.CloseWithError(err)
		ended <- err
	}()
	count, err := transfer.Unpack(r, name, target, c.skipped)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // the archive's padding: tar wants to be rid of it
	}
	r.CloseWithError(io.ErrClosedPipe)
	if remoteErr := <-ended; remoteErr != nil && !errors.Is(remoteErr, io.ErrClosedPipe) && count.Files == 0 {
		return count, remoteErr
	}
	if err != nil {
		return count, localFault(err, target)
	}
	return count, nil
}

func localFault(err error, path string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "copy", "", "%s does not exist", path)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(err, fault.Denied, "copy", "")
	}
	return fault.Wrap(err, fault.Failed, "copy", "")
}

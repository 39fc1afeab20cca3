package build

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/sshforward/sshprovider"
	"github.com/moby/buildkit/session/upload/uploadprovider"
	"github.com/tonistiigi/fsutil"

	"garboard.dev/garboard/fault"
)

// remote is what docker build takes for a URL instead of a folder.
var remote = regexp.MustCompile(`^(https?://|git://|ssh://|git@|github\.com/)`)

// largestDockerfile bounds a Dockerfile that comes on standard input.
const largestDockerfile = 4 << 20

// addContext says where the build's files come from. What it leaves on disk is
// removed by cleanup.
func (b Builder) addContext(out *client.SolveOpt, o Options) (cleanup func(), err error) {
	switch {
	case remote.MatchString(o.Context):
		if o.File == "-" {
			return nil, fault.Usage("", "a Dockerfile from standard input needs a folder as context")
		}
		out.FrontendAttrs["context"] = o.Context
		if o.File != "" {
			out.FrontendAttrs["filename"] = o.File
		}
		return func() {}, nil
	case o.Context == "-":
		if o.File == "-" {
			return nil, fault.Usage("", "the context and the Dockerfile cannot both come from standard input")
		}
		return b.contextFromInput(out, o)
	}
	return b.contextFromFolder(out, o)
}

func (b Builder) contextFromFolder(out *client.SolveOpt, o Options) (cleanup func(), err error) {
	cleanup = func() {}
	if info, err := os.Stat(o.Context); err != nil || !info.IsDir() {
		if err == nil {
			err = fmt.Errorf("%s is no folder", o.Context)
		}
		return nil, fault.New(fault.NotFound, "read the build's context", "name the folder that holds the Dockerfile", "%w", err)
	}
	file := o.File
	if file == "" {
		file = filepath.Join(o.Context, "Dockerfile")
	}
	if file == "-" {
		text, err := io.ReadAll(io.LimitReader(b.In, largestDockerfile))
		if err != nil {
			return nil, fmt.Errorf("read the Dockerfile: %w", err)
		}
		if file, cleanup, err = temporary(text); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(file); err != nil || info.IsDir() {
		cleanup()
		if err == nil {
			err = fmt.Errorf("%s is a folder", file)
		}
		return nil, fault.New(fault.NotFound, "read the Dockerfile", "name it with --file", "%w", err)
	}
	return cleanup, mount(out, file, o.Context)
}

// mount offers the context and the Dockerfile's folder to the build.
func mount(out *client.SolveOpt, file, context string) error {
	files, err := fsutil.NewFS(context)
	if err != nil {
		return fmt.Errorf("read %s: %w", context, err)
	}
	dockerfile, err := fsutil.NewFS(filepath.Dir(file))
	if err != nil {
		return fmt.Errorf("read %s: %w", filepath.Dir(file), err)
	}
	out.LocalMounts = map[string]fsutil.FS{"context": files, "dockerfile": dockerfile}
	out.FrontendAttrs["filename"] = filepath.Base(file)
	return nil
}

// contextFromInput takes a tar as context, or a text as Dockerfile without one.
func (b Builder) contextFromInput(out *client.SolveOpt, o Options) (cleanup func(), err error) {
	in := bufio.NewReaderSize(b.In, 1<<12)
	head, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the context from standard input: %w", err)
	}
	if !isArchive(head) {
		text, err := io.ReadAll(io.LimitReader(in, largestDockerfile))
		if err != nil {
			return nil, fmt.Errorf("read the Dockerfile: %w", err)
		}
		file, cleanup, err := temporary(text)
		if err != nil {
			return nil, err
		}
		return cleanup, mount(out, file, filepath.Join(filepath.Dir(file), "empty"))
	}
	upload := uploadprovider.New()
	out.FrontendAttrs["context"] = upload.Add(io.NopCloser(in))
	if o.File != "" {
		out.FrontendAttrs["filename"] = o.File
	}
	out.Session = append(out.Session, upload)
	return func() {}, nil
}

// isArchive says whether text begins like a tar, plain (ustar, at byte 257) or
// compressed with gzip, bzip2, xz or zstd.
func isArchive(text []byte) bool {
	for _, magic := range [][]byte{{0x1f, 0x8b}, []byte("BZh"), {0xfd, '7', 'z', 'X', 'Z'}, {0x28, 0xb5, 0x2f, 0xfd}} {
		if bytes.HasPrefix(text, magic) {
			return true
		}
	}
	return len(text) >= 262 && bytes.Equal(text[257:262], []byte("ustar"))
}

// temporary writes text as a Dockerfile into a folder of its own, which also
// has an empty one.
func temporary(text []byte) (file string, cleanup func(), err error) {
	dir, err := os.MkdirTemp("", "garboard-build-")
	if err != nil {
		return "", nil, fmt.Errorf("keep the Dockerfile: %w", err)
	}
	file = filepath.Join(dir, "Dockerfile")
	err = errors.Join(os.WriteFile(file, text, 0o600), os.Mkdir(filepath.Join(dir, "empty"), 0o700))
	if err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("keep the Dockerfile: %w", err)
	}
	return file, func() { os.RemoveAll(dir) }, nil
}

func newAgents(agents []sshprovider.AgentConfig) (session.Attachable, error) {
	return sshprovider.NewSSHAgentProvider(agents)
}

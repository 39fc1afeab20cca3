package files

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/capability/play/module/execute"
)

func unarchiveModule() *module.Module {
	list := func(name, help string, aliases ...string) module.Option {
		return module.Option{Name: name, Type: module.List, Elements: module.Str, Default: []any{}, Help: help, Aliases: aliases}
	}
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.unarchive", Summary: "Unpacks an archive in a folder", Files: true, CheckMode: true,
		Options: []module.Option{
			{Name: "src", Type: module.Path, Required: true, Help: "The archive: tar, plain or compressed, or zip. With remote_src also a URL."},
			{Name: "dest", Type: module.Path, Required: true, Help: "The folder, which must exist."},
			{Name: "remote_src", Type: module.Bool, Default: false, Help: "The archive is on the machine itself."},
			{Name: "creates", Type: module.Path, Help: "Do nothing where this path exists."},
			{Name: "list_files", Type: module.Bool, Default: false, Help: "Tell the archive's files."},
			{Name: "keep_newer", Type: module.Bool, Default: false, Help: "Leave files that are newer than the archive's."},
			list("exclude", "Files not to unpack, as shell patterns."), list("include", "The only files to unpack."),
			list("extra_opts", "More arguments of the program that unpacks."),
			{Name: "validate_certs", Type: module.Bool, Default: true, Help: "Check the certificate of a URL."},
			{Name: "copy", Type: module.Bool, Default: true, Help: "The opposite of remote_src."},
			{Name: "decrypt", Type: module.Bool, Default: true, Help: "Decrypt vaults; done before the content comes here."},
			{Name: "_original_basename", Help: "The archive's name where it comes from."},
			{Name: "io_buffer_size", Type: module.Int, Default: int64(65536), Help: "Accepted and of no effect."},
		},
		Rules:   module.Rules{Exclusive: [][]string{{"include", "exclude"}}},
		Returns: []module.Return{{Name: "handler", Type: "str", Help: "How the archive was read."}, {Name: "files", Type: "list", Help: "The archive's files."}, {Name: "extract_results", Type: "dict", Help: "What the program said."}},
	}, Run: runUnarchive}
}

// archive is one way to read an archive.
type archive interface {
	// name is what results call it.
	name() string
	// list returns the archive's files; an error says why it cannot.
	list(ctx context.Context) ([]string, error)
	// unpacked says whether the folder has all of it already, with the
	// differences where the way can tell them.
	unpacked(ctx context.Context) (bool, string, error)
	unpack(ctx context.Context) ([]string, execute.Output, error)
}

// unarchiver is one run of unarchive.
type unarchiver struct {
	c         *module.Call
	src, dest string
	source    string // where the archive lies
	wanted    attribute.Wanted
}

func runUnarchive(ctx context.Context, c *module.Call) (module.Result, error) {
	u := &unarchiver{c: c, src: c.Args.String("src"), dest: c.Args.String("dest"), wanted: attribute.Of(c, c.Args.String("dest"))}
	if creates := c.Args.String("creates"); creates != "" {
		if _, err := os.Stat(creates); err == nil {
			return module.Result{"changed": false, "skipped": true, "msg": "skipped, since " + creates + " exists"}, nil
		}
	}
	if err := u.takeSource(ctx); err != nil {
		return nil, err
	}
	if info, err := os.Stat(u.dest); err != nil || !info.IsDir() {
		return nil, fail(fmt.Sprintf("Destination '%s' is not a directory", u.dest))
	}
	way, names, err := u.pick(ctx)
	if err != nil {
		return nil, err
	}
	if _, isTar := way.(*tarball); isTar && c.Check {
		return module.Result{"skipped": true, "msg": fmt.Sprintf("remote module (%s) does not support check mode when using gtar", c.Module.Name)}, nil
	}
	return u.run(ctx, way, names)
}

func (u *unarchiver) takeSource(ctx context.Context) (err error) {
	remote := u.c.Args.Bool("remote_src") || !u.c.Args.Bool("copy")
	u.source = u.src
	switch {
	case !remote && u.c.Machine.Upload != nil:
		u.source, err = receive(u.c, u.c.Machine.Upload)
	case remote && strings.Contains(u.src, "://"):
		u.source, err = download(ctx, u.c, u.src)
	}
	if err != nil {
		return err
	}
	info, err := os.Stat(u.source)
	switch {
	case err != nil && !remote:
		return fail(fmt.Sprintf("Source '%s' failed to transfer", u.src))
	case err != nil:
		return fail(fmt.Sprintf("Source '%s' does not exist", u.src))
	case syscall.Access(u.source, 4) != nil:
		return fail(fmt.Sprintf("Source '%s' not readable", u.src))
	case info.Size() == 0:
		return fail(fmt.Sprintf("Invalid archive '%s', the file is 0 bytes", u.src))
	}
	return nil
}

// pick finds a way that can read the archive.
func (u *unarchiver) pick(ctx context.Context) (archive, []string, error) {
	ways := []archive{
		&zipball{u: u}, &tarball{u, "TgzArchive", "-z"}, &tarball{u, "TarArchive", ""}, &tarball{u, "TarBzipArchive", "-j"},
		&tarball{u, "TarXzipArchive", "-J"}, &tarball{u, "TarZstdArchive", "--zstd"},
	}
	var reasons []string
	for _, way := range ways {
		names, err := way.list(ctx)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err == nil {
			return way, names, nil
		}
		if !slices.Contains(reasons, err.Error()) {
			reasons = append(reasons, err.Error())
		}
	}
	return nil, nil, fail(fmt.Sprintf("Failed to find handler for \"%s\". Make sure the required command to extract the file is installed.\n%s",
		u.src, strings.Join(reasons, "\n")))
}

func (u *unarchiver) run(ctx context.Context, way archive, names []string) (module.Result, error) {
	r := module.Result{"handler": way.name(), "dest": u.dest, "src": u.src}
	done, diff, err := way.unpacked(ctx)
	if err != nil {
		return nil, err
	}
	if diff != "" {
		r["diff"] = map[string]any{"prepared": diff}
	}
	r["changed"] = !done
	if !done && !u.c.Check {
		argv, out, err := way.unpack(ctx)
		if err != nil {
			return nil, err
		}
		r["extract_results"] = map[string]any{"cmd": anyOf(argv), "rc": int64(out.Code), "out": out.Stdout, "err": out.Stderr}
		if out.Code != 0 {
			delete(r, "changed")
			return nil, &module.Failure{Message: fmt.Sprintf("failed to unpack %s to %s", u.src, u.dest), Result: r}
		}
	}
	if !u.c.Check {
		did, err := u.settle(ctx, names)
		if err != nil {
			return nil, err
		}
		r["changed"] = r["changed"] == true || did
	}
	if u.c.Args.Bool("list_files") {
		r["files"] = anyOf(names)
	}
	return r, nil
}

func anyOf(texts []string) []any {
	out := make([]any, len(texts))
	for i, t := range texts {
		out[i] = t
	}
	return out
}

// settle gives what was unpacked, and the folders at its top, the task's attributes.
func (u *unarchiver) settle(ctx context.Context, names []string) (bool, error) {
	changed := false
	var paths []string
	for _, name := range names {
		paths = append(paths, name)
		if top, _, nested := strings.Cut(name, "/"); nested && !slices.Contains(paths, top) {
			paths = append(paths, top)
		}
	}
	for _, path := range paths {
		did, err := u.wanted.At(filepath.Join(u.dest, path)).Apply(ctx, u.c, nil)
		if err != nil {
			return changed, fail("Unexpected error when accessing exploded file: " + err.Error())
		}
		changed = changed || did
	}
	return changed, nil
}

// tarball reads archives with the program tar.
type tarball struct {
	u      *unarchiver
	called string
	flag   string // how it is compressed; tar finds that out itself where it is empty
}

func (t *tarball) name() string { return t.called }

// run runs tar: how is --list, --diff or --extract.
func (t *tarball) run(ctx context.Context, how string, more ...string) ([]string, execute.Output, error) {
	args := t.u.c.Args
	argv := []string{execute.Find(t.u.c, "tar"), how, "-C", t.u.dest}
	if t.flag != "" {
		argv = append(argv, t.flag)
	}
	if extra := args.Strings("extra_opts"); len(extra) > 0 {
		argv = append(append(argv, "--show-transformed-names"), extra...)
	}
	argv = append(argv, more...)
	for _, pattern := range args.Strings("exclude") {
		argv = append(argv, "--exclude="+pattern)
	}
	argv = append(append(argv, "-f", t.u.source), args.Strings("include")...)
	out, err := execute.Run(ctx, t.u.c, execute.Program{Argv: argv, Dir: t.u.dest}.Parsed())
	return argv, out, err
}

// owned are the arguments that say what the task asks of owners and newer files.
func (t *tarball) owned() []string {
	var out []string
	if t.u.wanted.Owner != "" {
		out = append(out, "--owner="+t.u.wanted.Owner)
	}
	if t.u.wanted.Group != "" {
		out = append(out, "--group="+t.u.wanted.Group)
	}
	if t.u.c.Args.Bool("keep_newer") {
		out = append(out, "--keep-newer-files")
	}
	return out
}

func (t *tarball) list(ctx context.Context) ([]string, error) {
	_, out, err := t.run(ctx, "--list")
	if err != nil {
		//lint:ignore ST1005 Ansible's sentence
		return nil, fmt.Errorf("Command \"tar\" could not handle archive: %w", err)
	}
	if out.Code != 0 {
		return nil, errors.New(`Command "tar" could not handle archive: Unable to list files in the archive: ` + out.Stderr)
	}
	var names []string
	for line := range strings.Lines(out.Stdout) {
		name := strings.TrimPrefix(unquoteTar(strings.TrimSuffix(line, "\n")), "/")
		if name != "" && !excluded(t.u.c.Args.Strings("exclude"), name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		//lint:ignore ST1005 Ansible's sentence
		return nil, errors.New(`Command "tar" found no files in archive. Empty archive files are not supported.`)
	}
	return names, nil
}

// unquoteTar undoes how tar lists names: \303\251 for bytes that are no ASCII.
func unquoteTar(name string) string {
	if !strings.Contains(name, `\`) {
		return name
	}
	plain, err := unescape(name)
	if err != nil {
		return name
	}
	return plain
}

func excluded(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, err := filepath.Match(p, name); ok && err == nil {
			return true
		}
	}
	return false
}

func (t *tarball) unpacked(ctx context.Context) (bool, string, error) {
	_, out, err := t.run(ctx, "--diff", t.owned()...)
	if err != nil {
		return false, "", err
	}
	for line := range strings.Lines(out.Stdout + out.Stderr) {
		if t.matters(strings.TrimSuffix(line, "\n")) {
			return false, "", nil
		}
	}
	return true, "", nil
}

// matters says whether a line of tar --diff means that unpacking would change
// something that the task does not set itself.
func (t *tarball) matters(line string) bool {
	root := os.Getuid() == 0
	switch {
	case strings.HasSuffix(line, ": : Warning: Cannot stat: No such file or directory"):
		return false
	case strings.HasSuffix(line, ": Uid differs"):
		return root && t.u.wanted.Owner == ""
	case strings.HasSuffix(line, ": Gid differs"):
		return root && t.u.wanted.Group == ""
	case strings.HasSuffix(line, ": Mode differs"):
		return t.u.wanted.Mode == nil
	}
	for _, end := range []string{": Mod time differs", ": Size differs", ": Contents differ", ": File type differs",
		": Symlink differs", ": Warning: Cannot stat: No such file or directory", ": Invalid owner", ": Invalid group"} {
		if strings.HasSuffix(line, end) {
			return true
		}
	}
	return false
}

func (t *tarball) unpack(ctx context.Context) ([]string, execute.Output, error) {
	return t.run(ctx, "--extract", t.owned()...)
}

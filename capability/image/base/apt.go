package base

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/program"
)

// source is one line of apt's sources: where it fetches which suite from.
type source struct {
	URI, Suite string
	Components []string
}

// sources are this machine's own for the distribution, told of suite: where
// the machine runs another release, the same mirrors are asked for this one.
func (b Builder) sources(ctx context.Context, suite string) ([]source, error) {
	const format = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)"
	out, err := program.Output(ctx, b.Runner, program.Command{
		Name: "apt-get", Args: []string{"indextargets", "--format", format, "Created-By: Packages"},
	}, 1<<20)
	if err != nil {
		return nil, explain(err, "ask apt for this machine's package sources")
	}
	found := sourcesFor(parseTargets(string(out)), suite)
	if len(found) == 0 {
		return nil, fault.New(fault.NotFound, "make a base image of "+suite,
			"add Debian's archive to /etc/apt/sources.list.d", "apt on this machine has no source of Debian's packages")
	}
	return found, nil
}

// debianComponents are those of Debian's own archive; what others serve has
// other components or another origin.
var debianComponents = []string{"main", "contrib", "non-free", "non-free-firmware"}

// parseTargets reads what apt-get indextargets says: a line per component with
// URI, suite, component and origin, in which a value that apt does not know
// stands as "$(NAME)". Only Debian's own are returned, a suite once.
func parseTargets(text string) []source {
	var out []source
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 4 || f[0] == "" || !slices.Contains(debianComponents, f[2]) {
			continue
		}
		if origin := f[3]; origin != "Debian" && origin != "" && !strings.HasPrefix(origin, "$(") {
			continue
		}
		i := slices.IndexFunc(out, func(s source) bool { return s.URI == f[0] && s.Suite == f[1] })
		switch {
		case i < 0:
			out = append(out, source{URI: f[0], Suite: f[1], Components: []string{f[2]}})
		case !slices.Contains(out[i].Components, f[2]):
			out[i].Components = append(out[i].Components, f[2])
		}
	}
	return out
}

var pockets = []string{"", "-updates", "-security"}

// sourcesFor picks the sources of suite, its updates and its security fixes,
// or rewrites those of another release where there are none.
func sourcesFor(all []source, suite string) []source {
	pick := func(from string) []source {
		var out []source
		for _, s := range all {
			for _, pocket := range pockets {
				if s.Suite == from+pocket {
					out = append(out, source{s.URI, suite + pocket, s.Components})
				}
			}
		}
		return out
	}
	if own := pick(suite); len(own) > 0 {
		return own
	}
	for _, codename := range releases["debian"] {
		if other := pick(codename); len(other) > 0 {
			return other
		}
	}
	return nil
}

// withoutSecrets removes passwords from sources, and sources that only this
// machine can read.
func withoutSecrets(sources []source) []source {
	var out []source
	for _, s := range sources {
		u, err := url.Parse(s.URI)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
			continue
		}
		u.User = nil
		s.URI = u.String()
		out = append(out, s)
	}
	return out
}

// renderSources is the text of a .sources file (sources.list(5), DEB822).
func renderSources(sources []source, keyring string) string {
	var b strings.Builder
	for i, s := range sources {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n", s.URI, s.Suite, strings.Join(s.Components, " "), keyring)
	}
	return b.String()
}

// validityOptions are the machine's settings about old package lists: where a
// mirror is frozen, apt in the image must accept them too.
func (b Builder) validityOptions(ctx context.Context) (string, error) {
	out, err := program.Output(ctx, b.Runner, program.Command{Name: "apt-config", Args: []string{"dump"}}, 1<<20)
	if err != nil {
		return "", explain(err, "read apt's settings")
	}
	var kept strings.Builder
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "Acquire::Check-Valid-Until ") || strings.HasPrefix(line, "Acquire::Check-Date ") {
			kept.WriteString(line)
		}
	}
	return kept.String(), nil
}

// aptRoot is a state of apt's own: nothing installed, only our sources, with
// the machine's settings for proxies and certificates.
type aptRoot struct {
	dir     string
	runner  program.Runner
	options []string
}

func (b Builder) newAptRoot(ctx context.Context, suite, architecture string) (*aptRoot, error) {
	sources, err := b.sources(ctx, suite)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.Scratch, "apt")
	for _, d := range []string{"state/lists/partial", "cache/archives/partial", "download"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, fmt.Errorf("prepare apt: %w", err)
		}
	}
	list := filepath.Join(dir, "debian.sources")
	err = errors.Join(
		os.WriteFile(list, []byte(renderSources(sources, b.Keyring)), 0o600), // a URI may hold a password
		os.WriteFile(filepath.Join(dir, "status"), nil, 0o600))
	if err != nil {
		return nil, fmt.Errorf("prepare apt: %w", err)
	}
	root := &aptRoot{dir: dir, runner: b.Runner}
	for _, o := range []string{
		"Dir::State=" + filepath.Join(dir, "state"), "Dir::State::status=" + filepath.Join(dir, "status"),
		"Dir::Cache=" + filepath.Join(dir, "cache"), "Dir::Etc::SourceList=" + list, "Dir::Etc::SourceParts=/dev/null",
		"Dir::Etc::Preferences=/dev/null", "Dir::Etc::PreferencesParts=/dev/null",
		"APT::Architecture=" + architecture, "APT::Architectures=" + architecture,
		"APT::Install-Recommends=false", "APT::Install-Suggests=false", "Acquire::Languages=none",
		"APT::Sandbox::User=", // the scratch folder is ours alone
	} {
		root.options = append(root.options, "-o", o)
	}
	return root, nil
}

func (a *aptRoot) run(ctx context.Context, dir string, args ...string) error {
	return a.runner.Run(ctx, program.Command{
		Name: "apt-get", Dir: dir, Args: append(slices.Clone(a.options), args...),
		Env: []string{"DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"},
	})
}

func (a *aptRoot) update(ctx context.Context) error {
	return explain(a.run(ctx, a.dir, "-q", "--error-on=any", "update"), "read the package lists")
}

// fetch lets apt choose and fetch packages; the paths of the .debs are returned.
func (a *aptRoot) fetch(ctx context.Context, packages []string) ([]string, error) {
	args := append([]string{"-q", "-y", "--download-only", "install"}, packages...)
	if err := a.run(ctx, a.dir, args...); err != nil {
		return nil, explain(err, "fetch the packages")
	}
	found, err := filepath.Glob(filepath.Join(a.dir, "cache", "archives", "*.deb"))
	if err == nil && len(found) == 0 {
		err = errors.New("apt fetched no package")
	}
	return found, err
}

// download fetches one package of one version.
func (a *aptRoot) download(ctx context.Context, p Package) (string, error) {
	into, err := os.MkdirTemp(filepath.Join(a.dir, "download"), "")
	if err != nil {
		return "", err
	}
	if err := a.run(ctx, into, "-q", "download", p.Name+":"+p.Architecture+"="+p.Version); err != nil {
		if p.Architecture != "all" {
			return "", err
		}
		if err := a.run(ctx, into, "-q", "download", p.String()); err != nil {
			return "", err
		}
	}
	found, err := filepath.Glob(filepath.Join(into, "*.deb"))
	if err == nil && len(found) != 1 {
		err = fmt.Errorf("apt fetched %d files", len(found))
	}
	if err != nil {
		return "", err
	}
	return found[0], nil
}

func (a *aptRoot) remove() { os.RemoveAll(a.dir) }

// explain gives an error of a program its operation, and says how to install
// the program where it is missing.
func explain(err error, op string) error {
	var missing *program.MissingError
	if errors.As(err, &missing) {
		return fault.New(fault.Unavailable, op, "apt-get install "+missing.Name+" (base images are made on Debian and its descendants)", "%w", err)
	}
	return fault.Wrap(err, fault.Failed, op, "")
}

// NativeArchitecture is Debian's name of this machine's architecture.
func NativeArchitecture(ctx context.Context, r program.Runner) (string, error) {
	out, err := program.Output(ctx, r, program.Command{Name: "dpkg", Args: []string{"--print-architecture"}}, 1<<10)
	return strings.TrimSpace(string(out)), explain(err, "ask dpkg for this machine's architecture")
}

// Package base makes base images from a distribution's packages: apt resolves
// and fetches them, mmdebstrap installs them into an empty root, and that root
// becomes an image of one layer. The packages decide the image: the same ones
// give the same image, bit for bit, because its time is that of its newest
// package. A lock file names them with their hashes.
package base

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"garboard.dev/garboard/capability/image/archive"
	"garboard.dev/garboard/fault"
	"garboard.dev/garboard/host/program"
)

// Request says which image is wanted.
type Request struct {
	Distribution string   // "debian"
	Suite        string   // the codename, as "bookworm"
	Version      string   // as the user wrote it, "12"
	Variant      string   // "essential", "apt" or "buildd"
	Include      []string // packages beyond those of the variant
	Architecture string   // Debian's name of it, as "amd64"
}

// Builder makes base images. Scratch holds what is needed while it works.
type Builder struct {
	Runner  program.Runner
	Pool    Pool
	Scratch string
	Keyring string            // of the distribution, on this machine and in the image
	Report  func(step string) // called as each step begins
}

// DebianKeyring is where Debian's package debian-archive-keyring puts its keys.
const DebianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

var releases = map[string]map[string]string{
	"debian": {"11": "bullseye", "12": "bookworm", "13": "trixie", "14": "forky"},
}

// variants are what mmdebstrap calls so, with the packages that each adds to
// those that are essential.
var variants = map[string][]string{
	"essential": nil,
	"apt":       {"apt"},
	"buildd":    {"apt", "build-essential"},
}

// ParseName reads an image's name as "debian:12" or "debian:bookworm".
func ParseName(name string) (Request, error) {
	distribution, version, ok := strings.Cut(name, ":")
	suites, known := releases[distribution]
	if !ok || !known {
		return Request{}, fault.Usage("use debian:11, debian:12, debian:13 or a codename as debian:bookworm",
			"%q is no base image that can be made from packages", name)
	}
	suite, ok := suites[version]
	if !ok {
		for _, codename := range suites {
			if codename == version {
				suite, ok = codename, true
			}
		}
	}
	if !ok {
		return Request{}, fault.Usage("use 11, 12, 13 or a codename as bookworm", "%s has no release %q", distribution, version)
	}
	return Request{Distribution: distribution, Suite: suite, Version: version, Variant: "apt"}, nil
}

// Validate says what of r is wrong.
func (r Request) Validate() error {
	if _, ok := variants[r.Variant]; !ok {
		return fault.Usage("use essential, apt or buildd", "%q is no variant", r.Variant)
	}
	for _, p := range r.Include {
		if !packageName.MatchString(p) {
			return fault.Usage("a package name has lower case letters, digits, and + - .", "%q is no package name", p)
		}
	}
	return nil
}

// Result is an image that was made; its layer lies in Scratch.
type Result struct {
	Lock  Lock
	Image archive.Image // without References
}

// Resolve lets apt choose the packages for r, fetches them into the pool and
// returns the lock that names them.
func (b Builder) Resolve(ctx context.Context, r Request) (Lock, error) {
	if err := r.Validate(); err != nil {
		return Lock{}, err
	}
	root, err := b.newAptRoot(ctx, r.Suite, r.Architecture)
	if err != nil {
		return Lock{}, err
	}
	defer root.remove()
	b.Report("read the package lists")
	if err := root.update(ctx); err != nil {
		return Lock{}, err
	}
	b.Report("fetch the packages")
	wanted := append([]string{fmt.Sprintf("?narrow(?essential,?architecture(%s))", r.Architecture)}, variants[r.Variant]...)
	fetched, err := root.fetch(ctx, append(wanted, r.Include...))
	if err != nil {
		return Lock{}, err
	}
	return b.lockOf(ctx, r, fetched)
}

// lockOf takes the fetched files into the pool and returns their lock.
func (b Builder) lockOf(ctx context.Context, r Request, fetched []string) (Lock, error) {
	lock := Lock{
		Version: lockVersion, Image: r.Distribution + ":" + r.Version, Suite: r.Suite,
		Architecture: r.Architecture, Variant: r.Variant, Include: slices.Sorted(slices.Values(r.Include)),
	}
	for _, path := range fetched {
		p, err := b.Pool.Add(ctx, b.Runner, path)
		if err != nil {
			return Lock{}, err
		}
		lock.Packages = append(lock.Packages, p)
	}
	slices.SortFunc(lock.Packages, comparePackages)
	return lock, lock.validate()
}

// Restore makes sure that the pool has each package of lock, fetching what is
// missing from this machine's mirrors. A package whose hash is another than the
// lock's is never used.
func (b Builder) Restore(ctx context.Context, lock Lock) error {
	var missing []Package
	for _, p := range lock.Packages {
		ok, err := b.Pool.Has(p)
		if err != nil {
			return err
		}
		if !ok {
			missing = append(missing, p)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	root, err := b.newAptRoot(ctx, lock.Suite, lock.Architecture)
	if err != nil {
		return err
	}
	defer root.remove()
	b.Report(fmt.Sprintf("fetch %d packages that the pool lacks", len(missing)))
	if err := root.update(ctx); err != nil {
		return err
	}
	return b.refetch(ctx, root, missing)
}

func (b Builder) refetch(ctx context.Context, root *aptRoot, missing []Package) error {
	for _, p := range missing {
		path, err := root.download(ctx, p)
		if err != nil {
			return fault.New(fault.NotFound, "get "+p.String(), "the mirror has moved on: make a new lock without --lock, or copy the pool from where the lock was made", "%w", err)
		}
		got, err := b.Pool.Add(ctx, b.Runner, path)
		if err != nil {
			return err
		}
		if got.SHA256 != p.SHA256 {
			return fault.New(fault.Conflict, "use "+p.String(), "somebody replaced the package on the mirror; do not trust it", "its SHA-256 is %s, the lock has %s", got.SHA256, p.SHA256)
		}
	}
	return nil
}

// Build makes the image that lock names from the pool alone: no network is used.
func (b Builder) Build(ctx context.Context, lock Lock) (Result, error) {
	epoch, err := b.Pool.newest(lock.Packages)
	if err != nil {
		return Result{}, err
	}
	repository := filepath.Join(b.Scratch, "repository")
	if err := b.Pool.writeRepository(ctx, b.Runner, repository, lock.Packages); err != nil {
		return Result{}, err
	}
	overlay := filepath.Join(b.Scratch, "overlay")
	if err := b.writeOverlay(ctx, overlay, lock); err != nil {
		return Result{}, err
	}
	b.Report(fmt.Sprintf("install %d packages", len(lock.Packages)))
	layer, err := b.assemble(ctx, lock, repository, overlay, epoch)
	if err != nil {
		return Result{}, err
	}
	return Result{Lock: lock, Image: archive.Image{
		Platform: ocispec.Platform{OS: "linux", Architecture: goArchitecture(lock.Architecture)},
		Created:  epoch,
		Config: ocispec.ImageConfig{
			Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Cmd: []string{"bash"},
		},
		CreatedBy: fmt.Sprintf("mmdebstrap --variant=%s %s", lock.Variant, lock.Suite),
		Layers:    []archive.Layer{layer},
	}}, nil
}

// assemble runs mmdebstrap and turns the tar that it writes into a layer.
func (b Builder) assemble(ctx context.Context, lock Lock, repository, overlay string, epoch time.Time) (archive.Layer, error) {
	args := []string{
		"--quiet", "--format=tar", "--variant=" + lock.Variant, "--architectures=" + lock.Architecture,
		`--aptopt=Acquire::Languages "none"`,
		`--customize-hook=rm -f "$1/etc/apt/sources.list" "$1/etc/apt/apt.conf.d/99mmdebstrap"`,
		"--customize-hook=sync-in " + overlay + " /",
		// apt's caches too: with the image's settings apt no longer knows of them.
		`--customize-hook=rm -f "$1/etc/resolv.conf" "$1/etc/hostname" "$1/var/cache/apt/pkgcache.bin" "$1/var/cache/apt/srcpkgcache.bin"`,
	}
	if len(lock.Include) > 0 {
		args = append(args, "--include="+strings.Join(lock.Include, ","))
	}
	args = append(args, lock.Suite, "-", "deb [trusted=yes] copy:"+repository+" ./")
	return writeLayer(filepath.Join(b.Scratch, "layer"), func(w io.Writer) error {
		err := b.Runner.Run(ctx, program.Command{
			Name: "mmdebstrap", Args: args, Stdout: w,
			Env: []string{"SOURCE_DATE_EPOCH=" + fmt.Sprint(epoch.Unix()), "LC_ALL=C.UTF-8", "TMPDIR=" + b.Scratch},
		})
		return explain(err, "install the packages of "+lock.Image)
	})
}

// writeOverlay writes the files that the image has beyond its packages.
func (b Builder) writeOverlay(ctx context.Context, dir string, lock Lock) error {
	sources, err := b.sources(ctx, lock.Suite)
	if err != nil {
		return err
	}
	options, err := b.validityOptions(ctx)
	if err != nil {
		return err
	}
	type overlayFile struct {
		name string
		mode os.FileMode
		text string
	}
	for _, f := range []overlayFile{
		{"etc/apt/sources.list.d/debian.sources", 0o644, renderSources(withoutSecrets(sources), DebianKeyring)},
		{"etc/apt/apt.conf.d/90image", 0o644, imageAptConfig + options},
		{"etc/dpkg/dpkg.cfg.d/image", 0o644, imageDpkgConfig},
		{"usr/sbin/policy-rc.d", 0o755, "#!/bin/sh\n# No service is started while a package is installed into an image.\nexit 101\n"},
	} {
		path := filepath.Join(dir, f.name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write the image's settings: %w", err)
		}
		if err := os.WriteFile(path, []byte(f.text), f.mode); err != nil {
			return fmt.Errorf("write the image's settings: %w", err)
		}
	}
	return nil
}

// imageAptConfig keeps layers small and free of what differs from run to run:
// package files that were installed, apt's binary caches (74 MB), logs with
// dates, and ldconfig's cache, which holds inode times.
const imageAptConfig = `Acquire::Languages "none";
Acquire::GzipIndexes "true";
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "false";
APT::AutoRemove::SuggestsImportant "false";
Dpkg::Use-Pty "0";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log::Terminal "/dev/null";
Dir::Log::History "/dev/null";
Dir::Log::Planner "/dev/null";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/ldconfig/aux-cache /var/log/alternatives.log /var/log/dpkg.log /var/cache/debconf/*-old || true"; };
`

// imageDpkgConfig: a build that loses power is begun again, not repaired.
const imageDpkgConfig = "force-unsafe-io\n"

var goArchitectures = map[string]string{"i386": "386", "armhf": "arm", "ppc64el": "ppc64le"}

func goArchitecture(debian string) string {
	if name, ok := goArchitectures[debian]; ok {
		return name
	}
	return debian
}

package base

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"garboard.dev/garboard/fault"
)

const lockVersion = 1

// Lock names everything that a base image is made of.
type Lock struct {
	Version      int       `json:"version"`
	Image        string    `json:"image"` // as "debian:12"
	Suite        string    `json:"suite"`
	Architecture string    `json:"architecture"`
	Variant      string    `json:"variant"`
	Include      []string  `json:"include,omitempty"`
	Packages     []Package `json:"packages"` // by name
}

// Package is one .deb.
type Package struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	SHA256       string `json:"sha256"` // of the .deb, in lower case hexadecimal
}

// String is what apt calls the package.
func (p Package) String() string { return p.Name + "=" + p.Version }

func comparePackages(a, b Package) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Architecture, b.Architecture))
}

// The forms that Debian's policy gives (section 5.6).
var (
	packageName    = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	packageVersion = regexp.MustCompile(`^[0-9][A-Za-z0-9.+:~-]*$`)
	architecture   = regexp.MustCompile(`^[a-z0-9-]+$`)
	hexDigest      = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// ParseLock reads a lock file. The error of a malformed one is Misuse.
func ParseLock(text []byte) (Lock, error) {
	var lock Lock
	if err := yaml.UnmarshalStrict(text, &lock); err != nil {
		return Lock{}, fault.New(fault.Misuse, "read the lock file", "", "%w", err)
	}
	if err := lock.validate(); err != nil {
		return Lock{}, fault.New(fault.Misuse, "read the lock file", "", "%w", err)
	}
	return lock, nil
}

// Encode is the lock file's text.
func (l Lock) Encode() ([]byte, error) { return yaml.Marshal(l) }

// Request is what the lock was made for.
func (l Lock) Request() (Request, error) {
	r, err := ParseName(l.Image)
	r.Variant, r.Include, r.Architecture = l.Variant, l.Include, l.Architecture
	return r, err
}

func (l Lock) validate() error {
	if l.Version != lockVersion {
		return fmt.Errorf("its version is %d, known is %d", l.Version, lockVersion)
	}
	r, err := l.Request()
	if err != nil {
		return err
	}
	if r.Suite != l.Suite {
		return fmt.Errorf("image %s is of suite %s, not %q", l.Image, r.Suite, l.Suite)
	}
	if err := r.Validate(); err != nil {
		return err
	}
	if !architecture.MatchString(l.Architecture) {
		return fmt.Errorf("%q is no architecture", l.Architecture)
	}
	if len(l.Packages) == 0 {
		return fmt.Errorf("it names no package")
	}
	seen := map[string]bool{}
	for i, p := range l.Packages {
		key := p.Name + ":" + p.Architecture
		switch {
		case !packageName.MatchString(p.Name), !packageVersion.MatchString(p.Version), !architecture.MatchString(p.Architecture), !hexDigest.MatchString(p.SHA256):
			return fmt.Errorf("packages[%d] (%s) is malformed", i, strings.TrimSpace(p.Name))
		case seen[key]:
			return fmt.Errorf("packages[%d]: %s stands there twice", i, key)
		}
		seen[key] = true
	}
	return nil
}

// Matches says how the lock differs from what is wanted now; nil where it does not.
func (l Lock) Matches(r Request) error {
	include := slices.Sorted(slices.Values(r.Include))
	switch {
	case l.Suite != r.Suite:
		return fmt.Errorf("it is for %s, not %s", l.Suite, r.Suite)
	case l.Architecture != r.Architecture:
		return fmt.Errorf("it is for the architecture %s, not %s", l.Architecture, r.Architecture)
	case l.Variant != r.Variant:
		return fmt.Errorf("it is for --variant %s, not %s", l.Variant, r.Variant)
	case !slices.Equal(l.Include, include):
		return fmt.Errorf("it is for --include %q, not %q", strings.Join(l.Include, ","), strings.Join(include, ","))
	}
	return nil
}

package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	"github.com/containerd/log"
	"github.com/containerd/platforms"
	"github.com/docker/cli/cli/config"
	"github.com/sirupsen/logrus"

	"garboard.dev/garboard/capability/image/registry"
	"garboard.dev/garboard/fault"
)

// Remote says how registries are reached.
type Remote struct {
	OwnCA     string // the platform's authority, for its own registry
	CA        string // one more authority to trust; may be empty
	Insecure  bool   // do not check certificates
	PlainHTTP bool   // no TLS at all
	Talk      io.Writer
}

// own is where the platform's registry is, whatever it is called by.
const own = "127.0.0.1:" + registry.Port

// ownNames are those that mean the platform's registry.
var ownNames = []string{registry.Host, registry.Host + ":" + registry.Port, own, "localhost:" + registry.Port}

// resolver finds images in registries, with the passwords of docker's
// config.json and its helpers.
func (r Remote) resolver() (remotes.Resolver, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificates: %w", err)
	}
	for _, file := range []string{r.OwnCA, r.CA} {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) && file == r.OwnCA {
			continue // no platform here
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.NotFound, "trust "+file, "")
		}
		if !roots.AppendCertsFromPEM(text) {
			return nil, fault.Usage("it must hold certificates in PEM", "%s holds no certificate", file)
		}
	}
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 20 * time.Second}).DialContext,
		TLSHandshakeTimeout: 20 * time.Second, MaxIdleConnsPerHost: 8, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: roots, InsecureSkipVerify: r.Insecure, MinVersion: tls.VersionTLS12},
	}
	return docker.NewResolver(docker.ResolverOptions{Hosts: r.hosts(&http.Client{Transport: transport})}), nil
}

func (r Remote) hosts(c *http.Client) docker.RegistryHosts {
	logins := config.LoadDefaultConfigFile(r.Talk)
	credentials := func(host string) (string, string, error) {
		if host == "registry-1.docker.io" {
			host = "https://index.docker.io/v1/"
		}
		login, err := logins.GetAuthConfig(host)
		if err != nil || login.IdentityToken != "" {
			return "", login.IdentityToken, err
		}
		return login.Username, login.Password, nil
	}
	authorizer := func(asked string) docker.Authorizer {
		return docker.NewDockerAuthorizer(docker.WithAuthClient(c), docker.WithAuthCreds(func(host string) (string, string, error) {
			if asked != "" {
				host = asked
			}
			return credentials(host)
		}))
	}
	others := docker.ConfigureDefaultRegistries(docker.WithClient(c), docker.WithAuthorizer(authorizer("")),
		docker.WithPlainHTTP(func(string) (bool, error) { return r.PlainHTTP, nil }))
	return func(host string) ([]docker.RegistryHost, error) {
		if !slices.Contains(ownNames, host) {
			return others(host)
		}
		return []docker.RegistryHost{{
			Client: c, Authorizer: authorizer(host), Host: own, Scheme: "https", Path: "/v2",
			Capabilities: docker.HostCapabilityPull | docker.HostCapabilityResolve | docker.HostCapabilityPush,
		}}, nil
	}
}

// Pull fetches the image called name for platform ("" is this machine's) and
// unpacks it. The full name is returned.
func (s *Store) Pull(ctx context.Context, name, platform string, r Remote) (string, error) {
	full, err := Normalize(name)
	if err != nil {
		return "", err
	}
	resolver, err := r.resolver()
	if err != nil {
		return "", err
	}
	opts := []client.RemoteOpt{client.WithResolver(resolver), client.WithMaxConcurrentDownloads(4)}
	if platform != "" {
		if _, err := platforms.Parse(platform); err != nil {
			return "", fault.Usage("write it as linux/arm64", "%v", err)
		}
		opts = append(opts, client.WithPlatform(platform))
	}
	ctx = silent(s.in(ctx))
	if _, err := s.client.Fetch(ctx, full, opts...); err != nil {
		return "", remoteFault(err, "pull "+name)
	}
	return full, s.Unpack(ctx, full)
}

// Push sends the image called name to the registry that its name, or target
// where that is not empty, says. It returns the digest that the registry has.
func (s *Store) Push(ctx context.Context, name, target string, r Remote) (string, error) {
	image, err := s.Find(ctx, name)
	if err != nil {
		return "", err
	}
	full := image.Name
	if target != "" {
		if full, err = Normalize(target); err != nil {
			return "", err
		}
	}
	resolver, err := r.resolver()
	if err != nil {
		return "", err
	}
	ctx = silent(s.in(ctx))
	err = s.client.Push(ctx, full, image.Target, client.WithResolver(resolver), client.WithMaxConcurrentUploadedLayers(4))
	if err != nil {
		return "", remoteFault(err, "push "+Familiar(full))
	}
	return image.Target.Digest.String(), nil
}

// silent keeps containerd's client from logging what its error says too.
func silent(ctx context.Context) context.Context {
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	return log.WithLogger(ctx, logrus.NewEntry(logger))
}

// remoteFault gives an error of a registry its kind and what to do.
func remoteFault(err error, op string) error {
	var certificate *tls.CertificateVerificationError
	var network net.Error
	switch {
	case errors.As(err, &certificate):
		return fault.New(fault.Unavailable, op, "trust its authority with --tls-ca FILE", "%w", err)
	case errdefs.IsNotFound(err):
		return fault.New(fault.NotFound, op, "the registry has no such image or tag", "%w", err)
	case errdefs.IsUnauthorized(err), errdefs.IsPermissionDenied(err), errors.Is(err, docker.ErrInvalidAuthorization):
		return fault.New(fault.Denied, op, "log in with: podman login --authfile ~/.docker/config.json REGISTRY", "%w", err)
	case errors.As(err, &network):
		return fault.New(fault.Unavailable, op, "check the registry's name and the network", "%w", err)
	}
	return fault.Wrap(err, fault.Failed, op, "")
}

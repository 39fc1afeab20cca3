package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/opencontainers/go-digest"

	"garboard.dev/garboard/host/disk"
)

// Port is where the registry listens.
const Port = "5000"

// Host is the registry's own name, which images are called by.
const Host = "registry.garboard.internal"

// Handler serves b to accounts.
func Handler(b *Backend, f File, nodePassword string, log *slog.Logger) (http.Handler, error) {
	c, err := newChecker(f, nodePassword)
	if err != nil {
		return nil, err
	}
	protocol := ociserver.New(b, nil)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
		name, password, _ := r.BasicAuth()
		role, ok := c.check(name, password)
		switch {
		case !ok:
			w.Header().Set("WWW-Authenticate", `Basic realm="`+Host+`", charset="UTF-8"`)
			ociregistry.WriteError(w, ociregistry.ErrUnauthorized)
			return
		case role != Push && r.Method != http.MethodGet && r.Method != http.MethodHead:
			ociregistry.WriteError(w, ociregistry.ErrDenied)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			log.Info("registry", "account", name, "method", r.Method, "path", r.URL.Path)
		}
		limit(w, r)
		if badDigest(r.URL.Path) {
			ociregistry.WriteError(w, ociregistry.ErrDigestInvalid)
			return
		}
		b.absoluteRange(r)
		protocol.ServeHTTP(w, b.mountOrUpload(r))
	}), nil
}

// manifestPath is the path of a manifest's URL; a tag has no colon.
var manifestPath = regexp.MustCompile(`/manifests/([^/]*:[^/]*)$`)

// badDigest says whether path names a manifest by what looks like a digest and
// is none.
func badDigest(path string) bool {
	m := manifestPath.FindStringSubmatch(path)
	return m != nil && digest.Digest(m[1]).Validate() != nil
}

var (
	blobPath    = regexp.MustCompile(`^/v2/(.+)/blobs/([^/]+)$`)
	suffixRange = regexp.MustCompile(`^bytes=-([0-9]{1,18})$`)
)

// absoluteRange rewrites a request for a blob's last bytes (RFC 9110, section
// 14.1.2), which the protocol's library does not know, into one that it knows.
func (b *Backend) absoluteRange(r *http.Request) {
	path, wanted := blobPath.FindStringSubmatch(r.URL.Path), suffixRange.FindStringSubmatch(r.Header.Get("Range"))
	if path == nil || wanted == nil {
		return
	}
	last, err := strconv.ParseInt(wanted[1], 10, 64)
	if err != nil {
		return
	}
	desc, err := b.ResolveBlob(r.Context(), path[1], ociregistry.Digest(path[2]))
	if err == nil && last > 0 && desc.Size > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", max(0, desc.Size-last), desc.Size-1))
	}
}

// limit bounds the body of r.
func limit(w http.ResponseWriter, r *http.Request) {
	most := int64(LargestBlob)
	if strings.Contains(r.URL.Path, "/manifests/") {
		most = LargestManifest
	}
	r.Body = http.MaxBytesReader(w, r.Body, most)
}

// mountOrUpload turns a request to mount a blob that is not here into one to
// upload it, as the specification wants it ("Mounting a blob from another
// repository").
func (b *Backend) mountOrUpload(r *http.Request) *http.Request {
	query := r.URL.Query()
	mount := query.Get("mount")
	if r.Method != http.MethodPost || mount == "" {
		return r
	}
	if _, err := b.ResolveBlob(r.Context(), "", ociregistry.Digest(mount)); err == nil && query.Get("from") != "" {
		return r
	}
	query.Del("mount")
	query.Del("from")
	out := r.Clone(r.Context())
	out.URL = &url.URL{Path: r.URL.Path, RawQuery: query.Encode()}
	out.RequestURI = out.URL.RequestURI()
	return out
}

// Reserve is what the registry leaves free on its disk: a tenth, at most 10 GB.
const Reserve = 10 << 30

// Room refuses when the disk that holds path is nearly full.
func Room(m disk.Meter, path string) func() error {
	return func() error {
		space, err := m.At(path)
		if err != nil {
			return err
		}
		if space.Free < min(space.Total/10, Reserve) {
			return ociregistry.NewHTTPError(fmt.Errorf("the registry's disk is nearly full: %d MB are free", space.Free>>20), http.StatusInsufficientStorage, nil, nil)
		}
		return nil
	}
}

// Serve answers on each of addresses until ctx ends, and lets requests that
// run finish. certificate is asked at each handshake.
func Serve(ctx context.Context, h http.Handler, addresses []string, certificate func() (*tls.Certificate, error), talk *slog.Logger) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
		ErrorLog:    log.New(quiet{talk}, "", 0),
		TLSConfig: &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate() },
		},
	}
	var listeners []net.Listener
	for _, a := range addresses {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a)
		if err != nil {
			for _, open := range listeners {
				open.Close()
			}
			return fmt.Errorf("listen for the registry: %w", err)
		}
		listeners = append(listeners, l)
	}
	ended := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { ended <- server.ServeTLS(l, "", "") }()
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-ended:
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		server.Close()
	}
	if errors.Is(failed, http.ErrServerClosed) {
		return nil
	}
	return failed
}

// quiet takes the HTTP server's own complaints, which clients cause.
type quiet struct{ log *slog.Logger }

func (q quiet) Write(p []byte) (int, error) {
	q.log.Debug("registry", "said", strings.TrimSpace(string(p)))
	return len(p), nil
}

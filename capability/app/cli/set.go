package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"garboard.dev/garboard/capability/app"
	"garboard.dev/garboard/capability/app/manifest"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

const (
	standardInput = "standard input"
	fetchLimit    = 30 * time.Second
)

// readSet reads everything that -f names. Every error says where.
func readSet(ctx context.Context, env *command.Env, sources []string, recursive bool) ([]manifest.Object, error) {
	if len(sources) == 0 {
		return nil, fault.Usage("garboard apply -f DIR; - is standard input", "nothing is named: -f FILE, folder, URL or - is needed")
	}
	var out []manifest.Object
	for _, source := range sources {
		objs, err := readSource(ctx, env, source, recursive)
		if err != nil {
			return nil, sourceFault(source, err)
		}
		out = append(out, objs...)
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Misuse, "read the manifests", "", "%s holds no object", strings.Join(sources, ", "))
	}
	return out, nil
}

func readSource(ctx context.Context, env *command.Env, source string, recursive bool) ([]manifest.Object, error) {
	switch {
	case source == "-":
		data, err := io.ReadAll(io.LimitReader(env.In, manifest.MaxSize+1))
		if err != nil {
			return nil, err
		}
		return manifest.Read(standardInput, data)
	case strings.HasPrefix(source, "http://"), strings.HasPrefix(source, "https://"):
		data, err := fetch(ctx, source)
		if err != nil {
			return nil, err
		}
		return manifest.Read(source, data)
	}
	return manifest.ReadPath(source, recursive)
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "fetch the manifests", "see that the address is right and can be reached from here")
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fault.New(fault.NotFound, "fetch the manifests", "", "%s answers %s", url, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, manifest.MaxSize+1))
}

func sourceFault(source string, err error) error {
	var malformed *manifest.Error
	switch {
	case errors.As(err, &malformed):
		return malformedFault(malformed)
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "read the manifests", "-f takes a file, a folder, a URL or -", "%s does not exist", source)
	case errors.Is(err, fs.ErrPermission):
		return fault.Wrap(err, fault.Denied, "read the manifests", "")
	}
	return fault.Wrap(err, fault.Failed, "read the manifests", "")
}

// malformedFault begins with file and line, as compilers do.
func malformedFault(err *manifest.Error) error {
	return &fault.UsageError{Text: err.Error(), Hint: ""}
}

// setName is the name of the set: what was asked for, or that of the one
// folder that was named.
func setName(asked string, sources []string) string {
	if asked != "" || len(sources) != 1 {
		return asked
	}
	if info, err := os.Stat(sources[0]); err == nil && info.IsDir() {
		return app.SetNameOf(sources[0])
	}
	return ""
}

// folders are the sources that are folders: there Dockerfiles may stand.
func folders(sources []string) []string {
	var out []string
	for _, source := range sources {
		if info, err := os.Stat(source); err == nil && info.IsDir() {
			out = append(out, source)
		}
	}
	return out
}

// checkScopes refuses what a set cannot say: an object for another namespace
// than the one that -n asks for.
func checkScopes(objs []manifest.Object, asked string) error {
	if asked == "" {
		return nil
	}
	for _, obj := range objs {
		if ns := obj.GetNamespace(); ns != "" && ns != asked {
			return malformedFault(obj.At("metadata.namespace", fmt.Sprintf("%s %s is for the namespace %s, and -n says %s", obj.GetKind(), obj.GetName(), ns, asked)))
		}
	}
	return nil
}

package files

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
)

func getURLModule() *module.Module {
	options := append(urlOptions(),
		module.Option{Name: "dest", Type: module.Path, Required: true, Help: "The file, or a folder to put it in under its own name."},
		module.Option{Name: "tmp_dest", Type: module.Path, Help: "The folder for the file while it comes."},
		module.Option{Name: "backup", Type: module.Bool, Default: false, Help: "Keep a copy of the file that is replaced."},
		module.Option{Name: "checksum", Default: "", Help: "algorithm:checksum, or algorithm:URL of a file with checksums."},
		module.Option{Name: "timeout", Type: module.Int, Default: int64(10), Help: "Seconds to wait for the server."})
	for i, o := range options {
		switch o.Name {
		case "url_username":
			options[i].Aliases = []string{"username"}
		case "url_password":
			options[i].Aliases = []string{"password"}
		}
	}
	return &module.Module{Spec: module.Spec{
		Name: "ansible.builtin.get_url", Summary: "Fetches a file from the network", Files: true, CheckMode: true, Options: options,
		Returns: []module.Return{{Name: "dest", Type: "str", Help: "The file."}, {Name: "checksum_src", Type: "str", Help: "SHA-1 of what came."},
			{Name: "checksum_dest", Type: "str", Help: "SHA-1 of what was there."}, {Name: "status_code", Type: "int", Help: "The server's answer."}},
	}, Run: runGetURL}
}

// getURL is one run of get_url.
type getURL struct {
	c         *module.Call
	url, dest string
	algorithm string
	sum       string // what the content must have, "" for anything
	result    module.Result
}

func runGetURL(ctx context.Context, c *module.Call) (module.Result, error) {
	g := &getURL{c: c, url: c.Args.String("url"), dest: c.Args.String("dest")}
	g.result = module.Result{"changed": false, "checksum_dest": nil, "checksum_src": nil, "dest": g.dest, "elapsed": int64(0), "url": g.url}
	if err := g.readChecksum(ctx); err != nil {
		return nil, err
	}
	f := newFetch(c, http.MethodGet, g.url)
	if c.Check {
		f.method = http.MethodHead
	}
	info, err := os.Stat(g.dest)
	folder := err == nil && info.IsDir()
	if err == nil && !folder {
		f.since = info.ModTime()
		if g.sum != "" && !f.force {
			have, err := checksum(g.dest, g.algorithm)
			if err != nil {
				return nil, err
			}
			if have == g.sum {
				return g.already(ctx)
			}
			f.force = true // what is there is wrong, however new it is
		}
	}
	return g.fetch(ctx, f, folder)
}

func (g *getURL) fail(message string, pairs ...any) error {
	err := fail(message, pairs...)
	var f *module.Failure
	if errors.As(err, &f) {
		for k, v := range g.result {
			if _, given := f.Result[k]; !given {
				f.Result[k] = v
			}
		}
	}
	return err
}

// already settles the attributes of a file that has the right content.
func (g *getURL) already(ctx context.Context) (module.Result, error) {
	changed, err := attribute.Of(g.c, g.dest).Apply(ctx, g.c, nil)
	g.result["changed"], g.result["msg"] = changed, "file already exists"
	if changed {
		g.result["msg"] = "file already exists but file attributes changed"
	}
	return g.result, err
}

var (
	noWord  = regexp.MustCompile(`\W+`)
	hexOnly = regexp.MustCompile(`^[0-9a-f]+$`)
)

// readChecksum reads the option checksum, and fetches the file that it may name.
func (g *getURL) readChecksum(ctx context.Context) error {
	text := g.c.Args.String("checksum")
	if text == "" {
		return nil
	}
	algorithm, sum, found := strings.Cut(text, ":")
	if !found {
		return g.fail("The checksum parameter has to be in format <algorithm>:<checksum>")
	}
	if strings.HasPrefix(sum, "http://") || strings.HasPrefix(sum, "https://") || strings.HasPrefix(sum, "file://") {
		var err error
		if sum, err = g.listedChecksum(ctx, sum); err != nil {
			return err
		}
	}
	g.algorithm, g.sum = algorithm, strings.ToLower(noWord.ReplaceAllString(sum, ""))
	if !hexOnly.MatchString(g.sum) {
		return g.fail("The checksum format is invalid")
	}
	return nil
}

// listedChecksum finds the file's checksum in a list such as SHA256SUMS.
func (g *getURL) listedChecksum(ctx context.Context, address string) (string, error) {
	file, err := download(ctx, g.c, address)
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	name := urlFilename(g.url)
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(lines) == 1 && len(strings.Fields(lines[0])) == 1 {
		return strings.TrimSpace(lines[0]), nil
	}
	for _, line := range lines {
		sum, file, found := strings.Cut(strings.TrimSpace(line), " ")
		if found && strings.TrimLeft(file, " *./") == name {
			return sum, nil
		}
	}
	return "", fail(fmt.Sprintf("Unable to find a checksum for file '%s' in '%s'", name, address))
}

// urlFilename is the last part of a URL's path, or index.html.
func urlFilename(address string) string {
	if u, err := url.Parse(address); err == nil && path.Base(u.Path) != "/" && path.Base(u.Path) != "." && !strings.HasSuffix(u.Path, "/") {
		return path.Base(u.Path)
	}
	return "index.html"
}

// offeredName is the file name that a server gives in Content-Disposition.
func offeredName(h http.Header) string {
	if _, params, err := mime.ParseMediaType(h.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		return filepath.Base(params["filename"])
	}
	return ""
}

func (g *getURL) fetch(ctx context.Context, f *fetch, folder bool) (module.Result, error) {
	start := g.c.Machine.Now()
	a, err := f.do(ctx)
	if err != nil {
		return nil, err
	}
	g.result["elapsed"] = int64(g.c.Machine.Now().Sub(start).Seconds())
	short := module.Result{"url": g.url, "dest": g.dest, "elapsed": g.result["elapsed"]}
	switch {
	case a.status == http.StatusNotModified:
		short["changed"], short["msg"], short["status_code"] = false, a.message, int64(a.status)
		return short, a.close()
	case a.status == -1:
		return nil, &module.Failure{Message: a.message, Result: short}
	case a.status != http.StatusOK:
		short["status_code"], short["response"] = int64(a.status), a.message
		return nil, errors.Join(&module.Failure{Message: "Request failed", Result: short}, a.close())
	}
	arrived, err := receive(g.c, a.body)
	if err = errors.Join(err, a.close()); err != nil {
		return nil, err
	}
	g.result["src"] = arrived
	if folder {
		name := offeredName(a.header)
		if name == "" {
			name = urlFilename(a.url)
		}
		g.dest = joinRaw(g.dest, name)
		g.result["dest"] = g.dest
	}
	return g.store(ctx, a, arrived)
}

// store puts what arrived in its place.
func (g *getURL) store(ctx context.Context, a *answer, arrived string) (module.Result, error) {
	source, err := checksum(arrived, "sha1")
	if err != nil {
		return nil, err
	}
	g.result["checksum_src"] = source
	if err := g.lookAtDest(); err != nil {
		return nil, err
	}
	differs := g.result["checksum_dest"] != source
	g.result["msg"], g.result["changed"] = a.message, differs
	if g.c.Check {
		return g.result, nil
	}
	if err := g.checkSum(arrived); err != nil {
		return nil, err
	}
	if differs {
		if err := g.replace(arrived); err != nil {
			return nil, err
		}
	}
	did, err := attribute.Of(g.c, g.dest).Apply(ctx, g.c, nil)
	if err != nil {
		return nil, err
	}
	g.result["changed"] = differs || did
	g.result["status_code"] = int64(a.status)
	if strings.HasPrefix(g.url, "file:") {
		g.result["status_code"] = nil // a file has none
	}
	g.result["md5sum"], err = checksum(g.dest, "md5")
	return g.result, err
}

func (g *getURL) checkSum(arrived string) error {
	if g.sum == "" {
		return nil
	}
	have, err := checksum(arrived, g.algorithm)
	if err != nil || have == g.sum {
		return err
	}
	result := maps.Clone(g.result)
	delete(result, "msg")
	return &module.Failure{Message: fmt.Sprintf("The checksum for %s did not match %s; it was %s.", arrived, g.sum, have), Result: result}
}

func (g *getURL) lookAtDest() error {
	if _, err := os.Stat(g.dest); err == nil {
		switch {
		case syscall.Access(g.dest, 2) != nil:
			return g.fail(fmt.Sprintf("Destination %s is not writable", g.dest))
		case syscall.Access(g.dest, 4) != nil:
			return g.fail(fmt.Sprintf("Destination %s is not readable", g.dest))
		}
		g.result["checksum_dest"], err = checksum(g.dest, "sha1")
		return err
	}
	dir := filepath.Dir(g.dest)
	if _, err := os.Stat(dir); err != nil {
		return g.fail(fmt.Sprintf("Destination %s does not exist", dir))
	}
	if syscall.Access(dir, 2) != nil {
		return g.fail(fmt.Sprintf("Destination %s is not writable", dir))
	}
	return nil
}

func (g *getURL) replace(arrived string) error {
	if g.c.Args.Bool("backup") {
		backup, err := attribute.Backup(g.c, g.dest)
		if err != nil {
			return err
		}
		if backup != "" {
			g.result["backup_file"] = backup
		}
	}
	in, err := os.Open(arrived)
	if err != nil {
		return err
	}
	return errors.Join(attribute.Write(g.c, g.dest, in), in.Close())
}

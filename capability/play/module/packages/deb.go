package packages

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/value"
)

// deb installs a package's file, and what it depends on.
func (a *aptRun) deb(file string) (module.Result, error) {
	var err error
	if strings.Contains(file, "://") {
		if file, err = a.fetch(file); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stat(file); err != nil {
		return nil, value.Errorf("Unable to install package: E:Could not open file %s - open (2: No such file or directory)", file)
	}
	o, err := a.program("dpkg-deb", "-f", file, "Package", "Version", "Architecture")
	if err != nil {
		return nil, err
	}
	if o.Code != 0 {
		return nil, value.Errorf("Unable to install package: E:Invalid archive signature")
	}
	fields := map[string]string{}
	for text := range strings.Lines(o.Stdout) {
		k, v, _ := strings.Cut(strings.TrimSpace(text), ": ")
		fields[k] = v
	}
	if a.db, err = readDatabase(); err != nil {
		return nil, err
	}
	if a.db.version(wish{name: fields["Package"]}) == fields["Version"] {
		return module.Result{"changed": false, "stdout": "", "stderr": "", "diff": ""}, nil
	}
	full, err := filepath.Abs(file)
	if err != nil {
		return nil, err
	}
	l := a.installing([]string{full})
	o, out, err := a.get(l)
	if err != nil {
		return nil, err
	}
	if o.Code != 0 {
		return nil, refused(fmt.Sprintf("%s failed", l), o)
	}
	out["changed"] = true
	return out, nil
}

// fetch downloads a package's file to the call's own folder.
func (a *aptRun) fetch(url string) (string, error) {
	failure := func(why any) error {
		return value.Errorf("Failure downloading %s, %v", url, why)
	}
	request, err := http.NewRequestWithContext(a.ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", failure(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", failure(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", failure(fmt.Sprintf("HTTP Error %d: %s", response.StatusCode, http.StatusText(response.StatusCode)))
	}
	name := filepath.Join(a.c.Machine.Temp, path.Base(request.URL.Path))
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(f, response.Body); err != nil {
		_ = f.Close() // the copy's error says more
		return "", failure(err)
	}
	return name, f.Close()
}

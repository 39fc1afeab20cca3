package packages

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/module"
	"garboard.dev/garboard/capability/play/module/attribute"
	"garboard.dev/garboard/capability/play/module/execute"
	"garboard.dev/garboard/capability/play/value"
)

func aptRepository() *module.Module {
	return &module.Module{
		Spec: module.Spec{
			Name: "ansible.builtin.apt_repository", Summary: "Keep apt's lists of sources", CheckMode: true,
			Options: []module.Option{
				{Name: "repo", Required: true, Help: "A line of sources.list, or ppa:owner/name."},
				{Name: "state", Default: "present", Choices: []any{"absent", "present"}, Help: "Whether it shall be there."},
				{Name: "mode", Type: module.Raw, Help: "The mode of a new list."},
				{Name: "update_cache", Aliases: []string{"update-cache"}, Type: module.Bool, Default: true, Help: "Read the package lists after a change."},
				{Name: "update_cache_retries", Type: module.Int, Default: int64(5), Help: "How often to try that."},
				{Name: "update_cache_retry_max_delay", Type: module.Int, Default: int64(12), Help: "Seconds between tries at most."},
				{Name: "filename", Help: "The list's name below sources.list.d, without .list."},
				{Name: "install_python_apt", Type: module.Bool, Default: true, Help: "Accepted: Python is not needed."},
				{Name: "validate_certs", Type: module.Bool, Default: true, Help: "Accepted: certificates are always validated."},
				{Name: "codename", Help: "The release's name for a PPA."},
			},
		},
		Run: runAptRepository,
	}
}

func runAptRepository(ctx context.Context, c *module.Call) (module.Result, error) {
	repo := c.Args.String("repo")
	if repo == "" {
		return nil, value.Errorf("Please set argument 'repo' to a non-empty value")
	}
	list, err := readSources(sourcesFile, sourcesDir)
	if err != nil {
		return nil, err
	}
	before := map[string]string{}
	for path := range list.files {
		before[path] = list.text(path)
	}
	text, file := repo, c.Args.String("filename")
	if strings.HasPrefix(repo, "ppa:") {
		if text, err = personal(ctx, c, repo); err != nil {
			return nil, err
		}
	}
	l := parseSource(text)
	if !l.valid || !l.enabled {
		return nil, value.Errorf("Invalid repository string: %s", repo)
	}
	if file == "" {
		file = suggested(l.source)
	}
	if c.Args.String("state") == "absent" {
		list.remove(l.source)
	} else {
		list.add(l.source, l.comment, filepath.Join(sourcesDir, filepath.Base(file)+".list"))
	}
	diff, changed := list.changes(before)
	out := module.Result{"changed": len(changed) > 0, "repo": repo, "state": c.Args.String("state"), "diff": map[string]any{}}
	if c.Diff && len(changed) > 0 {
		out["diff"] = diff
	}
	if len(changed) == 0 || c.Check {
		return out, nil
	}
	if err := list.save(ctx, c, changed, before); err != nil {
		return nil, err
	}
	if c.Args.Bool("update_cache") {
		if err := refresh(ctx, c, list, changed, before); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// changes are the lists that are not as they were, as differences and as paths.
func (s *sources) changes(before map[string]string) (diff []any, changed []string) {
	for _, path := range s.order {
		old, had := before[path]
		now := s.text(path)
		if old == now && had {
			continue
		}
		one := map[string]any{"before": old, "after": now, "before_header": path, "after_header": path}
		if !had {
			one["before_header"] = "/dev/null"
		}
		if now == "" {
			one["after_header"] = "/dev/null"
		}
		diff, changed = append(diff, one), append(changed, path)
	}
	return diff, changed
}

// save writes lists; one in which nothing is left goes away.
func (s *sources) save(ctx context.Context, c *module.Call, changed []string, before map[string]string) error {
	for _, path := range changed {
		text := s.text(path)
		if text == "" {
			if err := os.Remove(path); err != nil {
				return err
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return value.Errorf("Failed to create directory %s: %s", filepath.Dir(path), err)
		}
		if err := attribute.Write(c, path, strings.NewReader(text)); err != nil {
			return err
		}
		if _, had := before[path]; had || !c.Args.Has("mode") {
			continue
		}
		if _, err := (attribute.Wanted{Path: path, Mode: c.Args["mode"]}).Apply(ctx, c, nil); err != nil {
			return err
		}
	}
	return nil
}

// refresh reads the package lists. Where that fails, the lists of sources are
// as they were before.
func refresh(ctx context.Context, c *module.Call, s *sources, changed []string, before map[string]string) error {
	said := "unknown reason"
	for try := range max(1, c.Args.Int("update_cache_retries")) {
		if try > 0 {
			if err := pause(ctx, min(1<<min(try-1, 30), c.Args.Int("update_cache_retry_max_delay"))); err != nil {
				return err
			}
		}
		o, err := execute.Run(ctx, c, execute.Program{Argv: []string{"apt-get", "-o", "DPkg::Lock::Timeout=60", "-q", "update"}}.Parsed())
		if err != nil {
			return err
		}
		if o.Code == 0 && !strings.Contains(o.Stderr, "Failed to fetch") {
			return nil
		}
		said = strings.TrimSpace(o.Stderr)
	}
	failure := value.Errorf("Failed to update apt cache: %s", said)
	for _, path := range changed {
		var err error
		if text, had := before[path]; had {
			err = attribute.Write(c, path, strings.NewReader(text))
		} else if s.text(path) != "" {
			err = os.Remove(path)
		}
		failure = errors.Join(failure, err)
	}
	return failure
}

// personal is the line of sources.list for a PPA. Its key is added to apt's.
func personal(ctx context.Context, c *module.Call, repo string) (string, error) {
	owner, name, ok := strings.Cut(strings.TrimPrefix(repo, "ppa:"), "/")
	if !ok {
		name = "ppa"
	}
	codename := c.Args.String("codename")
	if codename == "" {
		codename = release("VERSION_CODENAME")
	}
	if c.Args.String("state") != "absent" {
		if err := personalKey(ctx, c, owner, name); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("deb http://ppa.launchpad.net/%s/%s/ubuntu %s main", owner, name, codename), nil
}

// personalKey asks for the fingerprint of a PPA's key, and adds the key.
func personalKey(ctx context.Context, c *module.Call, owner, name string) error {
	failure := func(why any) error {
		return fmt.Errorf("failed to fetch PPA information, error was: %v", why)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://launchpad.net/api/1.0/~%s/+archive/%s", owner, name), nil)
	if err != nil {
		return failure(err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return failure(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return failure(fmt.Sprintf("HTTP Error %d: %s", response.StatusCode, http.StatusText(response.StatusCode)))
	}
	var about struct {
		Fingerprint string `json:"signing_key_fingerprint"`
	}
	if err := json.NewDecoder(response.Body).Decode(&about); err != nil {
		return failure(err)
	}
	if c.Check {
		return nil
	}
	argv := []string{"apt-key", "adv", "--recv-keys", "--no-tty", "--keyserver", "hkp://keyserver.ubuntu.com:80", about.Fingerprint}
	o, err := execute.Run(ctx, c, execute.Program{Argv: argv}.Parsed())
	if err == nil && o.Code != 0 {
		err = refused("failed to add the key of the PPA: "+o.Stderr, o)
	}
	return err
}

// release is a value of os-release(5), "" where it is not known.
func release(key string) string {
	f, err := os.Open("/etc/os-release")
	if err != nil {
		return ""
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if k, v, ok := strings.Cut(s.Text(), "="); ok && k == key {
			return strings.Trim(v, `"'`)
		}
	}
	return ""
}

package session

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"garboard.dev/garboard/capability/play/run"
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

// factFiles keeps facts in one JSON or YAML file a host, as the cache plugins
// jsonfile and yaml do.
type factFiles struct {
	dir     string
	timeout time.Duration // 0: for ever
	now     func() time.Time
}

// factCache returns the cache that the configuration asks for, nil for none.
func (s *Session) factCache() run.FactCache {
	switch s.Config.String("CACHE_PLUGIN") {
	case "jsonfile", "ansible.builtin.jsonfile", "community.general.yaml", "yaml":
		dir := s.Config.Path("CACHE_PLUGIN_CONNECTION")
		if dir == "" {
			return nil
		}
		return &factFiles{dir: s.Path(dir), timeout: time.Duration(s.Config.Int("CACHE_PLUGIN_TIMEOUT")) * time.Second, now: s.Now}
	}
	return nil
}

func (f *factFiles) path(host string) string { return filepath.Join(f.dir, filepath.Base(host)) }

// Load returns a host's facts, if they are not too old.
func (f *factFiles) Load(host string) (*value.Dict, bool) {
	info, err := os.Stat(f.path(host))
	if err != nil || f.timeout > 0 && f.now().Sub(info.ModTime()) > f.timeout {
		return nil, false
	}
	data, err := os.ReadFile(f.path(host))
	if err != nil {
		return nil, false
	}
	node, err := source.Load(f.path(host), data, source.Options{})
	if err != nil || node == nil {
		return nil, false
	}
	d, ok := value.MarkUnsafe(node.Value()).(*value.Dict)
	return d, ok
}

// Save keeps a host's facts.
func (f *factFiles) Save(host string, facts *value.Dict) error {
	data, err := value.JSON(facts, value.JSONOptions{Sort: true, Indent: 4, Default: func(v value.Value) (value.Value, error) { return value.Str(v), nil }})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	temp := f.path(host) + ".tmp"
	return errors.Join(os.WriteFile(temp, data, 0o600), os.Rename(temp, f.path(host)))
}

// Flush forgets a host's facts.
func (f *factFiles) Flush(host string) error {
	err := os.Remove(f.path(host))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

package callback

import (
	"garboard.dev/garboard/capability/play/value"
	"path/filepath"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/event"
)

// New returns the output of a name, together with the further ones that are enabled.
func New(name string, enabled []string, d *Display, o Options, now func() time.Time, getenv func(string) string) (event.Sink, error) {
	main, err := stdout(short(name), d, o, now)
	if err != nil {
		return nil, err
	}
	all := Both{}
	for _, e := range enabled {
		switch short(e) {
		case "profile_tasks":
			all = append(all, &Profile{Display: d, Now: now})
		case "junit":
			dir := getenv("JUNIT_OUTPUT_DIR")
			if dir == "" {
				dir = filepath.Join(getenv("HOME"), ".ansible.log")
			}
			all = append(all, &JUnit{Dir: dir, Now: now, Err: d.Warn})
		default:
			d.Warn("Skipping callback plugin '" + e + "', unable to load")
		}
	}
	if len(all) == 0 {
		return main, nil
	}
	// The profile's line for a task stands below its banner, and the summary at the end.
	return append(Both{main}, all...), nil
}

func stdout(name string, d *Display, o Options, now func() time.Time) (event.Sink, error) {
	switch name {
	case "default", "":
		return &Default{Display: d, Options: o}, nil
	case "debug":
		return &Default{Display: d, Options: o}, nil
	case "yaml":
		o.YAML = true
		return &Default{Display: d, Options: o}, nil
	case "minimal":
		return &Minimal{Default: &Default{Display: d, Options: o}}, nil
	case "oneline":
		return &Minimal{Default: &Default{Display: d, Options: o}, OneLine: true}, nil
	case "json":
		return &Data{Display: d, Now: now}, nil
	case "skippy":
		o.SkippedHosts = false
		return &Default{Display: d, Options: o}, nil
	}
	return nil, value.Errorf("Invalid callback for stdout specified: %s", name)
}

func short(name string) string {
	for _, prefix := range []string{"ansible.builtin.", "ansible.posix.", "community.general."} {
		name = strings.TrimPrefix(name, prefix)
	}
	return name
}

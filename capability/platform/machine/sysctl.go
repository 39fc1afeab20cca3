package machine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/host/file"
)

// sysctlsPath keeps what the settings were before, as a JSON object of name and value.
func sysctlsPath(l platform.Layout) string { return filepath.Join(l.RunDir, "sysctls.json") }

func readSaved(l platform.Layout) (map[string]string, error) {
	saved := map[string]string{}
	text, err := os.ReadFile(sysctlsPath(l))
	if errors.Is(err, fs.ErrNotExist) {
		return saved, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &saved)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sysctlsPath(l), err)
	}
	return saved, nil
}

// raiseSysctl sets name to at least value. What it was is written down first, so
// that a crash between the two loses nothing. A setting that the kernel does
// not have is left out.
func (h Host) raiseSysctl(l platform.Layout, name string, value int) error {
	old, err := h.Sysctls.Get(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if before, err := strconv.Atoi(old); err == nil && before >= value {
		return nil
	}
	saved, err := readSaved(l)
	if err != nil {
		return err
	}
	if _, ok := saved[name]; !ok {
		saved[name] = old
		text, err := json.Marshal(saved)
		if err == nil {
			err = file.Write(sysctlsPath(l), text, 0o600)
		}
		if err != nil {
			return err
		}
	}
	return h.Sysctls.Set(name, strconv.Itoa(value))
}

func (h Host) restoreSysctls(l platform.Layout) error {
	saved, err := readSaved(l)
	if err != nil {
		return err
	}
	var problems []error
	for name, value := range saved {
		problems = append(problems, h.Sysctls.Set(name, value))
	}
	if err := errors.Join(problems...); err != nil {
		return err // the file stays, so that the next down can try again
	}
	if err := os.Remove(sysctlsPath(l)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

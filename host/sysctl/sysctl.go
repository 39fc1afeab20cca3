// Package sysctl reads and writes the kernel's settings below /proc/sys.
package sysctl

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Settings are the kernel's settings. A name has slashes, as
// "net/ipv4/ip_forward". One that this kernel does not have gives an error that
// wraps fs.ErrNotExist.
type Settings interface {
	Get(name string) (string, error)
	Set(name, value string) error
}

// Linux is the running kernel.
type Linux struct{}

// Get implements Settings.
func (Linux) Get(name string) (string, error) {
	path, err := pathOf(name)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the kernel's setting: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// Set implements Settings.
func (Linux) Set(name, value string) error {
	path, err := pathOf(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0) // never makes a file
	if err != nil {
		return fmt.Errorf("set the kernel's setting: %w", err)
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("set the kernel's setting %s to %s: %w", name, value, err)
	}
	return nil
}

func pathOf(name string) (string, error) {
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q names no setting of the kernel", name)
	}
	return filepath.Join("/proc/sys", name), nil
}

// Fake has the settings that it is made with, and no others.
type Fake struct {
	mu     sync.Mutex
	values map[string]string
}

// NewFake returns a Fake with values.
func NewFake(values map[string]string) *Fake { return &Fake{values: maps.Clone(values)} }

// Get implements Settings.
func (f *Fake) Get(name string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	value, ok := f.values[name]
	if !ok {
		return "", fmt.Errorf("read the kernel's setting %s: %w", name, fs.ErrNotExist)
	}
	return value, nil
}

// Set implements Settings.
func (f *Fake) Set(name, value string) error {
	if _, err := f.Get(name); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.values[name] = value
	return nil
}

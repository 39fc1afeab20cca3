package systemd

import (
	"context"
	"fmt"
	"sync"
)

// Fake is a systemd in memory. Its zero value has no units.
type Fake struct {
	mu      sync.Mutex
	texts   map[string]string
	running map[string]bool
}

// Install implements Units.
func (f *Fake) Install(_ context.Context, name, text string) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.texts == nil {
		f.texts, f.running = map[string]string{}, map[string]bool{}
	}
	changed := f.texts[name] != text
	f.texts[name] = text
	return changed, nil
}

// Start implements Units.
func (f *Fake) Start(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.texts[name]; !ok {
		return fmt.Errorf("unit %s not found", name)
	}
	f.running[name] = true
	return nil
}

// Stop implements Units.
func (f *Fake) Stop(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.running, name)
	return nil
}

// Remove implements Units.
func (f *Fake) Remove(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.texts, name)
	return nil
}

// Running says whether the unit was started and not stopped.
func (f *Fake) Running(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running[name]
}

// Text is the unit's text, "" where it is not installed.
func (f *Fake) Text(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.texts[name]
}

package mount

import (
	"fmt"
	"slices"
	"sync"
	"syscall"
)

// Fake is a mount table in memory. The zero value is empty and ready.
type Fake struct {
	Busy []string // targets that only a lazy unmount takes off

	mu     sync.Mutex
	mounts []Mount
	last   int
}

// List implements Table.
func (f *Fake) List() ([]Mount, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.mounts), nil
}

// Mount implements Table.
func (f *Fake) Mount(w Wish) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	f.mounts = append(f.mounts, Mount{ID: f.last, Root: "/", Point: w.Target, Options: w.Options, Type: w.Type, Source: w.Source})
	return nil
}

// Unmount implements Table.
func (f *Fake) Unmount(target string, lazy bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Contains(f.Busy, target) && !lazy {
		return fmt.Errorf("unmount %s: %w", target, syscall.EBUSY)
	}
	for i, m := range slices.Backward(f.mounts) {
		if m.Point == target {
			f.mounts = slices.Delete(f.mounts, i, i+1)
			break
		}
	}
	return nil
}

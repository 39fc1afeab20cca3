package link

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"syscall"
)

// Fake keeps interfaces in memory. The zero value has none.
type Fake struct {
	mu    sync.Mutex
	links []Link
}

// Add puts an interface there, as the pods' runtime does.
func (f *Fake) Add(l Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.links = append(f.links, l)
}

// List implements Links.
func (f *Fake) List() ([]Link, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.links), nil
}

// EnsureBridge implements Links.
func (f *Fake) EnsureBridge(name string, address netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.links, func(l Link) bool { return l.Name == name })
	if i < 0 {
		f.links = append(f.links, Link{Name: name, Type: "bridge"})
		i = len(f.links) - 1
	}
	l := &f.links[i]
	if l.Type != "bridge" {
		return fmt.Errorf("make bridge %s: %w as a %s", name, syscall.EEXIST, l.Type)
	}
	l.Up = true
	if !slices.Contains(l.Addresses, address) {
		l.Addresses = append(l.Addresses, address)
	}
	return nil
}

// Delete implements Links.
func (f *Fake) Delete(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.links = slices.DeleteFunc(f.links, func(l Link) bool { return l.Name == name })
	for i := range f.links {
		if f.links[i].Master == name {
			f.links[i].Master = ""
		}
	}
	return nil
}

// Package link makes, lists and deletes network interfaces.
package link

import "net/netip"

// Link is one network interface.
type Link struct {
	Name      string
	Type      string // as "bridge", "veth"
	Master    string // the bridge that it hangs on, or ""
	Up        bool
	Addresses []netip.Prefix // IPv4 and IPv6, link-local ones too
}

// Links are the interfaces of a network namespace.
type Links interface {
	List() ([]Link, error)
	// EnsureBridge makes the bridge with the address, up. What is there
	// already stays; an interface of that name that is no bridge is an error.
	EnsureBridge(name string, address netip.Prefix) error
	// Delete deletes the interface; one that is not there is no error.
	Delete(name string) error
}

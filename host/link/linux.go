package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/vishvananda/netlink"
)

// Linux is the interfaces of this process's network namespace.
type Linux struct{}

// List implements Links.
func (Linux) List() ([]Link, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	held := map[int][]netip.Prefix{}
	for _, a := range addrs {
		if ip, ok := netip.AddrFromSlice(a.IP); ok {
			bits, _ := a.Mask.Size()
			held[a.LinkIndex] = append(held[a.LinkIndex], netip.PrefixFrom(ip.Unmap(), bits))
		}
	}
	var out []Link
	for _, l := range links {
		a := l.Attrs()
		out = append(out, Link{Name: a.Name, Type: l.Type(), Master: names[a.MasterIndex], Up: a.Flags&net.FlagUp != 0, Addresses: held[a.Index]})
	}
	return out, nil
}

// EnsureBridge implements Links.
func (Linux) EnsureBridge(name string, address netip.Prefix) error {
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: name}}); err != nil && !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("make bridge %s: %w", name, err)
	}
	l, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("find bridge %s: %w", name, err)
	}
	if l.Type() != "bridge" {
		return fmt.Errorf("make bridge %s: %w as a %s", name, syscall.EEXIST, l.Type())
	}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: address.Addr().AsSlice(), Mask: net.CIDRMask(address.Bits(), address.Addr().BitLen())}}
	if err := netlink.AddrReplace(l, addr); err != nil {
		return fmt.Errorf("give %s the address %v: %w", name, address, err)
	}
	if err := netlink.LinkSetUp(l); err != nil {
		return fmt.Errorf("set %s up: %w", name, err)
	}
	return nil
}

// Delete implements Links.
func (Linux) Delete(name string) error {
	l, err := netlink.LinkByName(name)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil
	}
	if err == nil {
		err = netlink.LinkDel(l)
	}
	if err != nil && !errors.Is(err, syscall.ENODEV) { // the other end of a veth takes this one along
		return fmt.Errorf("delete interface %s: %w", name, err)
	}
	return nil
}

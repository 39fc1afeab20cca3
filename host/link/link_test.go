package link_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/vishvananda/netlink"

	"garboard.dev/garboard/host/link"
	"garboard.dev/garboard/host/netns"
)

func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		f := &link.Fake{}
		err := contract(f, func(bridge string) error {
			f.Add(link.Link{Name: "p0", Type: "veth", Master: bridge})
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("linux", func(t *testing.T) {
		t.Parallel()
		err := netns.Fresh(func() error { return contract(link.Linux{}, addPort) })
		if errors.Is(err, syscall.EPERM) {
			t.Skip("making a network namespace needs root")
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// addPort hangs one end of a new veth pair on the bridge.
func addPort(bridge string) error {
	master, err := netlink.LinkByName(bridge)
	if err != nil {
		return err
	}
	return netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "p0", MasterIndex: master.Attrs().Index}, PeerName: "p1"})
}

// contract returns an error since it runs on a thread that is not the test's.
func contract(links link.Links, addPort func(bridge string) error) error {
	address := netip.MustParsePrefix("10.99.0.1/24")
	for range 2 { // a second time changes nothing
		if err := links.EnsureBridge("b0", address); err != nil {
			return err
		}
	}
	if err := addPort("b0"); err != nil {
		return err
	}
	if err := links.EnsureBridge("p0", address); !errors.Is(err, syscall.EEXIST) {
		return fmt.Errorf("a bridge in the place of a veth gives %v", err)
	}
	bridge, err := find(links, "b0")
	if err != nil || bridge.Type != "bridge" || !bridge.Up || !slices.Contains(bridge.Addresses, address) {
		return fmt.Errorf("the bridge is %+v, %v", bridge, err)
	}
	port, err := find(links, "p0")
	if err != nil || port.Master != "b0" || port.Type != "veth" {
		return fmt.Errorf("the port is %+v, %v", port, err)
	}
	for _, name := range []string{"b0", "b0", "p0", "p0"} {
		if err := links.Delete(name); err != nil {
			return err
		}
	}
	for _, name := range []string{"b0", "p0"} {
		if l, err := find(links, name); err == nil {
			return fmt.Errorf("%+v is left", l)
		}
	}
	return nil
}

func find(links link.Links, name string) (link.Link, error) {
	all, err := links.List()
	if err != nil {
		return link.Link{}, err
	}
	for _, l := range all {
		if l.Name == name {
			return l, nil
		}
	}
	return link.Link{}, fmt.Errorf("no interface %s", name)
}

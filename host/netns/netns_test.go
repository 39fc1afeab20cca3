package netns_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"garboard.dev/garboard/host/netns"
)

func TestFresh(t *testing.T) {
	t.Parallel()
	var inside []net.Interface
	own := errors.New("what work returns")
	err := netns.Fresh(func() (err error) {
		if inside, err = net.Interfaces(); err != nil {
			return err
		}
		return own
	})
	if errors.Is(err, syscall.EPERM) {
		t.Skip("making a network namespace needs root")
	}
	if !errors.Is(err, own) || len(inside) == 0 {
		t.Fatalf("Fresh = %v with interfaces %v", err, inside)
	}
	for _, i := range inside {
		if i.Flags&net.FlagUp != 0 {
			t.Errorf("%s is up: that is no fresh namespace", i.Name)
		}
	}
	outside, err := net.InterfaceByName("lo")
	if err != nil || outside.Flags&net.FlagUp == 0 {
		t.Errorf("the test itself has left its namespace: %v, %v", outside, err)
	}
}

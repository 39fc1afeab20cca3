package sysctl_test

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"garboard.dev/garboard/host/netns"
	"garboard.dev/garboard/host/sysctl"
)

const forward = "net/ipv4/ip_forward" // each network namespace has its own

func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		if err := contract(sysctl.NewFake(map[string]string{forward: "0"})); err != nil {
			t.Error(err)
		}
	})
	t.Run("linux", func(t *testing.T) {
		t.Parallel()
		err := netns.Fresh(func() error { return contract(sysctl.Linux{}) })
		if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EROFS) {
			t.Skip("changing the kernel's settings needs root")
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// contract returns an error since it runs on a thread that is not the test's.
func contract(s sysctl.Settings) error {
	for _, value := range []string{"1", "0"} {
		if err := s.Set(forward, value); err != nil {
			return err
		}
		if got, err := s.Get(forward); err != nil || got != value {
			return fmt.Errorf("Get = %q, %w; want %q", got, err, value)
		}
	}
	if _, err := s.Get("no/such/setting"); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading an absent setting gives %w", err)
	}
	if err := s.Set("no/such/setting", "1"); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("setting an absent one gives %w", err)
	}
	return nil
}

func TestNamesStayBelow(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../version", "/etc/passwd", ""} {
		if text, err := (sysctl.Linux{}).Get(name); err == nil {
			t.Errorf("Get(%q) = %q", name, text)
		}
	}
}

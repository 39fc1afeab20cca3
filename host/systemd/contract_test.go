package systemd_test

import (
	"os"
	"testing"

	"garboard.dev/garboard/host/systemd"
)

const (
	unit = "garboard-contract-test.service"
	text = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"
)

func TestFake(t *testing.T) {
	t.Parallel()
	contract(t, &systemd.Fake{})
}

func TestLinux(t *testing.T) {
	t.Parallel()
	if !systemd.Runs() || os.Geteuid() != 0 {
		t.Skip("SKIP: needs root on a machine whose process 1 is systemd")
	}
	contract(t, systemd.Linux{})
}

// contract is what every Units must do.
func contract(t *testing.T, u systemd.Units) {
	t.Helper()
	ctx := t.Context()
	if err := u.Start(ctx, unit); err == nil {
		t.Error("a unit that is not installed started")
	}
	if err := u.Stop(ctx, unit); err != nil {
		t.Errorf("stopping a unit that is not there: %v", err)
	}
	if changed, err := u.Install(ctx, unit, text); err != nil || !changed {
		t.Fatalf("first Install: changed %v, %v", changed, err)
	}
	if changed, err := u.Install(ctx, unit, text); err != nil || changed {
		t.Errorf("second Install: changed %v, %v", changed, err)
	}
	for range 2 {
		if err := u.Start(ctx, unit); err != nil {
			t.Errorf("Start: %v", err)
		}
	}
	if err := u.Stop(ctx, unit); err != nil {
		t.Errorf("Stop: %v", err)
	}
	for range 2 {
		if err := u.Remove(ctx, unit); err != nil {
			t.Errorf("Remove: %v", err)
		}
	}
}

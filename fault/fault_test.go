package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"garboard.dev/garboard/fault"
)

func TestExitCode(t *testing.T) {
	t.Parallel()
	taken := fault.New(fault.Conflict, "listen on 127.0.0.1:80", "stop the other server", "address in use")
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"nil", nil, 0},
		{"plain", errors.New("x"), 1},
		{"usage", fault.Usage("", "unknown flag"), 2},
		{"kind", taken, 6},
		{"kind of the inner error is kept", fault.Wrap(taken, fault.Failed, "start ingress", ""), 6},
		{"wrapped by fmt", fmt.Errorf("up: %w", taken), 6},
		{"cancelled", fmt.Errorf("wait: %w", context.Canceled), 130},
		{"status of a program", fmt.Errorf("exec: %w", fault.ExitStatus(42)), 42},
	} {
		if got := fault.ExitCode(c.err); got != c.want {
			t.Errorf("%s: exit code %d, want %d", c.name, got, c.want)
		}
	}
}

func TestHintOfInnerError(t *testing.T) {
	t.Parallel()
	inner := fault.New(fault.Denied, "write /etc/x", "run as root", "permission denied")
	outer := fault.Wrap(fmt.Errorf("step 3: %w", inner), fault.Failed, "start the platform", "")
	if got := fault.Hint(outer); got != "run as root" {
		t.Errorf("hint %q, want that of the cause", got)
	}
	if want := "cannot start the platform: step 3: cannot write /etc/x: permission denied"; outer.Error() != want {
		t.Errorf("text %q, want %q", outer.Error(), want)
	}
	if fault.Wrap(nil, fault.Failed, "x", "") != nil {
		t.Error("wrapping nil must give nil")
	}
}

package program_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"garboard.dev/garboard/host/program"
	"garboard.dev/garboard/host/program/programtest"
)

// TestContract holds for the real Runner and the fake alike: the fake's
// programs behave as the real ones of the same names.
func TestContract(t *testing.T) {
	t.Parallel()
	fake := &programtest.Fake{Programs: map[string]func(program.Command) error{
		"cat": func(c program.Command) error { _, err := io.Copy(c.Stdout, c.Stdin); return err },
		"sh": func(program.Command) error {
			return &program.ExitError{Name: "sh", Code: 3, Said: "one; two"}
		},
	}}
	for name, runner := range map[string]program.Runner{"linux": program.Linux{}, "fake": fake} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := program.Output(t.Context(), runner, program.Command{Name: "cat", Stdin: strings.NewReader("hello")}, 100)
			if err != nil || string(out) != "hello" {
				t.Errorf("cat gave %q, %v", out, err)
			}
			if _, err := program.Output(t.Context(), runner, program.Command{Name: "cat", Stdin: strings.NewReader("hello")}, 4); err == nil {
				t.Error("5 bytes were accepted where 4 are the limit")
			}
			err = runner.Run(t.Context(), program.Command{Name: "sh", Args: []string{"-c", "echo one >&2; echo; echo two >&2; exit 3"}})
			var exit *program.ExitError
			if !errors.As(err, &exit) || exit.Code != 3 || exit.Said != "one; two" {
				t.Errorf("sh gave %v", err)
			}
			var missing *program.MissingError
			if err := runner.Run(t.Context(), program.Command{Name: "garboard-no-such-program"}); !errors.As(err, &missing) {
				t.Errorf("a missing program gave %v", err)
			}
			done, cancel := context.WithCancel(t.Context())
			cancel()
			if err := runner.Run(done, program.Command{Name: "cat", Stdin: strings.NewReader("")}); !errors.Is(err, context.Canceled) {
				t.Errorf("an ended context gave %v", err)
			}
		})
	}
}

func TestCancelEndsChildrenToo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	started := time.Now()
	var out bytes.Buffer
	err := program.Linux{}.Run(ctx, program.Command{Name: "sh", Args: []string{"-c", "sleep 30 & sleep 30"}, Stdout: &out})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("ended after %s: a child kept the output open", took)
	}
}

func TestOnlyTheEndOfStandardErrorIsKept(t *testing.T) {
	t.Parallel()
	script := "i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1"
	err := program.Linux{}.Run(t.Context(), program.Command{Name: "sh", Args: []string{"-c", script}})
	var exit *program.ExitError
	if !errors.As(err, &exit) || exit.Said != "line 1997; line 1998; line 1999" {
		t.Errorf("got %v", err)
	}
}

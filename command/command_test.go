package command_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

// shell is a command line with one capability.
type shell struct {
	out, talk bytes.Buffer
	env       *command.Env
	level     slog.LevelVar
	args      []string // what the verb was given
	count     int      // its flag
	err       error    // what it returns
}

func newShell() *shell {
	s := &shell{}
	s.env = &command.Env{
		In: strings.NewReader(""), Out: &s.out, Err: &s.talk, Getenv: func(string) string { return "" },
		Now: time.Now, Log: slog.New(slog.DiscardHandler), Program: "garboard", Version: "v1.2.3", Width: 80,
	}
	return s
}

func (s *shell) run(ctx context.Context, args ...string) int {
	verb := func(name string) *command.Command {
		return &command.Command{
			Name: name, Args: "[flags] DIR", Summary: "Pack a folder", Help: "Longer words.", Examples: "garboard box " + name + " .\n\t\tgarboard box " + name + " -n 2 .",
			Flags:     func(f *pflag.FlagSet) { f.IntVarP(&s.count, "number", "n", 1, "how many") },
			Run:       func(_ context.Context, args []string) error { s.args = args; return s.err },
			ExitCodes: map[int]string{4: "nothing runs", 3: "no such folder"},
		}
	}
	everyday, raw := verb("pack"), verb("raw")
	everyday.Everyday, raw.Raw = true, true
	group := &command.Command{Name: "lid", Summary: "Lids", Sub: []*command.Command{verb("open")}}
	groups := []command.Group{{Name: "box", Summary: "Boxes", Commands: []*command.Command{everyday, raw, group}}}
	return command.Execute(ctx, s.env, command.Tree(s.env, &s.level, groups), args)
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"box", "pack", "-n", "7", "dir"}, {"pack", "--number=7", "dir"}, {"box", "lid", "open", "dir", "-n7"}} {
		s := newShell()
		if code := s.run(t.Context(), args...); code != 0 || s.count != 7 || len(s.args) != 1 || s.args[0] != "dir" {
			t.Errorf("%q: code %d, number %d, arguments %q; %s", args, code, s.count, s.args, &s.talk)
		}
	}
	s := newShell()
	if code := s.run(t.Context(), "box", "raw", "-n", "7", "--any=x"); code != 0 || strings.Join(s.args, " ") != "-n 7 --any=x" {
		t.Errorf("a raw verb got %q, code %d", s.args, code)
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, says, hint string }{
		{"bxo", `garboard has no command "bxo"`, "did you mean box?"},
		{"box pakc", `garboard box has no command "pakc"`, "did you mean pack?"},
		{"box zzzzzz", `garboard box has no command "zzzzzz"`, "garboard box --help"},
		{"box lid shut", `garboard box lid has no command "shut"`, "--help"},
		{"box pack --nothing", "unknown flag: --nothing", "garboard box pack --help"},
		{"box pack -n many", "invalid argument", "garboard box pack --help"},
	} {
		s := newShell()
		if code := s.run(t.Context(), strings.Fields(c.args)...); code != int(fault.Misuse) {
			t.Errorf("%q ends with %d", c.args, code)
		}
		if text := s.talk.String(); !strings.Contains(text, c.says) || !strings.Contains(text, "  hint: ") || !strings.Contains(text, c.hint) || s.out.Len() > 0 {
			t.Errorf("%q says %q, want %q and the hint %q", c.args, text, c.says, c.hint)
		}
	}
}

func TestErrorsBecomeExitCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code int
		says string
	}{
		{nil, 0, ""},
		{fault.New(fault.NotFound, "open x", "make it", "no such file"), 3, "garboard: cannot open x: no such file\n  hint: make it\n"},
		{errors.New("plain"), 1, "garboard: plain\n"},
		{fault.ExitStatus(42), 42, ""},
		{context.Canceled, 130, "garboard: interrupted\n"},
	} {
		s := newShell()
		s.err = c.err
		if code := s.run(t.Context(), "pack"); code != c.code || s.talk.String() != c.says {
			t.Errorf("%v: code %d and %q, want %d and %q", c.err, code, &s.talk, c.code, c.says)
		}
	}
}

// What fails because the user has pressed Ctrl-C is an interruption, whatever it says.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newShell()
	s.err = io.ErrUnexpectedEOF
	if code := s.run(ctx, "pack"); code != 130 || s.talk.String() != "garboard: interrupted\n" {
		t.Errorf("code %d, %q", code, &s.talk)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	s := newShell()
	if code := s.run(t.Context(), "box", "pack", "--help"); code != 0 {
		t.Fatal(code)
	}
	for _, part := range []string{"Pack a folder.", "Longer words.", "\n  garboard box pack .\n  garboard box pack -n 2 .\n", "garboard box pack [flags] DIR", "Exit codes: 0 done, 1 failed, 2 misuse, 3 no such folder, 4 nothing runs."} {
		if !strings.Contains(s.out.String(), part) {
			t.Errorf("the help lacks %q:\n%s", part, &s.out)
		}
	}
	s = newShell()
	s.run(t.Context())
	everyday, rest, found := strings.Cut(s.out.String(), "Capabilities:")
	if !found || !strings.Contains(everyday, "  pack ") || !strings.Contains(rest, "  box ") || strings.Contains(everyday, "  raw ") {
		t.Errorf("the top's help is\n%s", &s.out)
	}
	s = newShell()
	if s.run(t.Context(), "--version"); !strings.Contains(s.out.String(), "v1.2.3") {
		t.Errorf("--version says %q", &s.out)
	}
}

func TestGlobalFlags(t *testing.T) {
	t.Parallel()
	s := newShell()
	s.env.Getenv = func(name string) string {
		return map[string]string{"KUBECONFIG": "/k", "GARBOARD_STATE_DIR": "/s"}[name]
	}
	s.run(t.Context(), "pack")
	if g := s.env.Global; g.Kubeconfig != "/k" || g.StateDir != "/s" || s.level.Level() != slog.LevelInfo {
		t.Errorf("from the environment: %+v, %v", g, s.level.Level())
	}
	s = newShell()
	s.run(t.Context(), "pack", "--state-dir", "/t", "-v")
	if g := s.env.Global; g.StateDir != "/t" || g.Verbose != 1 || s.level.Level() != slog.LevelDebug {
		t.Errorf("from flags: %+v, %v", g, s.level.Level())
	}
	s = newShell()
	s.run(t.Context(), "-q", "pack")
	if s.env.Global.StateDir != "/var/lib/garboard" || s.level.Level() != slog.LevelError {
		t.Errorf("quietly: %+v, %v", s.env.Global, s.level.Level())
	}
}

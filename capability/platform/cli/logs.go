package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

// logNames are the names that `logs` takes: the components and the supervisor's own two processes.
func logNames() []string { return append(component.Names(), "supervisor", "guard", "audit") }

func completeComponent(context.Context, []string, string) []string { return component.Names() }

func logsCommand(env *command.Env) *command.Command {
	var follow bool
	var tail int
	return &command.Command{
		Name: "logs", Args: "[flags] COMPONENT", Summary: "Show what a component of the platform has said",
		Examples: `garboard platform logs kubelet
			garboard platform logs -f kube-apiserver`,
		Flags: func(f *pflag.FlagSet) {
			f.BoolVarP(&follow, "follow", "f", false, "go on with what is said from now on")
			f.IntVar(&tail, "tail", 200, "begin with this many `LINES` from the end; -1 for all")
		},
		Complete: func(context.Context, []string, string) []string { return logNames() },
		Run: func(ctx context.Context, args []string) error {
			if len(args) != 1 {
				return fault.Usage("one of "+strings.Join(logNames(), ", "), "logs takes one component's name")
			}
			return ShowLog(ctx, env.Out, layoutOf(env), args[0], tail, follow)
		},
	}
}

// ShowLog writes the last lines of a component's log to w, and with follow what comes after.
func ShowLog(ctx context.Context, w io.Writer, l platform.Layout, name string, lines int, follow bool) error {
	if !slices.Contains(logNames(), name) {
		return fault.New(fault.NotFound, "show the log", "one of "+strings.Join(logNames(), ", "), "there is no component %q", name)
	}
	f, err := os.Open(filepath.Join(l.LogDir(), name+".log"))
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "show the log of "+name, "garboard up starts the platform", "it has said nothing yet")
	}
	if err != nil {
		return fault.Wrap(err, fault.Denied, "show the log of "+name, "run it as root")
	}
	defer f.Close()
	if err := seekLines(f, lines); err != nil {
		return err
	}
	for {
		if _, err := io.Copy(w, f); err != nil {
			return err
		}
		if !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
		if err := rewindIfCut(f); err != nil {
			return err
		}
	}
}

// rewindIfCut begins again where the log was rotated away below the reader.
func rewindIfCut(f *os.File) error {
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() < at {
		_, err = f.Seek(0, io.SeekStart)
	}
	return err
}

// seekLines leaves f where its last n lines begin; n below 0 means all.
func seekLines(f *os.File, n int) error {
	if n < 0 {
		return nil
	}
	at, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	const block = 64 << 10
	buf := make([]byte, block)
	for at > 0 {
		size := min(at, block)
		at -= size
		if _, err := f.ReadAt(buf[:size], at); err != nil {
			return fmt.Errorf("read %s: %w", f.Name(), err)
		}
		for i := size - 1; i >= 0; i-- {
			if buf[i] != '\n' {
				continue
			}
			if n--; n < 0 {
				_, err := f.Seek(at+i+1, io.SeekStart)
				return err
			}
		}
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

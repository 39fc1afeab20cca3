// Package journal reads what the platform's components have said.
package journal

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

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/capability/platform/component"
	"garboard.dev/garboard/fault"
)

// Names are whose logs there are: the components', the supervisor's own two
// processes' and the audit log.
func Names() []string { return append(component.Names(), "supervisor", "guard", "audit") }

// Show writes the last lines of a component's log to w, and with follow what comes after.
func Show(ctx context.Context, w io.Writer, l platform.Layout, name string, lines int, follow bool) error {
	if !slices.Contains(Names(), name) {
		return fault.New(fault.NotFound, "show the log", "one of "+strings.Join(Names(), ", "), "there is no component %q", name)
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

// Package systemd installs, starts and stops units where systemd is process 1.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/coreos/go-systemd/v22/dbus"

	"garboard.dev/garboard/host/file"
)

// Units are the machine's systemd units.
type Units interface {
	// Install makes the unit name have text and start at boot. It says whether
	// the text is new.
	Install(ctx context.Context, name, text string) (changed bool, err error)
	// Start starts the unit, or does nothing where it runs.
	Start(ctx context.Context, name string) error
	// Stop stops the unit; one that is not there counts as stopped.
	Stop(ctx context.Context, name string) error
	// Remove keeps the unit from starting at boot and deletes it.
	Remove(ctx context.Context, name string) error
}

// Runs says whether systemd is process 1, as sd_booted(3) finds out.
func Runs() bool {
	info, err := os.Lstat("/run/systemd/system")
	return err == nil && info.IsDir()
}

// unitDir is where an administrator's own units stand, systemd.unit(5).
const unitDir = "/etc/systemd/system"

// Linux is the running systemd, asked over D-Bus.
type Linux struct{}

// Install implements Units.
func (Linux) Install(ctx context.Context, name, text string) (bool, error) {
	path := filepath.Join(unitDir, name)
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return false, nil
	}
	if err := file.Write(path, []byte(text), 0o644); err != nil {
		return false, err
	}
	return true, with(ctx, func(c *dbus.Conn) error {
		if err := c.ReloadContext(ctx); err != nil {
			return err
		}
		_, _, err := c.EnableUnitFilesContext(ctx, []string{path}, false, true)
		return err
	})
}

// Start implements Units.
func (Linux) Start(ctx context.Context, name string) error {
	return with(ctx, func(c *dbus.Conn) error {
		done := make(chan string, 1)
		if _, err := c.StartUnitContext(ctx, name, "replace", done); err != nil {
			return err
		}
		return await(ctx, "start "+name, done)
	})
}

// Stop implements Units.
func (Linux) Stop(ctx context.Context, name string) error {
	return with(ctx, func(c *dbus.Conn) error {
		units, err := c.ListUnitsByNamesContext(ctx, []string{name})
		if err != nil || len(units) == 0 || units[0].LoadState == "not-found" {
			return err
		}
		done := make(chan string, 1)
		if _, err := c.StopUnitContext(ctx, name, "replace", done); err != nil {
			return err
		}
		return await(ctx, "stop "+name, done)
	})
}

// Remove implements Units.
func (Linux) Remove(ctx context.Context, name string) error {
	path := filepath.Join(unitDir, name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return with(ctx, func(c *dbus.Conn) error {
		if _, err := c.DisableUnitFilesContext(ctx, []string{name}, false); err != nil {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		return c.ReloadContext(ctx)
	})
}

func with(ctx context.Context, work func(*dbus.Conn) error) error {
	c, err := dbus.NewSystemConnectionContext(ctx)
	if err != nil {
		return fmt.Errorf("talk to systemd: %w", err)
	}
	defer c.Close()
	return work(c)
}

// await waits for a job's result, of which only "done" is good.
func await(ctx context.Context, what string, done <-chan string) error {
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("%s: systemd's job ended with %q", what, result)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Package netns runs work in a network namespace that exists only for it.
package netns

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Fresh runs work in a new network namespace, which has nothing but a loopback
// interface that is down, and which is gone with all that work made in it when
// work returns. Programs that work starts are inside too; goroutines are not.
// Without the right to make a namespace it gives an error that wraps
// unix.EPERM, and work does not run.
func Fresh(work func() error) error {
	done := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and the namespace with it.
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("make a network namespace: %w", err)
			return
		}
		done <- work()
	}()
	return <-done
}

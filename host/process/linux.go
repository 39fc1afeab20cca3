package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Linux is this machine's processes.
type Linux struct{}

// Start implements Table.
func (Linux) Start(spec Spec) (Handle, error) {
	cmd := &exec.Cmd{
		Path: spec.Path, Args: append([]string{spec.Path}, spec.Args...), Env: spec.Env, Dir: spec.Dir,
		Stdout: spec.Output, Stderr: spec.Output,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if spec.Output == nil {
		cmd.Stdout, cmd.Stderr = nil, nil // a nil *os.File in an interface would not be nil
	}
	if cmd.Dir == "" {
		cmd.Dir = "/"
	}
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would hand on the starter's environment
	}
	if err := startIn(spec.Cgroups, cmd); err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	s, err := readStat(cmd.Process.Pid) // there even if it has ended: it is collected below
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	c := &child{cmd: cmd, id: ID{cmd.Process.Pid, s.startTime}, done: make(chan struct{})}
	go c.reap()
	return c, nil
}

// startIn starts cmd in the given cgroups. In a version 2 hierarchy the kernel
// places the child as it is made. In version 1 a child inherits the cgroups of
// the thread that makes it, so a thread of our own enters them first; it is
// never unlocked, so it ends with its goroutine and no other work runs in there.
func startIn(cgroups []string, cmd *exec.Cmd) error {
	var tasks []string
	for _, dir := range cgroups {
		if file := filepath.Join(dir, "tasks"); exists(file) {
			tasks = append(tasks, file)
			continue
		}
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		defer f.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(f.Fd())
	}
	if len(tasks) == 0 {
		return cmd.Start()
	}
	done := make(chan error)
	go startFromThread(tasks, cmd, done)
	return <-done
}

func startFromThread(tasks []string, cmd *exec.Cmd, done chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() { // the main thread would stay in those cgroups for good
		go startFromThread(tasks, cmd, done)
		time.Sleep(time.Millisecond) // holds this thread until the other goroutine has one
		runtime.UnlockOSThread()
		return
	}
	for _, file := range tasks {
		if err := os.WriteFile(file, fmt.Append(nil, unix.Gettid()), 0); err != nil {
			done <- fmt.Errorf("enter cgroup: %w", err)
			return
		}
	}
	done <- cmd.Start()
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// child is a process that this one started.
type child struct {
	cmd  *exec.Cmd
	id   ID
	done chan struct{}
	exit Exit // valid once done is closed
}

func (c *child) reap() {
	_ = c.cmd.Wait() // its error is the exit status, which is read below
	if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok {
		c.exit = exitOf(status)
	}
	close(c.done)
}

func exitOf(status syscall.WaitStatus) Exit {
	if status.Signaled() {
		return Exit{Known: true, Code: 128 + int(status.Signal()), Signal: status.Signal()}
	}
	return Exit{Known: true, Code: status.ExitStatus()}
}

func (c *child) ID() ID { return c.id }

func (c *child) Wait(ctx context.Context) (Exit, error) {
	select {
	case <-c.done:
		return c.exit, nil
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	}
}

func (c *child) Signal(sig syscall.Signal) error { return c.cmd.Process.Signal(sig) }
func (c *child) Usage() (Usage, error)           { return usageOf(c.id) }
func (c *child) Close() error                    { return nil } // reap goes on, so no zombie stays

// Self names the process that calls.
func Self() (ID, error) {
	s, err := readStat(os.Getpid())
	if err != nil {
		return ID{}, fmt.Errorf("name this process: %w", err)
	}
	return ID{os.Getpid(), s.startTime}, nil
}

// Open implements Table.
func (Linux) Open(id ID) (Handle, error) {
	fd, err := unix.PidfdOpen(id.PID, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) {
		return nil, fmt.Errorf("process %d: %w", id.PID, fs.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", id.PID, err)
	}
	a := &adopted{id: id, fd: os.NewFile(uintptr(fd), "pidfd"), done: make(chan struct{})}
	// Read after the descriptor is held: from here on the id cannot change hands unseen.
	if start, err := startTime(id.PID); err != nil || start != id.StartTime {
		return nil, errors.Join(fmt.Errorf("process %d: %w", id.PID, fs.ErrNotExist), a.fd.Close())
	}
	return a, nil
}

// adopted is a process that somebody else started, held by its pidfd.
type adopted struct {
	id     ID
	fd     *os.File
	follow sync.Once
	done   chan struct{}
	exit   Exit
	err    error
}

func (a *adopted) ID() ID { return a.id }

func (a *adopted) Wait(ctx context.Context) (Exit, error) {
	a.follow.Do(func() { go a.watch() })
	select {
	case <-a.done:
		return a.exit, a.err
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	}
}

// watch sleeps in the runtime's poller until the pidfd becomes readable, which
// is when the process has ended.
func (a *adopted) watch() {
	defer close(a.done)
	raw, err := a.fd.SyscallConn()
	if err == nil {
		err = raw.Read(func(fd uintptr) bool { return polled(fd, 0) != 0 })
	}
	if err != nil {
		a.err = fmt.Errorf("wait for process %d: %w", a.id.PID, err)
		return
	}
	a.err = raw.Control(func(fd uintptr) { a.exit = exitInfo(fd) })
}

func polled(fd uintptr, timeout time.Duration) int16 {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds, int(timeout.Milliseconds())); err != nil {
		return 0
	}
	return fds[0].Revents
}

func (a *adopted) Signal(sig syscall.Signal) error {
	var sent error
	raw, err := a.fd.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { sent = unix.PidfdSendSignal(int(fd), sig, nil, 0) })
	}
	if errors.Is(sent, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return errors.Join(err, sent)
}

func (a *adopted) Usage() (Usage, error) { return usageOf(a.id) }
func (a *adopted) Close() error          { return a.fd.Close() }

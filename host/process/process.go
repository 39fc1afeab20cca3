// Package process starts long-running programs that outlive their starter,
// adopts them again by process id and start time, and says what they use. A
// process id alone names nothing: it is used again. The pair of id and start
// time does until the next boot, so keep it where a boot clears it.
package process

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ID names one process of this boot.
type ID struct {
	PID       int    `json:"pid"`
	StartTime uint64 `json:"startTime"` // clock ticks after boot, field 22 of proc_pid_stat(5)
}

// Spec is a program to start. It runs in a session of its own, reads from
// /dev/null and keeps running when its starter ends.
type Spec struct {
	Path    string   // of the program
	Args    []string // without the program's own name
	Env     []string // as "NAME=value"; all that it gets
	Dir     string   // working directory; "" is /
	Output  *os.File // takes standard output and standard error; nil drops them
	Cgroups []string // cgroup directories that it is in before its first instruction, one a hierarchy
}

// Exit is how a process ended.
type Exit struct {
	Known  bool           `json:"known"` // false where the kernel does not tell a stranger
	Code   int            `json:"code"`
	Signal syscall.Signal `json:"signal,omitempty"` // 0 unless a signal ended it
}

func (e Exit) String() string {
	switch {
	case !e.Known:
		return "ended"
	case e.Signal != 0:
		return fmt.Sprintf("killed by signal %d (%v)", int(e.Signal), e.Signal)
	}
	return fmt.Sprintf("ended with status %d", e.Code)
}

// Usage is what a process uses. Sizes are bytes.
type Usage struct {
	RSS     uint64        `json:"rss"` // resident memory, shared pages counted whole
	PSS     uint64        `json:"pss"` // resident memory, shared pages divided by their users; 0 where the kernel does not tell
	CPU     time.Duration `json:"cpu"` // user and system time since its start
	Read    uint64        `json:"read"`
	Written uint64        `json:"written"` // bytes sent to the storage layer
}

// Info is a process as List shows it.
type Info struct {
	ID
	Exe     string    `json:"exe"`     // path of its program; a deleted one keeps its path
	Args    []string  `json:"args"`    // with the program's own name
	Cgroups []string  `json:"cgroups"` // its path in each hierarchy, each once
	Started time.Time `json:"started"`
}

// Match chooses processes: every condition that is set must hold.
type Match struct {
	ExePrefix string // the program's path begins so
	Cgroup    string // it is in this cgroup or below it, as "/garboard"
}

// Table is the machine's processes.
type Table interface {
	// Start starts spec. A program that is absent gives fs.ErrNotExist.
	Start(spec Spec) (Handle, error)
	// Open adopts a running process. It gives fs.ErrNotExist where that
	// process has ended, also where its id belongs to another one now.
	Open(id ID) (Handle, error)
	// List returns the processes that match, by process id.
	List(match Match) ([]Info, error)
}

// Handle holds one process: its methods never touch another one.
type Handle interface {
	ID() ID
	// Wait returns when the process has ended, or with the error of ctx.
	Wait(ctx context.Context) (Exit, error)
	// Signal sends sig; it gives os.ErrProcessDone once the process has ended.
	Signal(sig syscall.Signal) error
	Usage() (Usage, error)
	// Close lets go of the process; the process keeps running.
	Close() error
}

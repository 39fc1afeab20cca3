// Package event says what happens while playbooks run. Package run sends events;
// package callback prints them, and whoever embeds the engine can follow them.
package event

import (
	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/value"
)

// Kind is what happened.
type Kind int

// The kinds of events, each with the fields of Event that it fills.
const (
	PlaybookStart    Kind = iota // Playbook
	PlayStart                    // Play, Name
	NoHostsMatched               // Play
	NoHostsRemaining             //
	TaskStart                    // Task, Name; Handler where it is one
	HostStart                    // Task, Host: a free strategy's task begins on one host
	Ok                           // a result of one host: Host, Task, Result
	Failed                       // the same; Ignored where ignore_errors keeps the host in the play
	Skipped
	Unreachable
	ItemOk // a result of one item of a loop: also Label
	ItemFailed
	ItemSkipped
	Retry    // Result has attempts and retries
	Included // Name is the file, Hosts who includes it, Label the item
	Diff     // Result's diff, sent before the result where --diff asks for it
	AsyncPoll
	AsyncOk
	AsyncFailed
	Notified // Name is the handler's, Host
	Message  // Text is a line for the user: a warning, a deprecation, a debug line
	Finished // Stats
)

// Event is one thing that happened.
type Event struct {
	Kind      Kind
	Playbook  string
	Play      *book.Play
	Task      *book.Task
	Name      string // templated
	Text      string
	Host      string
	Delegated string // the host that did the work for Host, "" where it was Host itself
	Hosts     []string
	Result    *value.Dict
	Label     string
	Handler   bool
	Check     bool
	Ignored   bool
	NoLog     bool
	Level     Level
	Stats     *Stats
	Vars      func(name string) (value.Value, bool) // of the host, for callbacks that need settings
}

// Level says how loud a Message is.
type Level int

// The levels of messages.
const (
	Info Level = iota
	Verbose1
	Verbose2
	Verbose3
	Verbose4
	Warning
	Deprecated
	Fault
)

// Sink takes events, in order, one at a time.
type Sink interface{ Handle(e Event) }

// Stats counts results by host, in the order in which hosts first had one.
type Stats struct {
	Hosts  []string
	Counts map[string]*Counts
	Custom map[string]*value.Dict // set_stats: by host, and "_run" for all
}

// Counts is one host's line of the recap.
type Counts struct {
	Ok, Changed, Unreachable, Failures, Skipped, Rescued, Ignored int
}

// Of returns a host's counts and makes them where there are none yet.
func (s *Stats) Of(host string) *Counts {
	if s.Counts == nil {
		s.Counts = map[string]*Counts{}
	}
	c, ok := s.Counts[host]
	if !ok {
		c = &Counts{}
		s.Counts[host] = c
		s.Hosts = append(s.Hosts, host)
	}
	return c
}

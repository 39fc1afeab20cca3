// Package programtest has a program.Runner for tests: it runs functions
// instead of programs.
package programtest

import (
	"context"
	"sync"

	"garboard.dev/garboard/host/program"
)

// Fake is a program.Runner whose programs are functions, by name. What it was
// asked to run stands in Ran.
type Fake struct {
	Programs map[string]func(program.Command) error

	mu  sync.Mutex
	ran []program.Command
}

// Run runs the function called c.Name.
func (f *Fake) Run(ctx context.Context, c program.Command) error {
	f.mu.Lock()
	f.ran = append(f.ran, c)
	f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	run, ok := f.Programs[c.Name]
	if !ok {
		return &program.MissingError{Name: c.Name}
	}
	return run(c)
}

// Ran returns what was run so far, in order.
func (f *Fake) Ran() []program.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]program.Command(nil), f.ran...)
}

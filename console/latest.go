package console

import (
	"context"
	"slices"
	"sync"
)

// Latest is a feed of values of which the newest few are kept: a reader gets,
// as a slice, those that it does not have yet.
type Latest[T any] struct {
	keep int

	mu     sync.Mutex
	values []T
	count  int // of all that were ever added
}

// NewLatest returns a feed that keeps so many values for readers to come.
func NewLatest[T any](keep int) *Latest[T] { return &Latest[T]{keep: keep} }

// Add appends a value.
func (l *Latest[T]) Add(value T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.values) == l.keep {
		l.values = slices.Delete(l.values, 0, 1)
	}
	l.values = append(l.values, value)
	l.count++
}

// Open is a Feed's Open; every user may see the values.
func (l *Latest[T]) Open(*User) Reader { return &latestReader[T]{latest: l} }

type latestReader[T any] struct {
	latest *Latest[T]
	seen   int
}

func (r *latestReader[T]) Next(context.Context) (data any, more bool) {
	l := r.latest
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := min(l.count-r.seen, len(l.values))
	r.seen = l.count
	if fresh == 0 {
		return nil, false
	}
	return slices.Clone(l.values[len(l.values)-fresh:]), false
}

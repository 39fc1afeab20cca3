package callback

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"garboard.dev/garboard/capability/play/event"
)

// Profile prints when tasks began and how long each took, as the callback
// ansible.posix.profile_tasks does.
type Profile struct {
	*Display
	Now func() time.Time

	began, last time.Time
	name        string
	took        []timed
}

type timed struct {
	name string
	d    time.Duration
}

// Handle implements event.Sink.
func (p *Profile) Handle(e event.Event) {
	switch e.Kind {
	case event.PlaybookStart:
		p.began = p.Now()
		p.last = p.began
	case event.TaskStart:
		p.mark()
		p.name = e.Name
	case event.Finished:
		p.mark()
		p.summary()
	}
}

func (p *Profile) mark() {
	now := p.Now()
	if p.name != "" {
		p.took = append(p.took, timed{p.name, now.Sub(p.last)})
	}
	stamp := fmt.Sprintf("%s (%s)       %s ", now.Format("Monday 02 January 2006  15:04:05 -0700"), clock(now.Sub(p.last)), clock(now.Sub(p.began)))
	fmt.Fprintf(p.Out, "%s%s\n", stamp, strings.Repeat("*", max(3, 79-len(stamp))))
	p.last, p.name = now, ""
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%d:%02d:%06.3f", int(d.Hours()), int(d.Minutes())%60, d.Seconds()-float64(int(d.Minutes())*60))
}

func (p *Profile) summary() {
	fmt.Fprintln(p.Out, strings.Repeat("=", 79)+" ")
	sorted := slices.Clone(p.took)
	slices.SortStableFunc(sorted, func(a, b timed) int { return int(b.d - a.d) })
	for _, t := range sorted[:min(20, len(sorted))] {
		seconds := fmt.Sprintf(" %.2fs", t.d.Seconds())
		fmt.Fprintf(p.Out, "%s %s%s\n", t.name, strings.Repeat("-", max(1, 79-len(t.name)-len(seconds)-1)), seconds)
	}
}

// Both sends events to several sinks, in order.
type Both []event.Sink

// Handle implements event.Sink.
func (b Both) Handle(e event.Event) {
	for _, s := range b {
		s.Handle(e)
	}
}

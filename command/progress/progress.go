// Package progress shows long work: on a terminal a line per step that is
// redrawn while the step runs, elsewhere one plain line when a step ends.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Steps shows the steps of one piece of work. It is safe for concurrent use.
type Steps struct {
	mu       sync.Mutex
	w        io.Writer
	now      func() time.Time
	terminal bool
	width    int
	quiet    bool
	started  time.Time
	running  []*Step
	drawn    int // lines of running steps that stand on the terminal
	stop     chan struct{}
}

// Step is one step; end it with Done or Fail.
type Step struct {
	steps   *Steps
	text    string
	detail  string
	started time.Time
}

var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// New returns Steps that write to w. On a terminal call Close to stop redrawing.
func New(w io.Writer, now func() time.Time, terminal bool, width int, quiet bool) *Steps {
	s := &Steps{w: w, now: now, terminal: terminal && !quiet, width: width, quiet: quiet, started: now(), stop: make(chan struct{})}
	if s.terminal {
		go s.redraw()
	}
	return s
}

// Start begins a step, as "etcd" or "build wordpress".
func (s *Steps) Start(format string, args ...any) *Step {
	step := &Step{steps: s, text: fmt.Sprintf(format, args...), started: s.now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = append(s.running, step)
	s.draw()
	return step
}

// Detail says what the step waits for; on a terminal it stands behind the step.
func (p *Step) Detail(format string, args ...any) {
	p.steps.mu.Lock()
	defer p.steps.mu.Unlock()
	p.detail = fmt.Sprintf(format, args...)
	p.steps.draw()
}

// Done ends the step well; result may be empty.
func (p *Step) Done(result string) { p.end("✓", "ok", result) }

// Fail ends the step badly.
func (p *Step) Fail(reason string) { p.end("✗", "FAILED", reason) }

func (p *Step) end(sign, word, result string) {
	s := p.steps
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range s.running {
		if r == p {
			s.running = append(s.running[:i], s.running[i+1:]...)
			break
		}
	}
	if s.quiet && sign == "✓" {
		return
	}
	took := s.now().Sub(p.started)
	line := p.text
	if result != "" {
		line += "  " + result
	}
	if !s.terminal {
		fmt.Fprintf(s.w, "%-6s %s (%s)\n", word, line, short(took))
		return
	}
	s.erase()
	fmt.Fprintf(s.w, "%s %s  \x1b[2m%s\x1b[0m\n", sign, line, short(took))
	s.draw()
}

// Elapsed is the time since New.
func (s *Steps) Elapsed() time.Duration { return s.now().Sub(s.started) }

// Close stops redrawing; steps that still run leave no line behind.
func (s *Steps) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.terminal {
		close(s.stop)
		s.terminal = false
		s.erase()
	}
}

func (s *Steps) redraw() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-tick.C:
			s.mu.Lock()
			s.draw()
			s.mu.Unlock()
		}
	}
}

func (s *Steps) erase() {
	if s.drawn > 0 {
		fmt.Fprintf(s.w, "\x1b[%dA\x1b[J", s.drawn)
		s.drawn = 0
	}
}

func (s *Steps) draw() {
	if !s.terminal {
		return
	}
	s.erase()
	for _, p := range s.running {
		took := s.now().Sub(p.started)
		sign := spinner[int(took/(100*time.Millisecond))%len(spinner)]
		line := fmt.Sprintf("%c %s  %s", sign, p.text, short(took))
		if p.detail != "" {
			line += "  " + p.detail
		}
		fmt.Fprintln(s.w, clip(line, s.width))
	}
	s.drawn = len(s.running)
}

func clip(line string, width int) string {
	runes := []rune(strings.ReplaceAll(line, "\n", " "))
	if width > 1 && len(runes) >= width {
		runes = append(runes[:width-2], '…')
	}
	return string(runes)
}

func short(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Round(time.Second).String()
}

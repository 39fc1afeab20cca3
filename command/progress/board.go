package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Board shows several lines that change, as a tree of what waits for what. On
// a terminal it redraws them in place; elsewhere nothing of them is written,
// and only what is said with Say stands in the output.
type Board struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
	width    int
	lines    []string
	drawn    int
	turn     int
	stop     chan struct{}
	ended    sync.WaitGroup
}

// NewBoard returns a Board that writes to w. Call Close when done.
func NewBoard(w io.Writer, terminal bool, width int) *Board {
	b := &Board{w: w, terminal: terminal, width: width, stop: make(chan struct{})}
	if terminal {
		b.ended.Go(b.spin)
	}
	return b
}

// Show replaces the lines. A "•" at the beginning of one turns.
func (b *Board) Show(lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = lines
	b.draw()
}

// Say writes a line that stays, above the changing ones.
func (b *Board) Say(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	fmt.Fprintf(b.w, format+"\n", args...)
	b.draw()
}

// Close takes the changing lines away.
func (b *Board) Close() {
	if b.terminal {
		close(b.stop)
		b.ended.Wait()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	b.lines = nil
}

func (b *Board) spin() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.mu.Lock()
			b.turn++
			b.draw()
			b.mu.Unlock()
		}
	}
}

func (b *Board) erase() {
	if b.drawn > 0 {
		fmt.Fprintf(b.w, "\x1b[%dA\x1b[J", b.drawn)
		b.drawn = 0
	}
}

func (b *Board) draw() {
	if !b.terminal {
		return
	}
	b.erase()
	var text strings.Builder
	for _, line := range b.lines {
		if rest, turns := strings.CutPrefix(line, "•"); turns {
			line = string(spinner[b.turn%len(spinner)]) + rest
		}
		text.WriteString(clip(line, b.width) + "\n")
	}
	io.WriteString(b.w, text.String())
	b.drawn = len(b.lines)
}

package run

import (
	"garboard.dev/garboard/capability/play/book"
)

// part is a section of a block.
type part int

const (
	body part = iota
	rescue
	always
)

// level is one list of items that a host is in.
type level struct {
	block    *book.Block // nil for a list that is no block's
	part     part
	items    []book.Item
	next     int
	orders   []int // of lists that were included at once: which ones these items are
	failed   bool  // the body failed, and the block's end hands that on
	handlers bool  // a flush: handlers that were not notified are passed over
}

// cursor is where a host is in a play.
type cursor struct {
	levels []level
	failed bool // nothing more is run, for a failure that no block rescued
	chosen func(t *book.Task) bool
	want   func(t *book.Task) bool // a handler that was notified
	// rescued is called when a block's rescue takes over.
	rescued func()
}

func newCursor(items []book.Item, chosen, notified func(t *book.Task) bool) *cursor {
	return &cursor{levels: []level{{items: items}}, chosen: chosen, want: notified}
}

// peek returns the next task without taking it; nil at the end.
func (c *cursor) peek() *book.Task {
	for len(c.levels) > 0 {
		top := &c.levels[len(c.levels)-1]
		if top.next >= len(top.items) {
			c.leave()
			continue
		}
		switch item := top.items[top.next].(type) {
		case *book.Task:
			if top.handlers && !c.want(item) || !c.chosen(item) {
				top.next++
				continue
			}
			return item
		case *book.Block:
			top.next++
			c.levels = append(c.levels, level{block: item, items: item.Body})
		}
	}
	return nil
}

// leave ends the section that the host is in.
func (c *cursor) leave() {
	top := &c.levels[len(c.levels)-1]
	if top.block == nil || top.part == always || len(top.block.Always) == 0 {
		failed := top.failed && top.part != rescue
		c.levels = c.levels[:len(c.levels)-1]
		if failed {
			c.fail()
		}
		return
	}
	failed := top.failed && top.part != rescue
	*top = level{block: top.block, part: always, items: top.block.Always, failed: failed}
}

// take goes past the task that peek gave.
func (c *cursor) take() {
	c.levels[len(c.levels)-1].next++
}

// fail goes where a failed task leads: to the rescue or always of the nearest
// block around it, or to the end. It says whether a rescue took over.
func (c *cursor) fail() bool {
	for len(c.levels) > 0 {
		top := &c.levels[len(c.levels)-1]
		switch {
		case top.block != nil && top.part == body && len(top.block.Rescue) > 0:
			*top = level{block: top.block, part: rescue, items: top.block.Rescue}
			if c.rescued != nil {
				c.rescued()
			}
			return true
		case top.block != nil && top.part != always && len(top.block.Always) > 0:
			*top = level{block: top.block, part: always, items: top.block.Always, failed: true}
			return false
		}
		c.levels = c.levels[:len(c.levels)-1]
	}
	c.failed = true
	return false
}

// include puts blocks before what comes next. order keeps the blocks of one
// include apart from those that other hosts got at the same place.
func (c *cursor) include(blocks []*book.Block, orders []int) {
	items := make([]book.Item, len(blocks))
	for i, b := range blocks {
		items[i] = b
	}
	c.levels = append(c.levels, level{items: items, orders: orders})
}

// flush puts the notified handlers before what comes next.
func (c *cursor) flush(handlers []*book.Task) {
	items := make([]book.Item, len(handlers))
	for i, h := range handlers {
		items[i] = h
	}
	c.levels = append(c.levels, level{items: items, handlers: true})
}

// end leaves all that is left.
func (c *cursor) end() { c.levels = nil }

// position orders hosts: the one with the smaller position is behind.
func (c *cursor) position() []int {
	out := make([]int, 0, 2*len(c.levels))
	for _, l := range c.levels {
		at := l.next
		if l.orders != nil {
			at = l.orders[max(l.next-1, 0)]
		}
		out = append(out, int(l.part), at)
	}
	return out
}

package table

import (
	"container/list"
	"context"
	"maps"
)

// Sizes of pages, in rows: the first is small, so that there is something to see at once.
const (
	firstPage = 500
	nextPage  = 4000
)

// Message is one page of changes.
type Message struct {
	Reset   bool     `json:"reset,omitempty"` // forget every row that you have
	Total   int      `json:"total"`           // rows in the table that this reader may see
	State   *State   `json:"state,omitempty"` // where it has changed
	Names   []string `json:"names,omitempty"` // of the columns; in the first message and after a reset
	Keys    []string `json:"keys,omitempty"`  // of the rows that follow
	Columns []any    `json:"columns,omitempty"`
	Gone    []string `json:"gone,omitempty"` // keys of rows that no longer exist
}

// Dictionary is a column of strings that repeat: cell i is Values[Index[i]].
type Dictionary struct {
	Values []string `json:"values"`
	Index  []int    `json:"index"`
}

// Reader is one reader's place in a table. Only one goroutine may use it.
type Reader struct {
	table   *Table
	visible func(ctx context.Context, namespace string) bool
	seq     uint64 // the last change that was handed out
	base    uint64 // what the table had forgotten when this reader began: of no matter to it
	state   uint64
	begun   bool
}

// Read returns a reader at the table's beginning. visible says whether the
// rows of a namespace are for this reader; nil lets all through.
func (t *Table) Read(visible func(ctx context.Context, namespace string) bool) *Reader {
	return &Reader{table: t, visible: visible}
}

// Next returns what follows this reader's place as a *Message, or nil where
// nothing does. more says that this was not all.
func (r *Reader) Next(ctx context.Context) (data any, more bool) {
	m, changes, more := r.take()
	rows := make([]Row, 0, len(changes))
	allowed := map[string]bool{}
	for _, c := range changes {
		if !r.lets(ctx, allowed, c.row.Namespace) {
			continue
		}
		if c.gone {
			m.Gone = append(m.Gone, c.row.Key)
		} else {
			rows = append(rows, c.row)
		}
	}
	if len(rows) == 0 && len(m.Gone) == 0 && m.State == nil && m.Names == nil && !m.Reset {
		return nil, more
	}
	m.Total = r.count(ctx, allowed)
	m.fill(r.table.columns, rows)
	return m, more
}

// count is the number of rows that are for this reader.
func (r *Reader) count(ctx context.Context, known map[string]bool) int {
	r.table.mu.Lock()
	counts := maps.Clone(r.table.counts)
	r.table.mu.Unlock()
	total := 0
	for namespace, n := range counts {
		if r.lets(ctx, known, namespace) {
			total += n
		}
	}
	return total
}

// lets asks visible once a page and namespace.
func (r *Reader) lets(ctx context.Context, known map[string]bool, namespace string) bool {
	if r.visible == nil {
		return true
	}
	yes, ok := known[namespace]
	if !ok {
		yes = r.visible(ctx, namespace)
		known[namespace] = yes
	}
	return yes
}

// take moves the reader on by one page and returns the changes on it. Changes
// are never altered once they are in the list, so they can be used outside the lock.
func (r *Reader) take() (m *Message, changes []*change, more bool) {
	t := r.table
	t.mu.Lock()
	defer t.mu.Unlock()
	m = &Message{}
	size := nextPage
	if r.begun && max(r.seq, r.base) < t.forgotten { // a deletion may have been missed
		m.Reset, r.begun, r.seq = true, false, 0
	}
	if !r.begun {
		r.base = t.forgotten
		size = firstPage
		for _, c := range t.columns {
			m.Names = append(m.Names, c.Name)
		}
	}
	for e := t.after(r.seq); e != nil; e = e.Next() {
		c := e.Value.(*change)
		if len(changes) == size {
			more = true
			break
		}
		r.seq = c.seq
		if r.begun || !c.gone {
			changes = append(changes, c)
		}
	}
	if r.state != t.stateSeq && !more {
		state := t.state
		m.State, r.state = &state, t.stateSeq
	}
	r.begun = true
	return m, changes, more
}

// after returns the first change that follows seq. It looks from the end: few
// changes are new, except for a reader that begins.
func (t *Table) after(seq uint64) *list.Element {
	if seq == 0 {
		return t.changes.Front()
	}
	var first *list.Element
	for e := t.changes.Back(); e != nil && e.Value.(*change).seq > seq; e = e.Prev() {
		first = e
	}
	return first
}

// fill lays rows out by column.
func (m *Message) fill(columns []Column, rows []Row) {
	if len(rows) == 0 {
		return
	}
	m.Keys = make([]string, len(rows))
	for i, row := range rows {
		m.Keys[i] = row.Key
	}
	m.Columns = make([]any, len(columns))
	for c, column := range columns {
		if column.Repeats {
			m.Columns[c] = dictionary(rows, c)
			continue
		}
		cells := make([]any, len(rows))
		for i, row := range rows {
			cells[i] = row.Cells[c]
		}
		m.Columns[c] = cells
	}
}

func dictionary(rows []Row, column int) Dictionary {
	d := Dictionary{Index: make([]int, len(rows))}
	places := map[string]int{}
	for i, row := range rows {
		text, _ := row.Cells[column].(string)
		place, ok := places[text]
		if !ok {
			place = len(d.Values)
			places[text] = place
			d.Values = append(d.Values, text)
		}
		d.Index[i] = place
	}
	return d
}

// Package table keeps the rows of a live table and hands each of its readers
// what that reader does not have yet.
//
// All changes stand in one list in the order in which they were made; a row
// that changes again moves to the end, so the list is never longer than the
// table and its recent deletions. A reader is one number, the last change it
// has seen: to it the first picture of 20,000 rows and the two rows that
// changed since are the same thing, what follows that number. Rows travel in
// pages, by column, and columns that repeat themselves by dictionary.
package table

import (
	"container/list"
	"slices"
	"sync"
)

// Column is one column of the rows' cells.
type Column struct {
	Name    string
	Repeats bool // few different strings: sent as a dictionary and indices into it
}

// Row is one row. Cells has one value for each column: a string, a number, a
// bool or nil; strings only in columns that repeat.
type Row struct {
	Key       string
	Namespace string // who may not list there does not get the row; empty: cluster-wide
	Cells     []any
}

// forgetAfter is how many deletions are remembered for readers that are behind.
const forgetAfter = 4096

// Table is safe for concurrent use.
type Table struct {
	columns []Column

	mu        sync.Mutex
	rows      map[string]*list.Element
	changes   *list.List     // of *change, oldest first
	seq       uint64         // of the newest change
	deletions int            // in changes
	counts    map[string]int // rows of each namespace
	forgotten uint64         // the newest change that is no longer in changes
	state     State
	stateSeq  uint64
}

type change struct {
	seq  uint64
	gone bool
	row  Row
}

// State is what there is to say of a whole table.
type State struct {
	Synced  bool   `json:"synced"`            // all rows are there
	Problem string `json:"problem,omitempty"` // why it cannot be kept up to date
}

// New returns an empty table.
func New(columns ...Column) *Table {
	return &Table{columns: columns, rows: map[string]*list.Element{}, changes: list.New(), counts: map[string]int{}}
}

// Set adds or replaces a row; one that is equal to the one there is no change.
func (t *Table) Set(r Row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old, ok := t.rows[r.Key]; ok {
		c := old.Value.(*change)
		if !c.gone && slices.Equal(c.row.Cells, r.Cells) {
			return
		}
		t.drop(old)
	}
	t.seq++
	t.counts[r.Namespace]++
	t.rows[r.Key] = t.changes.PushBack(&change{seq: t.seq, row: r})
}

// Delete removes a row; one that is not there is no change.
func (t *Table) Delete(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(key)
}

func (t *Table) remove(key string) {
	old, ok := t.rows[key]
	if !ok || old.Value.(*change).gone {
		return
	}
	namespace := old.Value.(*change).row.Namespace
	t.drop(old)
	t.seq++
	t.rows[key] = t.changes.PushBack(&change{seq: t.seq, gone: true, row: Row{Key: key, Namespace: namespace}})
	if t.deletions++; t.deletions > forgetAfter {
		t.forget()
	}
}

// drop takes a change off the list; a newer one of the same row follows.
func (t *Table) drop(e *list.Element) {
	c := t.changes.Remove(e).(*change)
	if c.gone {
		t.deletions--
	} else if t.counts[c.row.Namespace]--; t.counts[c.row.Namespace] == 0 {
		delete(t.counts, c.row.Namespace)
	}
}

// forget drops the older half of the deletions.
func (t *Table) forget() {
	for e := t.changes.Front(); e != nil && t.deletions > forgetAfter/2; {
		c, next := e.Value.(*change), e.Next()
		if c.gone {
			t.forgotten = c.seq
			delete(t.rows, c.row.Key)
			t.drop(e)
		}
		e = next
	}
}

// Trim removes the rows that changed longest ago until at most keep are left.
func (t *Table) Trim(keep int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := t.changes.Front(); e != nil && len(t.rows)-t.deletions > keep; {
		c, next := e.Value.(*change), e.Next()
		if !c.gone {
			t.remove(c.row.Key)
		}
		e = next
	}
}

// Len is the number of rows.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.rows) - t.deletions
}

// SetState says what there is to say of the whole table.
func (t *Table) SetState(s State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s != t.state {
		t.state = s
		t.stateSeq++
	}
}

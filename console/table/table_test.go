package table

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func numbers() *Table { return New(Column{Name: "kind", Repeats: true}, Column{Name: "n"}) }

func row(key, namespace string, n int) Row {
	return Row{Key: key, Namespace: namespace, Cells: []any{namespace, n}}
}

// browser is the other end: it applies messages as the front end does.
type browser struct {
	rows   map[string]int
	state  State
	total  int
	pages  int
	resets int
}

func (b *browser) read(t *testing.T, r *Reader) {
	t.Helper()
	for {
		data, more := r.Next(t.Context())
		if data != nil {
			b.apply(t, data.(*Message))
		}
		if !more {
			return
		}
	}
}

func (b *browser) apply(t *testing.T, m *Message) {
	t.Helper()
	b.pages++
	if m.Names != nil {
		b.rows = map[string]int{}
	}
	if m.Reset {
		b.resets++
	}
	if m.State != nil {
		b.state = *m.State
	}
	b.total = m.Total
	if len(m.Keys) > 0 {
		kinds, cells := m.Columns[0].(Dictionary), m.Columns[1].([]any)
		for i, key := range m.Keys {
			b.rows[key] = cells[i].(int)
			if !strings.HasPrefix(key, kinds.Values[kinds.Index[i]]) {
				t.Errorf("row %s has kind %s", key, kinds.Values[kinds.Index[i]])
			}
		}
	}
	for _, key := range m.Gone {
		delete(b.rows, key)
	}
}

// Whatever changes in whatever order, and however seldom a reader comes, it
// ends with the table's rows.
func TestReadersEndWithTheTable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		table, want := numbers(), map[string]int{}
		readers, browsers := []*Reader{}, []*browser{}
		for step := range 30 {
			for range random.IntN(1500) {
				n := random.IntN(3000)
				key := fmt.Sprintf("k%d/%d", n%7, n)
				if random.IntN(3) == 0 {
					table.Delete(key)
					delete(want, key)
				} else {
					table.Set(row(key, fmt.Sprintf("k%d", n%7), step))
					want[key] = step
				}
			}
			if step%5 == 0 {
				readers, browsers = append(readers, table.Read(nil)), append(browsers, &browser{})
			}
			for i, r := range readers {
				if random.IntN(2) == 0 || step == 29 {
					browsers[i].read(t, r)
				}
			}
		}
		for i, b := range browsers {
			if !maps.Equal(b.rows, want) || b.total != len(want) {
				t.Fatalf("seed %d, reader %d: %d rows, total %d, want %d", seed, i, len(b.rows), b.total, len(want))
			}
		}
		if table.Len() != len(want) {
			t.Errorf("Len is %d, want %d", table.Len(), len(want))
		}
	}
}

func TestAReaderThatWasAwayTooLongBeginsAgain(t *testing.T) {
	t.Parallel()
	table, b := numbers(), &browser{}
	r := table.Read(nil)
	for n := range 3 * forgetAfter {
		table.Set(row(fmt.Sprintf("a/%d", n), "a", n))
	}
	b.read(t, r)
	for n := range 2 * forgetAfter {
		table.Delete(fmt.Sprintf("a/%d", n))
	}
	b.read(t, r)
	if b.resets != 1 || len(b.rows) != forgetAfter {
		t.Errorf("%d resets, %d rows; want 1 and %d", b.resets, len(b.rows), forgetAfter)
	}
	if kept := table.changes.Len(); kept > 2*forgetAfter {
		t.Errorf("%d changes are kept", kept)
	}
}

func TestOnlyChangesTravel(t *testing.T) {
	t.Parallel()
	table := numbers()
	for n := range 10_000 {
		table.Set(row(fmt.Sprintf("a/%d", n), "a", n))
	}
	b := &browser{}
	r := table.Read(nil)
	data, more := r.Next(t.Context())
	if m := data.(*Message); len(m.Keys) != firstPage || !more || m.Total != 10_000 {
		t.Errorf("the first page has %d rows of %d, more %v", len(m.Keys), m.Total, more)
	}
	b.apply(t, data.(*Message))
	b.read(t, r)
	if b.pages != 1+3 {
		t.Errorf("%d pages", b.pages)
	}
	table.Set(row("a/7", "a", 7)) // the same
	if data, _ := r.Next(t.Context()); data != nil {
		t.Errorf("nothing has changed, but %v is sent", data)
	}
	table.Set(row("a/7", "a", 8))
	table.Set(row("a/7", "a", 9))
	data, more = r.Next(t.Context())
	if m := data.(*Message); more || !slices.Equal(m.Keys, []string{"a/7"}) || m.Names != nil {
		t.Errorf("one row has changed, but %+v is sent", m)
	}
}

func TestRowsOfForbiddenNamespacesStay(t *testing.T) {
	t.Parallel()
	table, b := numbers(), &browser{}
	asked := 0
	r := table.Read(func(_ context.Context, namespace string) bool { asked++; return namespace == "mine" })
	for n := range 100 {
		table.Set(row(fmt.Sprintf("mine/%d", n), "mine", n))
		table.Set(row(fmt.Sprintf("secret/%d", n), "secret", n))
	}
	b.read(t, r)
	table.Delete("secret/1")
	table.Delete("mine/1")
	table.Set(row("secret/2", "secret", 1000))
	data, _ := r.Next(t.Context())
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "secret") || !strings.Contains(string(text), `"gone":["mine/1"]`) {
		t.Errorf("sent: %s", text)
	}
	if len(b.rows) != 100 || b.total != 100 || asked > 6 {
		t.Errorf("%d rows of %d, asked %d times", len(b.rows), b.total, asked)
	}
	table.Delete("secret/3")
	if data, _ := r.Next(t.Context()); data != nil {
		t.Errorf("a change that may not be seen sends %v", data)
	}
}

func TestTrimKeepsTheNewest(t *testing.T) {
	t.Parallel()
	table, b := numbers(), &browser{}
	r := table.Read(nil)
	for n := range 50 {
		table.Set(row(fmt.Sprintf("a/%02d", n), "a", n))
	}
	b.read(t, r)
	table.Trim(3)
	b.read(t, r)
	if got := slices.Sorted(maps.Keys(b.rows)); !slices.Equal(got, []string{"a/47", "a/48", "a/49"}) || table.Len() != 3 {
		t.Errorf("left: %v", got)
	}
}

func TestStateTravels(t *testing.T) {
	t.Parallel()
	table, b := numbers(), &browser{}
	r := table.Read(nil)
	b.read(t, r)
	table.SetState(State{Problem: "forbidden"})
	b.read(t, r)
	if b.state.Problem != "forbidden" {
		t.Errorf("state %+v", b.state)
	}
	table.SetState(State{Synced: true})
	table.SetState(State{Synced: true})
	b.read(t, r)
	if data, _ := r.Next(t.Context()); data != nil || !b.state.Synced || b.state.Problem != "" {
		t.Errorf("state %+v, then %v", b.state, data)
	}
}

func BenchmarkFirstPicture(b *testing.B) {
	table := numbers()
	for n := range 20_000 {
		table.Set(row(fmt.Sprintf("team-%02d/service-%05d", n%40, n), fmt.Sprintf("team-%02d", n%40), n))
	}
	for b.Loop() {
		r := table.Read(nil)
		for more := true; more; {
			var data any
			data, more = r.Next(context.Background())
			if _, err := json.Marshal(data); err != nil {
				b.Fatal(err)
			}
		}
	}
}

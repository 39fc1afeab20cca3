package firewall

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"sigs.k8s.io/knftables"
)

// Fake keeps tables in memory; knftables' own fake judges their form. The zero
// value has none.
type Fake struct {
	mu     sync.Mutex
	tables map[Name]Table
}

// Replace implements Tables.
func (f *Fake) Replace(ctx context.Context, t Table) error {
	for _, c := range t.Chains {
		if c.Type != "filter" && c.Type != "nat" {
			return fmt.Errorf("set the firewall table %s: a chain of type %q", t.Table, c.Type)
		}
	}
	nft := knftables.NewFake(knftables.Family(t.Family), t.Table)
	if err := nft.Run(ctx, replacement(nft, t)); err != nil {
		return fmt.Errorf("set the firewall table %s: %w", t.Table, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tables == nil {
		f.tables = map[Name]Table{}
	}
	f.tables[t.Name] = t
	return nil
}

// Delete implements Tables.
func (f *Fake) Delete(_ context.Context, name Name) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tables, name)
	return nil
}

// List implements Tables.
func (f *Fake) List(context.Context) ([]Name, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Name
	for name := range f.tables {
		out = append(out, name)
	}
	slices.SortFunc(out, func(a, b Name) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Table, b.Table))
	})
	return out, nil
}

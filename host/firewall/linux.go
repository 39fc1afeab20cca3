package firewall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"sigs.k8s.io/knftables"
)

// Linux is the tables of this process's network namespace. It needs the program nft.
type Linux struct{}

// Replace implements Tables.
func (Linux) Replace(ctx context.Context, t Table) error {
	nft, err := knftables.New(knftables.Family(t.Family), t.Table)
	if err == nil {
		err = nft.Run(ctx, replacement(nft, t))
	}
	if err != nil {
		return fmt.Errorf("set the firewall table %s: %w", t.Table, err)
	}
	return nil
}

// replacement deletes the table and makes it anew, in one transaction. Adding
// it first lets the deletion succeed where there is none.
func replacement(nft knftables.Interface, t Table) *knftables.Transaction {
	tx := nft.NewTransaction()
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{})
	tx.Add(&knftables.Table{Comment: knftables.PtrTo(t.Comment)})
	for _, c := range t.Chains {
		tx.Add(&knftables.Chain{
			Name: c.Name, Type: knftables.PtrTo(knftables.BaseChainType(c.Type)),
			Hook: knftables.PtrTo(knftables.BaseChainHook(c.Hook)), Priority: knftables.PtrTo(knftables.BaseChainPriority(c.Priority)),
		})
		for _, rule := range c.Rules {
			tx.Add(&knftables.Rule{Chain: c.Name, Rule: rule})
		}
	}
	return tx
}

// Delete implements Tables.
func (Linux) Delete(ctx context.Context, name Name) error {
	nft, err := knftables.New(knftables.Family(name.Family), name.Table)
	if err == nil {
		tx := nft.NewTransaction()
		tx.Add(&knftables.Table{}) // so that the deletion succeeds where there is none
		tx.Delete(&knftables.Table{})
		err = nft.Run(ctx, tx)
	}
	if err != nil {
		return fmt.Errorf("delete the firewall table %s: %w", name.Table, err)
	}
	return nil
}

// List implements Tables.
func (Linux) List(ctx context.Context) ([]Name, error) {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "nft", "list", "tables")
	cmd.Stderr = &said
	text, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the firewall tables: %w", errors.Join(err, errors.New(strings.TrimSpace(said.String()))))
	}
	return parseTables(string(text)), nil
}

// parseTables reads lines of "table FAMILY NAME"; others are passed over.
func parseTables(text string) []Name {
	var out []Name
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "table" {
			out = append(out, Name{f[1], f[2]})
		}
	}
	return out
}

// Package firewall replaces, lists and deletes whole tables of nftables. Tables
// of others are never read or changed.
package firewall

import "context"

// Name names a table: two families may each have one of the same name.
type Name struct {
	Family string // "inet", "ip" or "ip6", nft(8)
	Table  string
}

// Table is all of one table.
type Table struct {
	Name
	Comment string
	Chains  []Chain
}

// Chain is one base chain. Its rules are in the words of nft(8).
type Chain struct {
	Name     string
	Type     string // "filter" or "nat"
	Hook     string // as "prerouting"
	Priority string // as "raw"
	Rules    []string
}

// Tables are the machine's tables.
type Tables interface {
	// Replace makes the table what t says in one step: no packet meets a half
	// of it. A rule that nft does not accept leaves all as it was.
	Replace(ctx context.Context, t Table) error
	// Delete deletes the table; one that is not there is no error.
	Delete(ctx context.Context, name Name) error
	// List lists the tables of all programs.
	List(ctx context.Context) ([]Name, error)
}

package firewall_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"syscall"
	"testing"

	"garboard.dev/garboard/host/firewall"
	"garboard.dev/garboard/host/netns"
)

func TestContract(t *testing.T) {
	t.Parallel()
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		if err := contract(t.Context(), &firewall.Fake{}); err != nil {
			t.Error(err)
		}
	})
	t.Run("linux", func(t *testing.T) {
		t.Parallel()
		if _, err := exec.LookPath("nft"); err != nil {
			t.Skip("the program nft is not installed")
		}
		err := netns.Fresh(func() error { return contract(t.Context(), firewall.Linux{}) })
		if errors.Is(err, syscall.EPERM) {
			t.Skip("making a network namespace needs root")
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// contract returns an error since it runs on a thread that is not the test's.
func contract(ctx context.Context, tables firewall.Tables) error {
	name := firewall.Name{Family: "inet", Table: "garboard-test"}
	table := firewall.Table{Name: name, Comment: "only a test", Chains: []firewall.Chain{
		{Name: "out", Type: "nat", Hook: "postrouting", Priority: "srcnat", Rules: []string{"ip saddr 10.42.0.0/16 masquerade"}},
		{Name: "in", Type: "filter", Hook: "prerouting", Priority: "raw", Rules: []string{"iifname != { b0, lo } ip daddr { 10.42.0.0/16, 10.43.0.0/16 } drop"}},
	}}
	for range 2 { // a second time replaces
		if err := tables.Replace(ctx, table); err != nil {
			return err
		}
	}
	bad := table
	bad.Chains = []firewall.Chain{{Name: "in", Type: "no such type", Hook: "prerouting", Priority: "raw"}}
	if err := tables.Replace(ctx, bad); err == nil {
		return errors.New("a chain of an unknown type is accepted")
	}
	if names, err := tables.List(ctx); err != nil || !slices.Equal(names, []firewall.Name{name}) {
		return fmt.Errorf("List = %v, %w", names, err)
	}
	for range 2 {
		if err := tables.Delete(ctx, name); err != nil {
			return err
		}
	}
	if names, err := tables.List(ctx); err != nil || len(names) != 0 {
		return fmt.Errorf("after Delete List = %v, %w", names, err)
	}
	return nil
}

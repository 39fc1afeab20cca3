package build

import (
	"context"
	"fmt"

	"github.com/moby/buildkit/client"
	"golang.org/x/sync/errgroup"

	"garboard.dev/garboard/fault"
)

// Freed is one thing that a collection frees, or would free.
type Freed struct {
	What string `json:"what"`
	Size int64  `json:"size"` // bytes
}

// Prune removes what of the build cache no running build uses; with dryRun it
// only says what that would be.
func (b Builder) Prune(ctx context.Context, dryRun bool) ([]Freed, error) {
	if err := b.Daemon.Ensure(ctx, "buildkitd"); err != nil {
		return nil, err
	}
	c, err := client.New(ctx, "unix://"+b.Socket)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "reach BuildKit", "garboard logs buildkitd says why it does not run")
	}
	defer c.Close()
	if dryRun {
		used, err := c.DiskUsage(ctx)
		if err != nil {
			return nil, fmt.Errorf("measure the build cache: %w", err)
		}
		var out []Freed
		for _, u := range used {
			if !u.InUse {
				out = append(out, freed(*u))
			}
		}
		return out, nil
	}
	return prune(ctx, c)
}

func prune(ctx context.Context, c *client.Client) ([]Freed, error) {
	found := make(chan client.UsageInfo)
	var out []Freed
	var group errgroup.Group
	group.Go(func() error {
		defer close(found)
		return c.Prune(ctx, found, client.PruneAll)
	})
	for u := range found {
		out = append(out, freed(u))
	}
	if err := group.Wait(); err != nil {
		return out, fmt.Errorf("clear the build cache: %w", err)
	}
	return out, nil
}

func freed(u client.UsageInfo) Freed {
	what := u.Description
	if what == "" {
		what = string(u.RecordType)
	}
	return Freed{What: what, Size: u.Size}
}

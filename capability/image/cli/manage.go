package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/output"
)

func listCommand(env *command.Env) *command.Command {
	var format output.Format
	return &command.Command{
		Name: "ls", Args: "[flags] [NAME...]",
		Summary: "List the platform's images",
		Help: `SIZE is what the image's blobs take; UNIQUE is the part of it that no other image shares, which
is what its removal frees.`,
		Examples: `
			garboard image ls
			garboard image ls debian -o json`,
		ExitCodes: exitCodes,
		Flags:     func(f *pflag.FlagSet) { format.Bind(f) },
		Complete:  completeImages(env),
		Run: func(ctx context.Context, args []string) error {
			return withStore(env, func(s *store.Store) error {
				entries, err := s.List(ctx, args)
				if err != nil {
					return err
				}
				return format.Print(env.Out, imageTable(entries, env.Now()))
			})
		},
	}
}

func imageTable(entries []store.Entry, now time.Time) output.List {
	l := output.List{
		Columns: []output.Column{{Title: "name"}, {Title: "digest"}, {Title: "platforms", Wide: true}, {Title: "created", Wide: true}, {Title: "added"}, {Title: "size", Right: true}, {Title: "unique", Right: true}},
		Objects: entries,
	}
	if entries == nil {
		l.Objects = []store.Entry{}
	}
	for _, e := range entries {
		created := "unknown"
		if !e.Created.IsZero() {
			created = e.Created.Format(time.DateTime)
		}
		l.Rows = append(l.Rows, []string{e.Name, shortDigest(e.Digest), strings.Join(e.Platforms, ","), created, age(now.Sub(e.Added)), bytes(e.Size), bytes(e.Unique)})
		l.Names = append(l.Names, e.Name)
	}
	return l
}

func shortDigest(d string) string {
	_, hex, _ := strings.Cut(d, ":")
	return hex[:min(12, len(hex))]
}

// age is how long ago something was, in its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", max(0, int(d.Seconds())))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}

// bytes is n in decimal units, as disks and registries count.
func bytes(n int64) string {
	units := []string{"kB", "MB", "GB", "TB"}
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), ""
	for _, unit = range units {
		value /= 1000
		if value < 999.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

func tagCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "tag", Args: "IMAGE NAME",
		Summary:   "Give an image another name",
		Examples:  "garboard image tag hello registry.example/team/hello:1.2",
		ExitCodes: exitCodes,
		Complete:  completeImages(env),
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 2, 2, "tag IMAGE NAME"); err != nil {
				return err
			}
			return withStore(env, func(s *store.Store) error {
				name, err := s.Tag(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				return say(env, []string{name})
			})
		},
	}
}

func removeCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "rm", Args: "IMAGE...",
		Summary:   "Remove images by name",
		Help:      "An image with several names loses the one that is given. Content that other images or the build cache use stays; garboard image gc clears the cache.",
		Examples:  "garboard image rm hello:old",
		ExitCodes: exitCodes,
		Complete:  completeImages(env),
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 1, -1, "rm IMAGE..."); err != nil {
				return err
			}
			return withStore(env, func(s *store.Store) error {
				var failed []error
				for _, name := range args {
					removed, err := s.Remove(ctx, name)
					if err != nil {
						failed = append(failed, err)
						continue
					}
					fmt.Fprintln(env.Out, removed)
				}
				return errors.Join(failed...)
			})
		},
	}
}

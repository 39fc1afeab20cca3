package cli

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/image/build"
	"garboard.dev/garboard/capability/image/compare"
	"garboard.dev/garboard/capability/image/store"
	"garboard.dev/garboard/capability/platform/control"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/command/output"
)

func inspectCommand(env *command.Env) *command.Command {
	format := output.YAML
	return &command.Command{
		Name: "inspect", Args: "[flags] IMAGE...",
		Summary:   "Show all that is known of an image",
		Examples:  "garboard image inspect debian:12 -o json",
		ExitCodes: exitCodes,
		Flags: func(f *pflag.FlagSet) {
			format.Bind(f)
			format = output.YAML
			f.Lookup("output").DefValue = string(output.YAML)
		},
		Complete: completeImages(env),
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 1, -1, "inspect [flags] IMAGE..."); err != nil {
				return err
			}
			return withStore(env, func(s *store.Store) error {
				var details []store.Detail
				l := output.List{Columns: []output.Column{{Title: "layer"}, {Title: "type"}, {Title: "size", Right: true}}}
				for _, name := range args {
					d, err := s.Inspect(ctx, name)
					if err != nil {
						return err
					}
					details, l.Names = append(details, d), append(l.Names, d.Name)
					for _, layer := range d.Layers {
						l.Rows = append(l.Rows, []string{shortDigest(layer.Digest), layer.MediaType, bytes(layer.Size)})
					}
				}
				l.Objects = details
				return format.Print(env.Out, l)
			})
		},
	}
}

func diffCommand(env *command.Env) *command.Command {
	var format output.Format
	return &command.Command{
		Name: "diff", Args: "[flags] BEFORE AFTER",
		Summary:   "Show how two images differ: packages and files",
		Help:      "Files are compared by content, owner and mode, not by time. With -o name it lists the paths only.",
		Examples:  "garboard image diff hello:1 hello:2",
		ExitCodes: exitCodes,
		Flags:     func(f *pflag.FlagSet) { format.Bind(f) },
		Complete:  completeImages(env),
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 2, 2, "diff [flags] BEFORE AFTER"); err != nil {
				return err
			}
			return withStore(env, func(s *store.Store) error {
				before, after, err := systems(ctx, s, args[0], args[1])
				if err != nil {
					return err
				}
				return format.Print(env.Out, differences(compare.Packages(before, after), compare.Files(before, after)))
			})
		},
	}
}

// systems reads the file systems of two images; what they have in common at
// the bottom is read once.
func systems(ctx context.Context, s *store.Store, a, b string) (before, after *compare.System, err error) {
	idsA, layersA, err := s.OpenLayers(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	idsB, layersB, err := s.OpenLayers(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	common := 0
	for common < min(len(idsA), len(idsB)) && idsA[common] != "" && idsA[common] == idsB[common] {
		common++
	}
	before = compare.NewSystem()
	if err := apply(before, layersA[:common]); err != nil {
		return nil, nil, err
	}
	after = before.Clone()
	if err := apply(before, layersA[common:]); err != nil {
		return nil, nil, err
	}
	return before, after, apply(after, layersB[common:])
}

func apply(system *compare.System, layers []store.Opener) error {
	for _, open := range layers {
		if err := applyOne(system, open); err != nil {
			return err
		}
	}
	return nil
}

func applyOne(system *compare.System, open store.Opener) error {
	layer, err := open()
	if err != nil {
		return err
	}
	defer layer.Close()
	return system.Apply(layer)
}

func differences(packages []compare.PackageChange, files []compare.Change) output.List {
	l := output.List{
		Columns: []output.Column{{Title: "kind"}, {Title: "what"}, {Title: "before", Right: true}, {Title: "after", Right: true}},
		Objects: struct {
			Packages []compare.PackageChange `json:"packages"`
			Files    []compare.Change        `json:"files"`
		}{packages, files},
	}
	for _, p := range packages {
		kind := "changed"
		switch {
		case p.Before == "":
			kind = "added"
		case p.After == "":
			kind = "removed"
		}
		l.Rows, l.Names = append(l.Rows, []string{kind, "package " + p.Name, p.Before, p.After}), append(l.Names, p.Name)
	}
	for _, f := range files {
		before, after := bytes(f.Before), bytes(f.After)
		switch f.Kind {
		case "added":
			before = ""
		case "removed":
			after = ""
		}
		l.Rows, l.Names = append(l.Rows, []string{f.Kind, f.Path, before, after}), append(l.Names, f.Path)
	}
	return l
}

func collectCommand(env *command.Env) *command.Command {
	var format output.Format
	var dryRun bool
	return &command.Command{
		Name: "gc", Args: "[flags]",
		Summary:   "Free what no image and no running build needs",
		Help:      "It clears the build cache and what removed images left. Images stay: garboard image rm removes those.",
		Examples:  "garboard image gc --dry-run",
		ExitCodes: exitCodes,
		Flags: func(f *pflag.FlagSet) {
			format.Bind(f)
			f.BoolVar(&dryRun, "dry-run", false, "only say what would be freed")
		},
		Run: func(ctx context.Context, args []string) error {
			if err := wantArgs(args, 0, 0, "gc [flags]"); err != nil {
				return err
			}
			return withStore(env, func(s *store.Store) error {
				b := build.Builder{Socket: layout(env).BuildkitSocket(), Daemon: control.New(layout(env).ControlSocket()), Store: s}
				freed, err := b.Prune(ctx, dryRun)
				if err == nil && !dryRun {
					err = s.Collect(ctx)
				}
				if err != nil {
					return err
				}
				return format.Print(env.Out, freedTable(freed))
			})
		},
	}
}

func freedTable(freed []build.Freed) output.List {
	l := output.List{Columns: []output.Column{{Title: "what"}, {Title: "size", Right: true}}, Objects: freed}
	if freed == nil {
		l.Objects = []build.Freed{}
	}
	var total int64
	for _, f := range freed {
		total += f.Size
		l.Rows, l.Names = append(l.Rows, []string{f.What, bytes(f.Size)}), append(l.Names, f.What)
	}
	l.Rows = append(l.Rows, []string{fmt.Sprintf("%d in all", len(freed)), bytes(total)})
	return l
}

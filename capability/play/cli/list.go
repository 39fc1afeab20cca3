package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/run"
)

// list prints the hosts, tasks and tags of a playbook.
func (s *opened) list(ctx context.Context, r *run.Runner, o *options, file string, plays []*book.Play) error {
	w := s.env.Out
	fmt.Fprintf(w, "\nplaybook: %s\n", file)
	for i, p := range plays {
		view, err := r.View(ctx, p)
		if err != nil {
			return err
		}
		tags := slices.Sorted(slices.Values(p.Tags()))
		fmt.Fprintf(w, "\n  play #%d (%s): %s\tTAGS: [%s]\n", i+1, view.Pattern, p.Name(), strings.Join(tags, ", "))
		if o.listHosts {
			fmt.Fprintf(w, "    pattern: %s\n    hosts (%d):\n", pythonList(view.Patterns), len(view.Hosts))
			for _, h := range view.Hosts {
				fmt.Fprintf(w, "      %s\n", h)
			}
		}
		if o.listTasks {
			fmt.Fprintln(w, "    tasks:")
		}
		var all []string
		for _, task := range view.Tasks {
			all = append(all, task.Tags...)
			if o.listTasks {
				slices.Sort(task.Tags)
				fmt.Fprintf(w, "      %s\tTAGS: [%s]\n", task.Title, strings.Join(task.Tags, ", "))
			}
		}
		if o.listTags {
			slices.Sort(all)
			fmt.Fprintf(w, "      TASK TAGS: [%s]\n", strings.Join(slices.Compact(all), ", "))
		}
	}
	return nil
}

func pythonList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = "'" + n + "'"
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

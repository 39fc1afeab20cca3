package book

import (
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// Tags returns the tags of a node and its parents. Templates in them stay as they are.
func (n *Node) Tags() []string {
	var out []string
	for _, v := range n.All("tags") {
		for _, tag := range words(v) {
			if !slices.Contains(out, tag) {
				out = append(out, tag)
			}
		}
	}
	return out
}

func words(v value.Value) []string {
	var out []string
	switch v := v.(type) {
	case *value.List:
		for _, i := range v.Items {
			out = append(out, words(i)...)
		}
	case nil:
	default:
		for w := range strings.SplitSeq(value.Str(v), ",") {
			out = append(out, strings.TrimSpace(w))
		}
	}
	return out
}

// Choice is what --tags and --skip-tags say.
type Choice struct{ Only, Skip []string }

// Takes says whether tags are chosen. Only is ["all"] where nothing was asked for.
func (c Choice) Takes(tags []string) bool {
	tagged := len(tags) > 0
	if !tagged {
		tags = []string{"untagged"}
	}
	has := func(list []string) bool {
		return slices.ContainsFunc(list, func(w string) bool { return slices.Contains(tags, w) })
	}
	run := true
	if len(c.Only) > 0 {
		never := slices.Contains(tags, "never")
		switch {
		case slices.Contains(tags, "always"):
		case slices.Contains(c.Only, "all") && !never:
		case has(c.Only):
		case slices.Contains(c.Only, "tagged") && tagged && !never:
		default:
			run = false
		}
	}
	if !run || len(c.Skip) == 0 {
		return run
	}
	switch {
	case slices.Contains(c.Skip, "all"):
		return slices.Contains(tags, "always") && !slices.Contains(c.Skip, "always")
	case has(c.Skip):
		return false
	case slices.Contains(c.Skip, "tagged") && tagged:
		return false
	}
	return true
}

package manifest

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// tree knows the lines of an object's fields.
type tree struct {
	root   *yaml.Node
	offset int // lines before the document
}

// maxDepth is how deep a manifest may nest: far more than any schema does, and
// so little that no reader of it runs out of stack.
const maxDepth = 200

type problem struct {
	line          int
	field, reason string
}

// check finds what YAML allows and manifests do not: two fields of one name,
// names that are no text, merges without end.
func (t *tree) check() *problem { return checkNode(t.root, "", 0) }

func checkNode(n *yaml.Node, path string, depth int) *problem {
	if depth > maxDepth {
		return &problem{n.Line, "", fmt.Sprintf("more than %d levels deep", maxDepth)}
	}
	switch n.Kind {
	case yaml.MappingNode:
		return checkMapping(n, path, depth)
	case yaml.SequenceNode:
		for i, item := range n.Content {
			if p := checkNode(item, fmt.Sprintf("%s[%d]", path, i), depth+1); p != nil {
				return p
			}
		}
	}
	return nil
}

func checkMapping(n *yaml.Node, path string, depth int) *problem {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind == yaml.AliasNode {
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return &problem{key.Line, path, "the name of a field must be a text"}
		}
		field := strings.TrimPrefix(path+"."+key.Value, ".")
		if first := seen[key.Value]; first > 0 {
			return &problem{key.Line, field, fmt.Sprintf("stands here twice; first on line %d of this document", first)}
		}
		seen[key.Value] = key.Line
		if p := checkNode(n.Content[i+1], field, depth+1); p != nil {
			return p
		}
	}
	return nil
}

// sub is the tree of the field at path, or of the nearest around it.
func (t *tree) sub(path string) *tree {
	node, _ := t.find(path)
	return &tree{root: node, offset: t.offset}
}

func (t *tree) line(path string) int {
	_, line := t.find(path)
	return line + t.offset
}

// find goes down as far as the path exists. The line is the one of the field's
// name, which is what people look for.
func (t *tree) find(path string) (*yaml.Node, int) {
	node, line := t.root, t.root.Line
	for _, step := range steps(path) {
		next, at := child(node, step)
		if next == nil {
			break
		}
		node, line = next, at
	}
	return node, line
}

// step is one part of a path: a field's name, or what stood in brackets.
type step struct {
	text    string
	bracket bool
}

// steps takes a path apart. Brackets hold an index, key="value" pairs that
// choose a list's element, or a map's key, which may hold dots.
func steps(path string) []step {
	var out []step
	for path != "" {
		switch path[0] {
		case '.':
			path = path[1:]
		case '[':
			inner, rest, found := strings.Cut(path[1:], "]")
			if !found {
				return out
			}
			out = append(out, step{inner, true})
			path = rest
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			out = append(out, step{path[:end], false})
			path = path[end:]
		}
	}
	return out
}

func child(n *yaml.Node, s step) (*yaml.Node, int) {
	if n.Kind == yaml.AliasNode {
		return nil, 0 // its fields stand elsewhere; the alias is what this object has
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == s.text {
				return n.Content[i+1], n.Content[i].Line
			}
		}
	case yaml.SequenceNode:
		if !s.bracket {
			return nil, 0
		}
		if i, err := strconv.Atoi(s.text); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i].Line
		}
		for _, item := range n.Content {
			if matches(item, s.text) {
				return item, item.Line
			}
		}
	}
	return nil, 0
}

// matches says whether the element has the key="value" pairs of a selector.
func matches(item *yaml.Node, selector string) bool {
	if item.Kind == yaml.ScalarNode {
		return strings.TrimPrefix(selector, "=") == strconv.Quote(item.Value)
	}
	if !strings.Contains(selector, "=") {
		return false
	}
	found := false
	for pair := range strings.SplitSeq(selector, ",") {
		name, value, _ := strings.Cut(pair, "=")
		got, _ := child(item, step{text: name})
		switch {
		case got == nil: // the server fills in what the manifest leaves out, as a port's protocol
		case got.Value == strings.Trim(value, `"`):
			found = true
		default:
			return false
		}
	}
	return found
}

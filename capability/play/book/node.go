package book

import (
	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

// Node carries the keywords of a play, a role entry, a block or a task, as they
// are written: nothing is templated before it is needed. A keyword that a node
// does not have comes from its parents.
type Node struct {
	Position source.Position
	Parent   *Node
	set      map[string]value.Value
}

// Own returns what the node itself says.
func (n *Node) Own(keyword string) (value.Value, bool) {
	v, ok := n.set[keyword]
	return v, ok
}

// Set gives the node a keyword.
func (n *Node) Set(keyword string, v value.Value) {
	if n.set == nil {
		n.set = map[string]value.Value{}
	}
	n.set[keyword] = v
}

// Get returns the value of the nearest node that has the keyword.
func (n *Node) Get(keyword string) (value.Value, bool) {
	for ; n != nil; n = n.Parent {
		if v, ok := n.set[keyword]; ok && v != nil {
			return v, true
		}
	}
	return nil, false
}

// All returns what the node and its parents say, the outermost first. It is for
// keywords that extend.
func (n *Node) All(keyword string) []value.Value {
	var out []value.Value
	if n == nil {
		return nil
	}
	if n.Parent != nil {
		out = n.Parent.All(keyword)
	}
	if v, ok := n.set[keyword]; ok && v != nil {
		out = append(out, v)
	}
	return out
}

// Name returns the node's own name, as written.
func (n *Node) Name() string {
	name, ok := n.set["name"]
	if !ok || name == nil {
		return ""
	}
	return value.Str(name)
}

// Inside says whether outer is this node or one of its parents.
func (n *Node) Inside(outer *Node) bool {
	for ; n != nil; n = n.Parent {
		if n == outer {
			return true
		}
	}
	return false
}

// Package source reads the YAML that Ansible reads: YAML 1.1 as PyYAML resolves
// it, with positions, !vault and !unsafe, and files that are vaults as a whole.
package source

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"garboard.dev/garboard/capability/play/value"
)

// Position is a place in a file; lines and columns begin at 1.
type Position struct {
	File         string
	Line, Column int
}

// Kind is what a node is.
type Kind int

// The kinds of nodes.
const (
	Null Kind = iota
	Scalar
	Sequence
	Mapping
)

// Node is a piece of a document with its place.
type Node struct {
	kind     Kind
	position Position
	scalar   value.Value
	keys     []value.Value
	children []*Node
}

// Kind says what the node is.
func (n *Node) Kind() Kind { return n.kind }

// Position is where the node begins.
func (n *Node) Position() Position { return n.position }

// Items gives a sequence's nodes.
func (n *Node) Items() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		if n.kind != Sequence {
			return
		}
		for _, c := range n.children {
			if !yield(c) {
				return
			}
		}
	}
}

// Fields gives a mapping's keys and nodes, in the order of the document. Where a
// key stands twice the last one counts.
func (n *Node) Fields() iter.Seq2[string, *Node] {
	return func(yield func(string, *Node) bool) {
		for i, k := range n.keys {
			if !yield(value.Str(k), n.children[i]) {
				return
			}
		}
	}
}

// Value returns what the node stands for.
func (n *Node) Value() value.Value {
	switch n.kind {
	case Sequence:
		out := &value.List{Items: make([]value.Value, len(n.children))}
		for i, c := range n.children {
			out.Items[i] = c.Value()
		}
		return out
	case Mapping:
		out := value.NewDict()
		for i, k := range n.keys {
			out.Set(k, n.children[i].Value())
		}
		return out
	}
	return n.scalar
}

// Options say how to read.
type Options struct {
	// Decrypt opens a vault: the whole file, or a !vault value of it. Without it
	// vaults are errors.
	Decrypt func(data []byte, file string) ([]byte, error)
	// Warn tells about keys that stand twice.
	Warn func(text string)
	// NoDuplicates makes them errors.
	NoDuplicates bool
	// Limit is how many nodes a document may have with its aliases resolved; 0 stands for ten million.
	Limit int
}

const (
	defaultLimit = 10_000_000
	maxDepth     = 500
)

// vaultMark begins a file that is a vault.
const vaultMark = "$ANSIBLE_VAULT;"

// Load reads the only document of a file. An empty file gives nil.
func Load(file string, data []byte, o Options) (*Node, error) {
	nodes, err := LoadAll(file, data, o)
	if err != nil || len(nodes) == 0 {
		return nil, err
	}
	if len(nodes) > 1 {
		return nil, &Error{Problem: "expected a single document in the stream, but found another document", Position: nodes[1].position, Text: string(data)}
	}
	return nodes[0], nil
}

// LoadAll reads all documents of a file.
func LoadAll(file string, data []byte, o Options) ([]*Node, error) {
	if strings.HasPrefix(string(data[:min(len(data), len(vaultMark))]), vaultMark) {
		if o.Decrypt == nil {
			return nil, value.Errorf("Attempting to decrypt but no vault secrets found")
		}
		plain, err := o.Decrypt(data, file)
		if err != nil {
			return nil, err
		}
		data = plain
	}
	r := &reader{file: file, options: o, left: o.Limit}
	if r.left == 0 {
		r.left = defaultLimit
	}
	return r.all(data)
}

type reader struct {
	file    string
	options Options
	left    int
}

func (r *reader) all(data []byte) ([]*Node, error) {
	decoder := yaml.NewDecoder(strings.NewReader(string(data)))
	var out []*Node
	for {
		var document yaml.Node
		err := decoder.Decode(&document)
		if err != nil && strings.HasSuffix(err.Error(), "EOF") {
			return out, nil
		}
		if err != nil {
			return nil, problem(err, r.file, string(data))
		}
		if len(document.Content) == 0 {
			continue
		}
		n, err := r.node(document.Content[0], 0)
		if err != nil {
			var e *Error
			if errors.As(err, &e) && e.Text == "" {
				e.Text = string(data)
			}
			return nil, err
		}
		out = append(out, n)
	}
}

func (r *reader) at(y *yaml.Node) Position { return Position{r.file, y.Line, y.Column} }

func (r *reader) fail(y *yaml.Node, format string, args ...any) error {
	return &Error{Problem: fmt.Sprintf(format, args...), Position: r.at(y)}
}

func (r *reader) node(y *yaml.Node, depth int) (*Node, error) {
	if r.left--; r.left < 0 || depth > maxDepth {
		return nil, r.fail(y, "the document is too large with its aliases resolved, or too deeply nested")
	}
	if y.Kind == yaml.AliasNode {
		return r.node(y.Alias, depth+1)
	}
	n := &Node{position: r.at(y)}
	switch y.Kind {
	case yaml.SequenceNode:
		n.kind = Sequence
		for _, c := range y.Content {
			child, err := r.node(c, depth+1)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, child)
		}
	case yaml.MappingNode:
		n.kind = Mapping
		if err := r.mapping(n, y, depth); err != nil {
			return nil, err
		}
	default:
		v, err := r.scalar(y)
		if err != nil {
			return nil, err
		}
		n.scalar = v
		if v != nil {
			n.kind = Scalar
		}
	}
	if y.Tag == "!unsafe" {
		return &Node{kind: Scalar, position: n.position, scalar: value.MarkUnsafe(n.Value())}, nil
	}
	return n, nil
}

func (r *reader) mapping(n *Node, y *yaml.Node, depth int) error {
	seen := value.NewDict()
	var merged []*Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, child := y.Content[i], y.Content[i+1]
		if key.Kind == yaml.ScalarNode && key.Value == "<<" && (key.Tag == "!!merge" || key.Tag == "!!str" && key.Style == 0) {
			m, err := r.merge(child, depth)
			if err != nil {
				return err
			}
			merged = append(merged, m...)
			continue
		}
		k, err := r.node(key, depth+1)
		if err != nil {
			return err
		}
		name := k.Value()
		if !value.Hashable(name) {
			return r.fail(key, "while constructing a mapping: found unhashable key")
		}
		c, err := r.node(child, depth+1)
		if err != nil {
			return err
		}
		if at, twice := seen.Get(name); twice {
			if r.options.NoDuplicates {
				return r.fail(key, "while constructing a mapping: found a duplicate dict key (%s).", value.Str(name))
			}
			if r.options.Warn != nil {
				r.options.Warn(fmt.Sprintf("While constructing a mapping from %s, line %d, column %d, found a duplicate dict key (%s). Using last defined value only.", r.file, y.Line, y.Column, value.Str(name)))
			}
			n.children[at.(int64)] = c
			continue
		}
		seen.Set(name, int64(len(n.keys)))
		n.keys, n.children = append(n.keys, name), append(n.children, c)
	}
	n.inherit(merged)
	return nil
}

// inherit puts the keys of merged mappings before the node's own, whose values
// count; of the merged ones the first counts.
func (n *Node) inherit(merged []*Node) {
	if len(merged) == 0 {
		return
	}
	at := value.NewDict()
	var keys []value.Value
	var children []*Node
	order := slices.Clone(merged)
	slices.Reverse(order)
	for _, m := range append(order, n) {
		for i, k := range m.keys {
			if old, ok := at.Get(k); ok {
				children[old.(int64)] = m.children[i]
				continue
			}
			at.Set(k, int64(len(keys)))
			keys, children = append(keys, k), append(children, m.children[i])
		}
	}
	n.keys, n.children = keys, children
}

// merge returns the mappings behind "<<".
func (r *reader) merge(y *yaml.Node, depth int) ([]*Node, error) {
	n, err := r.node(y, depth+1)
	if err != nil {
		return nil, err
	}
	switch n.kind {
	case Mapping:
		return []*Node{n}, nil
	case Sequence:
		return n.children, nil
	}
	return nil, r.fail(y, "while constructing a mapping: expected a mapping or list of mappings for merging, but found scalar")
}

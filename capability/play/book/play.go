package book

import (
	"garboard.dev/garboard/capability/play/value"
)

// Play is one play of a playbook.
type Play struct {
	Node
	Dir      string // of the playbook
	PreTasks []Item
	Roles    []*RoleUse
	Tasks    []Item
	Post     []Item
	Handlers []Item
	Prompts  []Prompt

	imported []*Role // by import_role
}

// Vars returns the play's own variables: what its imports gave it and its vars keyword.
func (p *Play) Vars() []value.Value { return p.All("vars") }

// RoleUse is one entry of a play's roles list, or a dependency.
type RoleUse struct {
	Node
	Role *Role
}

// Prompt is one entry of vars_prompt.
type Prompt struct {
	Name, Text, Encrypt, Salt string
	SaltSize                  int
	Default                   value.Value
	Private, Confirm, Unsafe  bool
}

package book

import (
	"garboard.dev/garboard/capability/play/value"
)

// Item is what a list of tasks holds: a *Task or a *Block.
type Item interface{ item() }

// Task is one task or handler.
type Task struct {
	Node
	Action string // as written
	FQCN   string // what it was resolved to
	// Args are the arguments as written, with those of the args keyword below them.
	// RawArgs is set instead where they are one template that gives a dictionary.
	Args    *value.Dict
	RawArgs string
	Loop    Loop
	Role    *Role  // the role that the task belongs to, nil outside roles
	Dir     string // of the file that the task stands in
	File    string
	Handler bool
	Listen  []string
	// Implicit tasks are not written anywhere: fact gathering, flushing, the end of a role.
	Implicit bool
	// Smart gathering of facts is for hosts without facts alone.
	Smart bool
	// Params are variables that an include or import gave the file which the task
	// stands in, the outermost first.
	Params []*value.Dict
}

func (*Task) item() {}

// Loop says what a task loops over.
type Loop struct {
	With  string // the lookup's name of with_X; "" for loop
	Terms value.Value
	Set   bool
}

// Block groups items.
type Block struct {
	Node
	Body, Rescue, Always []Item
	// Plain blocks group what an import, a role or a play brings; they are not written as blocks.
	Plain bool
	Role  *Role
	Loop  Loop // an extension of ours: loop and until on blocks
}

func (*Block) item() {}

// Walk calls visit for every task below items, in order.
func Walk(items []Item, visit func(*Task)) {
	for _, i := range items {
		switch i := i.(type) {
		case *Task:
			visit(i)
		case *Block:
			Walk(i.Body, visit)
			Walk(i.Rescue, visit)
			Walk(i.Always, visit)
		}
	}
}

// Title returns the task's name as output shows it: with the role before it, and
// the action where it has no name.
func (t *Task) Title(name string) string {
	if name == "" {
		name = t.FQCN
		if t.Action != "" {
			name = t.Action
		}
		if role, ok := t.IncludeName("name", "role"); ok && t.FQCN == "ansible.builtin.include_role" {
			name += " : " + value.Str(role)
		}
	}
	if t.Role != nil {
		return t.Role.Title() + " : " + name
	}
	return name
}

// Static says whether an action's file is read when the playbook is.
func Static(action string) bool {
	switch action {
	case "ansible.builtin.import_tasks", "ansible.builtin.import_role":
		return true
	}
	return false
}

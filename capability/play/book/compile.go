package book

import (
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// RoleBlock returns what a role runs: its dependencies, the check of its
// arguments, its tasks, and the mark that it is done.
func RoleBlock(r *Role, validate bool) *Block {
	b := &Block{Plain: true, Role: r, Node: Node{Position: r.Position, Parent: r.Node.Parent}}
	for _, d := range r.Dependencies {
		b.Body = append(b.Body, RoleBlock(d.Role, d.Role.Specs != nil))
	}
	if validate {
		if check := r.argumentCheck(); check != nil {
			b.Body = append(b.Body, check)
		}
	}
	b.Body = append(b.Body, r.Tasks...)
	b.Body = append(b.Body, r.meta("role_complete"))
	return b
}

func (r *Role) meta(what string) *Task {
	t := Meta(what, &r.Node)
	t.Role = r
	return t
}

// Meta returns a task that no file holds: `meta: what`.
func Meta(what string, parent *Node) *Task {
	args := value.NewDict()
	args.SetStr("_raw_params", what)
	t := &Task{Node: Node{Parent: parent}, Action: "meta", FQCN: "ansible.builtin.meta", Args: args, Implicit: true}
	if what == "flush_handlers" {
		t.Node.Parent = nil
		t.Set("tags", value.NewList("always"))
		return t
	}
	t.Set("tags", value.NewList("always"))
	return t
}

// argumentCheck returns the task that checks a role's arguments, nil where the
// role says nothing about the entry point.
func (r *Role) argumentCheck() *Task {
	entry := "main"
	if at := strings.LastIndex(r.Key, "\x00"); at >= 0 && r.Key[at+1:] != "" {
		entry = r.Key[at+1:]
	}
	spec, ok := r.Specs.Str(entry)
	d, isDict := spec.(*value.Dict)
	if !ok || !isDict {
		return nil
	}
	name := "Validating arguments against arg spec '" + entry + "'"
	if short, ok := d.Str("short_description"); ok {
		name += " - " + value.Str(short)
	}
	options, ok := d.Str("options")
	if !ok {
		options = value.NewDict()
	}
	context := value.NewDict()
	context.SetStr("type", "role")
	context.SetStr("name", r.Name)
	context.SetStr("argument_spec_name", entry)
	context.SetStr("path", r.Dir)
	args := value.NewDict()
	args.SetStr("argument_spec", options)
	args.SetStr("provided_arguments", r.Params)
	args.SetStr("validate_args_context", context)
	t := &Task{Node: Node{Position: r.Position, Parent: &r.Node}, Role: r, Action: "ansible.builtin.validate_argument_spec", FQCN: "ansible.builtin.validate_argument_spec", Args: args, Implicit: true}
	t.Set("name", name)
	t.Set("tags", value.NewList("always"))
	return t
}

// AllRoles returns the roles whose variables the whole play sees, in order: those
// of its roles keyword with their dependencies, and those that it imports.
func (p *Play) AllRoles() []*Role {
	var out []*Role
	for _, u := range p.Roles {
		out = append(append(out, u.Role.AllDependencies()...), u.Role)
	}
	for _, r := range p.imported {
		out = append(append(out, r.AllDependencies()...), r)
	}
	return out
}

// AllHandlers returns the play's handlers: those of its roles come first.
func (p *Play) AllHandlers() []*Task {
	var out []*Task
	add := func(t *Task) { out = append(out, t) }
	for _, r := range p.AllRoles() {
		Walk(r.Handlers, add)
	}
	Walk(p.Handlers, add)
	return out
}

// Compile returns all that a play runs, in order, without the gathering of facts:
// the tasks before roles, the roles, its tasks and those after, each group with a
// flush of handlers behind it.
func (p *Play) Compile() []Item {
	var out []Item
	flush := func() Item { return Meta("flush_handlers", &p.Node) }
	out = append(append(out, p.PreTasks...), flush())
	for _, u := range p.Roles {
		out = append(out, RoleBlock(u.Role, u.Role.Specs != nil))
	}
	out = append(append(out, p.Tasks...), flush())
	return append(append(out, p.Post...), flush())
}

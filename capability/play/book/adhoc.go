package book

import (
	"garboard.dev/garboard/capability/play/value"
)

// AdHoc returns a play of one task, as the command ansible runs it.
func AdHoc(pattern, dir, action, fqcn string, args *value.Dict, keywords map[string]value.Value) *Play {
	p := &Play{Dir: dir}
	p.Set("name", "Ansible Ad-Hoc")
	p.Set("hosts", pattern)
	p.Set("gather_facts", false)
	t := &Task{Node: Node{Parent: &p.Node}, Action: action, FQCN: fqcn, Args: args, Dir: dir}
	for k, v := range keywords {
		t.Set(k, v)
	}
	p.Tasks = []Item{t}
	return p
}

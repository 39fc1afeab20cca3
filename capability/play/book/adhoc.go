package book

import (
	"garboard.dev/garboard/capability/play/value"
)

// AdHoc returns a play of one task, as the command ansible runs it.
func (l *Loader) AdHoc(pattern, dir, action, fqcn string, args *value.Dict, keywords map[string]value.Value) (*Play, error) {
	p := &Play{Dir: dir}
	p.Set("name", "Ansible Ad-Hoc")
	p.Set("hosts", pattern)
	p.Set("gather_facts", false)
	t := &Task{Node: Node{Parent: &p.Node}, Action: action, FQCN: fqcn, Args: args, Dir: dir}
	for k, v := range keywords {
		t.Set(k, v)
	}
	if !Static(fqcn) {
		p.Tasks = []Item{t}
		return p, nil
	}
	var err error
	p.Tasks, err = l.static(t, place{node: &p.Node, dir: dir, play: p})
	return p, err
}

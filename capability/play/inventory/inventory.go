// Package inventory holds hosts and groups with their variables, as Ansible's
// inventories give them: INI and YAML files, folders of them, programs, lists of
// names, and the files in group_vars and host_vars.
package inventory

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"

	"garboard.dev/garboard/capability/play/value"
)

// Host is one machine.
type Host struct {
	Name   string
	Vars   *value.Dict
	groups map[string]bool // that name it themselves
	// Implicit is localhost where no inventory names it.
	Implicit bool
}

// Group is a named set of hosts and of other groups.
type Group struct {
	Name     string
	Vars     *value.Dict
	Hosts    []string
	Children []string
	Parents  []string
	hosts    map[string]bool
	children map[string]bool
}

// Inventory is all hosts and groups. It is safe for concurrent use.
type Inventory struct {
	mu        sync.RWMutex
	hosts     map[string]*Host
	order     []string
	groups    map[string]*Group
	names     []string // of groups, in the order in which they came
	files     []varsFolder
	fileCache map[string]*value.Dict
	Warnings  []string
	reader    Reader
	ancestors map[string][]string // groups of a host, by depth; forgotten when something changes
}

// Reader gives the inventory its files.
type Reader struct {
	ReadFile func(path string) ([]byte, error)
	ReadDir  func(path string) (names []string, isDir bool, err error)
	IsDir    func(path string) bool
	IsFile   func(path string) bool
	// Executable says whether a file is a program that prints an inventory.
	Executable func(path string) bool
	// Run runs such a program with arguments and returns what it prints.
	Run func(path string, args ...string) ([]byte, error)
	// Load reads a file of variables, which may be a vault.
	Load func(path string) (value.Value, error)
	// Python is the controller's interpreter, which implicit hosts use.
	Python string
	// Parse reads YAML text.
	Parse func(path string, data []byte) (value.Value, error)
}

// New returns an inventory without hosts, with the groups all and ungrouped.
func New(r Reader) *Inventory {
	i := &Inventory{hosts: map[string]*Host{}, groups: map[string]*Group{}, fileCache: map[string]*value.Dict{}, reader: r}
	i.group("all")
	i.group("ungrouped")
	i.child("all", "ungrouped")
	return i
}

func (i *Inventory) group(name string) *Group {
	if g, ok := i.groups[name]; ok {
		return g
	}
	g := &Group{Name: name, Vars: value.NewDict(), hosts: map[string]bool{}, children: map[string]bool{}}
	i.groups[name] = g
	i.names = append(i.names, name)
	i.ancestors = nil
	return g
}

func (i *Inventory) host(name string) *Host {
	if h, ok := i.hosts[name]; ok {
		return h
	}
	h := &Host{Name: name, Vars: value.NewDict(), groups: map[string]bool{}}
	i.hosts[name] = h
	i.order = append(i.order, name)
	return h
}

// member puts a host into a group.
func (i *Inventory) member(group, host string) {
	g, h := i.group(group), i.host(host)
	if !g.hosts[host] {
		g.hosts[host] = true
		g.Hosts = append(g.Hosts, host)
		h.groups[group] = true
		delete(i.ancestors, host)
	}
}

// child makes a group part of another one; a circle is refused.
func (i *Inventory) child(parent, child string) bool {
	p, c := i.group(parent), i.group(child)
	if p == c || i.below(child, parent) {
		return false
	}
	if !p.children[child] {
		p.children[child] = true
		p.Children = append(p.Children, child)
		c.Parents = append(c.Parents, parent)
		i.ancestors = nil
	}
	return true
}

// below says whether name is inside of group.
func (i *Inventory) below(group, name string) bool {
	for _, c := range i.groups[group].Children {
		if c == name || i.below(c, name) {
			return true
		}
	}
	return false
}

// reconcile puts what belongs nowhere into all and ungrouped.
func (i *Inventory) reconcile() {
	for _, name := range i.names {
		if g := i.groups[name]; name != "all" && len(g.Parents) == 0 {
			i.child("all", name)
		}
	}
	for _, name := range i.order {
		h := i.hosts[name]
		groups := 0
		for g := range h.groups {
			if g != "all" && g != "ungrouped" {
				groups++
			}
		}
		switch {
		case groups == 0 && !h.groups["ungrouped"] && !h.Implicit:
			i.member("ungrouped", name)
		case groups > 0 && h.groups["ungrouped"]:
			i.leave("ungrouped", name)
		}
	}
}

func (i *Inventory) leave(group, host string) {
	g := i.groups[group]
	delete(g.hosts, host)
	delete(i.hosts[host].groups, group)
	g.Hosts = slices.DeleteFunc(g.Hosts, func(h string) bool { return h == host })
	delete(i.ancestors, host)
}

// depth is how far below all a group stands.
func (i *Inventory) depth(name string, seen int) int {
	if seen > len(i.groups) {
		return seen
	}
	deepest := 0
	for _, p := range i.groups[name].Parents {
		deepest = max(deepest, i.depth(p, seen+1)+1)
	}
	return deepest
}

func (g *Group) priority() int64 {
	if v, ok := g.Vars.Str("ansible_group_priority"); ok {
		if n, ok := v.(int64); ok {
			return n
		}
	}
	return 1
}

// GroupsOf returns the groups of a host, in the order in which their variables
// count: the least specific first.
func (i *Inventory) GroupsOf(host string) []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.groupsOf(host)
}

func (i *Inventory) groupsOf(host string) []string {
	if found, ok := i.ancestors[host]; ok {
		return found
	}
	h, ok := i.hosts[host]
	if !ok {
		return nil
	}
	all := map[string]bool{}
	var climb func(name string)
	climb = func(name string) {
		if !all[name] {
			all[name] = true
			for _, p := range i.groups[name].Parents {
				climb(p)
			}
		}
	}
	for g := range h.groups {
		climb(g)
	}
	if !h.Implicit || len(h.groups) > 0 {
		all["all"] = true
	}
	names := slices.Collect(maps.Keys(all))
	depths := map[string]int{}
	for _, n := range names {
		depths[n] = i.depth(n, 0)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(depths[a], depths[b]), cmp.Compare(i.groups[a].priority(), i.groups[b].priority()), cmp.Compare(a, b))
	})
	if i.ancestors == nil {
		i.ancestors = map[string][]string{}
	}
	i.ancestors[host] = names
	return names
}

// Hosts returns the names of all hosts in the inventory's order.
func (i *Inventory) Hosts() []string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return slices.DeleteFunc(slices.Clone(i.order), func(n string) bool { return i.hosts[n].Implicit })
}

// Has says whether there is a host of that name.
func (i *Inventory) Has(host string) bool {
	i.mu.RLock()
	defer i.mu.RUnlock()
	_, ok := i.hosts[host]
	return ok
}

// Group returns a group as it is now.
func (i *Inventory) Group(name string) (Group, bool) {
	i.mu.RLock()
	defer i.mu.RUnlock()
	g, ok := i.groups[name]
	if !ok {
		return Group{}, false
	}
	return Group{Name: g.Name, Vars: g.Vars, Hosts: slices.Clone(g.Hosts), Children: slices.Clone(g.Children), Parents: slices.Clone(g.Parents)}, true
}

// Groups returns the names of all groups.
func (i *Inventory) Groups() []string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return slices.Clone(i.names)
}

// Members returns the hosts of a group and of the groups in it.
func (i *Inventory) Members(group string) []string {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.members(group)
}

func (i *Inventory) members(group string) []string {
	if group == "all" {
		return slices.DeleteFunc(slices.Clone(i.order), func(n string) bool { return i.hosts[n].Implicit })
	}
	seen := map[string]bool{}
	var out []string
	var collect func(name string, depth int)
	collect = func(name string, depth int) {
		g, ok := i.groups[name]
		if !ok || depth > len(i.groups) {
			return
		}
		for _, h := range g.Hosts {
			if !seen[h] {
				seen[h] = true
				out = append(out, h)
			}
		}
		for _, c := range g.Children {
			collect(c, depth+1)
		}
	}
	collect(group, 0)
	return out
}

// Add puts a host into the inventory at run time, as add_host does, and says
// whether anything is new.
func (i *Inventory) Add(host string, groups []string, vars *value.Dict) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, had := i.hosts[host]
	h := i.host(host)
	changed := !had || h.Implicit
	h.Implicit = false
	for k, v := range vars.All() {
		if old, ok := h.Vars.Get(k); !ok || !value.Equal(old, v) {
			changed = true
		}
		h.Vars.Set(k, v)
	}
	for _, g := range groups {
		if !i.group(g).hosts[host] {
			changed = true
		}
		i.member(g, host)
	}
	i.reconcile()
	return changed
}

// AddToGroup puts a host into a group at run time, as group_by does, and says
// whether anything is new. The group becomes part of parents.
func (i *Inventory) AddToGroup(host, group string, parents []string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	_, had := i.groups[group]
	changed := !had || !i.group(group).hosts[host]
	i.member(group, host)
	for _, p := range parents {
		if !i.group(p).children[group] {
			changed = i.child(p, group) || changed
		}
	}
	i.reconcile()
	return changed
}

// Own returns the variables of a host's own entry, without those of its groups.
func (i *Inventory) Own(host string) *value.Dict {
	i.mu.Lock()
	defer i.mu.Unlock()
	if h, ok := i.hosts[host]; ok {
		return h.Vars.Copy()
	}
	return value.NewDict()
}

// Implicit says whether a host is one that no inventory names.
func (i *Inventory) Implicit(host string) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	h, ok := i.hosts[host]
	return ok && h.Implicit
}

// Localhost makes sure that there is a host of that name, which reaches this
// machine, without its being part of all.
func (i *Inventory) Localhost(name string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.hosts[name]; ok {
		return
	}
	h := i.host(name)
	h.Implicit = true
	if IsLocal(name) {
		h.Vars.SetStr("ansible_connection", "local")
		h.Vars.SetStr("ansible_python_interpreter", i.reader.Python)
	}
}

// IsLocal says whether a name means this machine.
func IsLocal(name string) bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, strings.ToLower(name))
}

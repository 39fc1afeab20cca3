package run

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/template"
	"garboard.dev/garboard/capability/play/value"
)

// vars are the variables of one host and task, searched from the most specific
// layer to the least ("Understanding variable precedence" in Ansible's documentation).
type vars struct {
	run    *Runner
	play   *playRun
	host   string
	state  *hostState
	task   *book.Task
	layers []*value.Dict // the most specific first
	// factsAt is the layer before which the host's facts stand.
	factsAt int
}

func dictOf(v value.Value) *value.Dict {
	d, _ := v.(*value.Dict)
	return d
}

// newVars collects the layers for a task; task may be nil.
func (p *playRun) newVars(host string, task *book.Task) (*vars, error) {
	state := p.run.state(host)
	inventoryLayers, err := p.run.inventoryLayers(host, state)
	if err != nil {
		return nil, err
	}
	v := &vars{run: p.run, play: p, host: host, state: state, task: task}
	add := v.add
	add(p.run.ExtraVars)
	if task != nil {
		for _, params := range slices.Backward(task.Params) {
			add(params)
		}
		if r := task.Role; r != nil {
			add(r.Params)
			for _, parent := range slices.Backward(r.Parents) {
				add(parent.Params)
			}
		}
	}
	add(state.set.Load())
	add(state.included.Load())
	if task != nil {
		v.taskLayers()
	}
	for _, r := range slices.Backward(p.publicRoles()) {
		add(r.Vars)
	}
	files, err := p.varsFiles(v)
	if err != nil {
		return nil, err
	}
	for _, d := range slices.Backward(files) {
		add(d)
	}
	add(p.prompted)
	for _, d := range slices.Backward(p.play.Vars()) {
		add(dictOf(d))
	}
	v.factsAt = len(v.layers)
	for _, d := range slices.Backward(inventoryLayers) {
		add(d)
	}
	v.defaultLayers()
	return v, nil
}

func (v *vars) add(d *value.Dict) {
	if d != nil && d.Len() > 0 {
		v.layers = append(v.layers, d)
	}
}

// defaultLayers adds what roles say for the case that nobody else does.
func (v *vars) defaultLayers() {
	if v.task != nil && v.task.Role != nil {
		v.add(v.task.Role.Defaults)
		for _, parent := range slices.Backward(v.task.Role.Parents) {
			v.add(parent.Defaults)
		}
		for _, d := range slices.Backward(v.task.Role.AllDependencies()) {
			v.add(d.Defaults)
		}
	}
	for _, r := range slices.Backward(v.play.publicRoles()) {
		v.add(r.Defaults)
	}
}

// publicRoles are the roles whose variables every task of the play sees.
func (p *playRun) publicRoles() []*book.Role {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.roles
}

func (r *Runner) inventoryLayers(host string, s *hostState) ([]*value.Dict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loaded {
		layers, err := r.Inventory.Vars(host)
		if err != nil {
			return nil, err
		}
		s.layers, s.loaded = layers, true
	}
	return s.layers, nil
}

// forgetInventory makes hosts read their inventory variables again.
func (r *Runner) forgetInventory() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.states {
		s.mu.Lock()
		s.loaded = false
		s.mu.Unlock()
	}
}

// varsFiles reads the play's vars_files. Names with variables are looked at for
// each host; a file whose name is not known yet is passed over.
func (p *playRun) varsFiles(v *vars) ([]*value.Dict, error) {
	raw, ok := p.play.Get("vars_files")
	if !ok {
		return nil, nil
	}
	entries := []value.Value{raw}
	if l, isList := raw.(*value.List); isList {
		entries = l.Items
	}
	scope := &template.Scope{Vars: &vars{run: p.run, play: p, host: v.host, state: v.state, layers: p.earlyLayers(v)}, BaseDir: p.play.Dir, Dirs: []string{p.play.Dir}}
	var out []*value.Dict
	for _, entry := range entries {
		d, err := p.varsFile(entry, scope)
		if err != nil {
			return nil, err
		}
		if d != nil {
			out = append(out, d)
		}
	}
	return out, nil
}

// earlyLayers are the variables that names in vars_files may use.
func (p *playRun) earlyLayers(v *vars) []*value.Dict {
	layers := append(slices.Clone(v.layers), p.prompted)
	for _, d := range slices.Backward(p.play.Vars()) {
		layers = append(layers, dictOf(d))
	}
	layers = append(layers, v.state.facts.Load())
	for _, d := range slices.Backward(v.state.layers) {
		layers = append(layers, d)
	}
	return slices.DeleteFunc(layers, func(d *value.Dict) bool { return d == nil })
}

// varsFile reads one entry: a file, or the first that exists of several.
func (p *playRun) varsFile(entry value.Value, scope *template.Scope) (*value.Dict, error) {
	names := []value.Value{entry}
	if l, ok := entry.(*value.List); ok {
		names = l.Items
	}
	var missing []string
	for _, n := range names {
		name, err := p.run.Engine.Text(p.ctx, n, scope)
		if template.IsUndefined(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		path := name
		if !filepath.IsAbs(path) {
			path = p.run.first([]string{filepath.Join(p.play.Dir, name), filepath.Join(p.play.Dir, "vars", name)})
		}
		if path != "" && p.run.Files.IsFile(path) {
			return p.run.Files.Vars(path)
		}
		missing = append(missing, name)
	}
	return nil, &book.Error{Message: "vars file " + strings.Join(missing, ", ") + " was not found", Position: p.play.Position}
}

func (r *Runner) first(paths []string) string {
	for _, path := range paths {
		if r.Files.IsFile(path) {
			return path
		}
	}
	return ""
}

// taskLayers adds the variables of the task, the blocks around it, and its role.
func (v *vars) taskLayers() {
	add := v.add
	for n := &v.task.Node; n != nil && n != &v.play.play.Node; n = n.Parent {
		if own, ok := n.Own("vars"); ok {
			add(dictOf(own))
		}
	}
	if r := v.task.Role; r != nil {
		add(r.Vars)
		for _, d := range slices.Backward(r.AllDependencies()) {
			add(d.Vars)
		}
		for _, parent := range slices.Backward(r.Parents) {
			add(parent.Vars)
		}
	}
}

// Lookup returns a variable as it is written.
func (v *vars) Lookup(name string) (value.Value, bool) {
	if m, ok := v.magicValue(name); ok {
		return m, true
	}
	for i, layer := range v.layers {
		if i == v.factsAt {
			if f, ok := v.fact(name); ok {
				return f, true
			}
		}
		found, ok := layer.Str(name)
		if !ok {
			continue
		}
		if d, isDict := found.(*value.Dict); isDict && v.run.MergeHashes {
			return v.merged(name, d, v.layers[i+1:]), true
		}
		return found, true
	}
	if v.factsAt >= len(v.layers) {
		return v.fact(name)
	}
	return nil, false
}

func (v *vars) fact(name string) (value.Value, bool) {
	if !v.run.Options.InjectFacts {
		return nil, false
	}
	f, ok := v.state.facts.Load().Str(name)
	return f, ok && injected(name)
}

// merged puts dictionaries of one name together, as hash_behaviour=merge wants it.
func (v *vars) merged(name string, top *value.Dict, rest []*value.Dict) value.Value {
	out := top.Copy()
	for _, layer := range rest {
		found, _ := layer.Str(name)
		d, ok := found.(*value.Dict)
		if !ok {
			continue
		}
		out = mergeInto(d, out)
	}
	return out
}

func mergeInto(low, high *value.Dict) *value.Dict {
	out := low.Copy()
	for k, h := range high.All() {
		l, _ := out.Get(k)
		ld, lok := l.(*value.Dict)
		hd, hok := h.(*value.Dict)
		if lok && hok {
			out.Set(k, mergeInto(ld, hd))
			continue
		}
		out.Set(k, h)
	}
	return out
}

// Names returns the names of all variables.
func (v *vars) Names() []string {
	seen := map[string]bool{}
	for _, layer := range v.layers {
		for k := range layer.All() {
			seen[value.Str(k)] = true
		}
	}
	for k := range v.state.facts.Load().All() {
		if name := value.Str(k); v.run.Options.InjectFacts && injected(name) {
			seen[name] = true
		}
	}
	for _, name := range magicNames {
		if _, ok := v.magicValue(name); ok {
			seen[name] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Get is Lookup for callbacks and connections.
func (v *vars) Get(name string) (value.Value, bool) { return v.Lookup(name) }

var magicNames = []string{
	"ansible_check_mode", "ansible_config_file", "ansible_dependent_role_names", "ansible_diff_mode", "ansible_facts", "ansible_forks",
	"ansible_inventory_sources", "ansible_limit", "ansible_parent_role_names", "ansible_parent_role_paths", "ansible_play_batch",
	"ansible_play_hosts", "ansible_play_hosts_all", "ansible_play_name", "ansible_play_role_names", "ansible_playbook_python",
	"ansible_role_name", "ansible_role_names", "ansible_run_tags", "ansible_search_path", "ansible_skip_tags", "ansible_verbosity",
	"ansible_version", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file", "inventory_hostname",
	"inventory_hostname_short", "omit", "play_hosts", "playbook_dir", "role_name", "role_names", "role_path",
}

// magicValue returns a variable that the run itself gives.
func (v *vars) magicValue(name string) (value.Value, bool) {
	switch name {
	case "inventory_hostname":
		return v.host, true
	case "inventory_hostname_short":
		short, _, _ := strings.Cut(v.host, ".")
		return short, true
	case "group_names":
		names := slices.DeleteFunc(slices.Clone(v.run.Inventory.GroupsOf(v.host)), func(g string) bool { return g == "all" })
		slices.Sort(names)
		return value.FromGo(names), true
	case "groups":
		return v.play.groups(), true
	case "hostvars":
		return &hostVars{play: v.play}, true
	case "ansible_facts":
		return v.state.ansibleFacts(), true
	case "ansible_check_mode":
		return v.run.Check, true
	case "ansible_diff_mode":
		return v.run.Diff, true
	case "ansible_verbosity":
		return int64(v.run.Verbosity), true
	case "ansible_forks":
		return int64(v.run.Forks), true
	case "playbook_dir":
		return v.play.play.Dir, true
	case "ansible_play_name":
		return v.play.name, true
	case "ansible_version":
		return version(), true
	}
	if m, ok := v.playValue(name); ok {
		return m, true
	}
	return v.roleValue(name)
}

func (v *vars) playValue(name string) (value.Value, bool) {
	switch name {
	case "ansible_play_hosts", "play_hosts":
		return value.FromGo(v.play.alive()), true
	case "ansible_play_hosts_all":
		return value.FromGo(v.play.all), true
	case "ansible_play_batch":
		return value.FromGo(v.play.batch), true
	case "ansible_run_tags":
		return value.FromGo(v.run.Tags.Only), true
	case "ansible_skip_tags":
		return value.FromGo(v.run.Tags.Skip), true
	case "ansible_limit":
		if v.run.Limit == "" {
			return nil, false
		}
		return v.run.Limit, true
	case "omit":
		return v.run.Engine.Omit, true
	case "ansible_search_path":
		return listOf(v.play.searchPath(v.task)), true
	case "ansible_playbook_python", "inventory_dir", "inventory_file", "ansible_inventory_sources", "ansible_config_file":
		found, ok := v.run.Settings[name]
		return found, ok
	}
	return nil, false
}

func (v *vars) roleValue(name string) (value.Value, bool) {
	switch name {
	case "ansible_play_role_names", "role_names":
		return v.play.roleNames(true, false), true
	case "ansible_dependent_role_names":
		return v.play.roleNames(false, true), true
	case "ansible_role_names":
		return v.play.roleNames(true, true), true
	}
	if v.task == nil || v.task.Role == nil {
		return nil, false
	}
	r := v.task.Role
	switch name {
	case "role_path":
		return r.Dir, true
	case "role_name":
		return r.Name, true
	case "ansible_role_name":
		return r.Title(), true
	case "ansible_parent_role_names", "ansible_parent_role_paths":
		out := value.NewList()
		for _, p := range slices.Backward(r.Parents) {
			if name == "ansible_parent_role_paths" {
				out.Items = append(out.Items, p.Dir)
			} else {
				out.Items = append(out.Items, p.Title())
			}
		}
		return out, len(out.Items) > 0
	}
	return nil, false
}

// roleNames are the names of the play's roles, of those that they depend on, or of both.
func (p *playRun) roleNames(own, dependencies bool) value.Value {
	names := value.NewList()
	add := func(r *book.Role) {
		if title := r.Title(); !slices.Contains(names.Items, value.Value(title)) {
			names.Items = append(names.Items, title)
		}
	}
	for _, u := range p.play.Roles {
		if dependencies {
			for _, d := range u.Role.AllDependencies() {
				add(d)
			}
		}
		if own {
			add(u.Role)
		}
	}
	return names
}

func version() value.Value {
	return value.DictOf("full", "2.14.18", "major", int64(2), "minor", int64(14), "revision", int64(18), "string", "2.14.18")
}

// groups is the variable groups.
func (p *playRun) groups() value.Value {
	out := value.NewDict()
	for _, g := range p.run.Inventory.Groups() {
		out.SetStr(g, value.FromGo(p.run.Inventory.Members(g)))
	}
	return out
}

// hostVars is the variable hostvars: the variables of every host, when they are asked for.
type hostVars struct{ play *playRun }

// Get returns a host's variables.
func (h *hostVars) Get(key value.Value) (value.Value, bool) {
	name := value.Str(key)
	if !h.play.run.Inventory.Has(name) {
		return nil, false
	}
	return &oneHostVars{play: h.play, host: name}, true
}

// Keys returns the names of all hosts.
func (h *hostVars) Keys() []value.Value {
	var out []value.Value
	for _, n := range h.play.run.Inventory.Hosts() {
		out = append(out, n)
	}
	return out
}

// oneHostVars are the variables of one host, templated when they are asked for.
type oneHostVars struct {
	play *playRun
	host string
}

// Get returns a variable.
func (o *oneHostVars) Get(key value.Value) (value.Value, bool) {
	v, err := o.play.newVars(o.host, nil)
	if err != nil {
		return nil, false
	}
	raw, ok := v.Lookup(value.Str(key))
	if !ok {
		return nil, false
	}
	out, err := o.play.run.Engine.Value(o.play.ctx, raw, o.play.scopeOf(v, nil))
	if err != nil {
		return raw, true
	}
	return out, true
}

// Keys returns the names of a host's variables.
func (o *oneHostVars) Keys() []value.Value {
	v, err := o.play.newVars(o.host, nil)
	if err != nil {
		return nil
	}
	var out []value.Value
	for _, n := range v.Names() {
		if n != "hostvars" {
			out = append(out, n)
		}
	}
	return out
}

package run

import (
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/book"
	"garboard.dev/garboard/capability/play/event"
	"garboard.dev/garboard/capability/play/value"
)

// include is a file or role that a host wants to run at this place.
type include struct {
	path   string // of a file of tasks
	role   string
	files  book.RoleFiles
	vars   *value.Dict
	label  string // the item, in a loop
	public bool
	dupes  bool
	check  bool // rolespec_validate
}

func isInclude(fqcn string) bool {
	switch fqcn {
	case "ansible.builtin.include_tasks", "ansible.builtin.include_role", "ansible.builtin.include":
		return true
	}
	return false
}

// include finds what an include means for this host and item.
func (t *taskRun) include(out *taskResult) *value.Dict {
	inc := include{vars: value.NewDict(), check: true}
	if own, ok := t.task.Own("vars"); ok {
		if d := dictOf(own); d != nil {
			for k, v := range d.All() {
				inc.vars.Set(k, v)
			}
		}
	}
	for _, l := range t.scope.Locals {
		for k, v := range l.All() {
			inc.vars.Set(k, v)
		}
	}
	d := value.NewDict()
	var err error
	if t.task.FQCN == "ansible.builtin.include_role" {
		err = t.includeRole(&inc)
	} else {
		err = t.includeTasks(&inc, d)
	}
	if err != nil {
		return t.failed(err)
	}
	out.includes = append(out.includes, inc)
	d.SetStr("include_args", inc.vars)
	return d
}

func (t *taskRun) includeTasks(inc *include, d *value.Dict) error {
	raw, ok := t.task.IncludeName("_raw_params", "file")
	if !ok || raw == nil {
		return value.Errorf("No file specified for %s%s", t.task.Action, t.p.run.where(t.task))
	}
	for k, v := range t.task.Args.All() {
		switch name := value.Str(k); name {
		case "_raw_params", "file", "apply":
		default:
			templated, err := t.p.run.Engine.Value(t.ctx, v, t.scope)
			if err != nil {
				return err
			}
			inc.vars.Set(k, templated)
		}
	}
	v, err := t.p.run.Engine.Value(t.ctx, raw, t.scope)
	if err != nil {
		return err
	}
	name := value.Str(v)
	if t.task.FQCN == "ansible.builtin.include" {
		if words, err := book.SplitWords(name); err == nil && len(words) > 1 {
			args, err := book.ParseArguments("include", name, t.task.Position)
			if err != nil {
				return err
			}
			for k, v := range args.All() {
				if value.Str(k) != "_raw_params" {
					inc.vars.Set(k, v)
				}
			}
			raw, _ := args.Str("_raw_params")
			name = value.Str(raw)
		}
	}
	path := t.p.run.Loader.FindTasks(name, t.task)
	if path == "" {
		return value.Errorf("Could not find or access '%s' on the Ansible Controller.", filepath.Join(t.task.Dir, name))
	}
	inc.path = path
	d.SetStr("include", name)
	return nil
}

func (t *taskRun) includeRole(inc *include) error {
	if err := t.task.CheckRoleOptions(); err != nil {
		return err
	}
	get := func(names ...string) (value.Value, error) {
		raw, ok := t.task.IncludeName(names...)
		if !ok {
			return nil, nil
		}
		return t.p.run.Engine.Value(t.ctx, raw, t.scope)
	}
	name, err := get("name", "role")
	if err != nil {
		return err
	}
	inc.role = value.Str(name)
	for option, into := range map[string]*string{"tasks_from": &inc.files.Tasks, "vars_from": &inc.files.Vars, "defaults_from": &inc.files.Defaults, "handlers_from": &inc.files.Handlers} {
		v, err := get(option)
		if err != nil {
			return err
		}
		if v != nil && value.Str(v) != t.p.run.Engine.Omit {
			*into = strings.TrimSpace(value.Str(v))
		}
	}
	inc.dupes = true
	for option, into := range map[string]*bool{"public": &inc.public, "allow_duplicates": &inc.dupes, "rolespec_validate": &inc.check} {
		v, err := get(option)
		if err != nil {
			return err
		}
		if v != nil {
			*into = book.Boolean(v)
		}
	}
	return nil
}

// included is one include with the hosts that want the very same.
type included struct {
	include
	task  *book.Task
	hosts []string
}

// same says whether two includes bring the same tasks with the same variables.
func (i *included) same(task *book.Task, other include) bool {
	return i.task == task && i.path == other.path && i.role == other.role && i.files == other.files && value.Equal(i.vars, other.vars)
}

// gather puts together what several hosts include at one place.
func gather(results []*taskResult) []*included {
	var out []*included
	for _, r := range results {
		for _, inc := range r.includes {
			at := slices.IndexFunc(out, func(i *included) bool { return i.same(r.task, inc) && !slices.Contains(i.hosts, r.host) })
			if at < 0 {
				out = append(out, &included{include: inc, task: r.task})
				at = len(out) - 1
			}
			out[at].hosts = append(out[at].hosts, r.host)
		}
	}
	return out
}

// bring reads what hosts include and puts it before what they run next.
func (p *playRun) bring(results []*taskResult) {
	list := gather(results)
	if len(list) == 0 {
		return
	}
	blocks := map[string][]*book.Block{}
	orders := map[string][]int{}
	failedHosts := map[string]error{}
	for order, inc := range list {
		block, err := p.load(inc)
		if err != nil {
			for _, h := range inc.hosts {
				failedHosts[h] = err
			}
			continue
		}
		for _, h := range inc.hosts {
			blocks[h] = append(blocks[h], block)
			orders[h] = append(orders[h], order)
		}
	}
	for _, r := range results {
		if err, ok := failedHosts[r.host]; ok {
			p.includeFailed(r, err)
			continue
		}
		if len(blocks[r.host]) > 0 {
			p.run.state(r.host).cursor.include(blocks[r.host], orders[r.host])
		}
	}
}

// includeFailed fails a host whose include cannot be read.
func (p *playRun) includeFailed(r *taskResult, err error) {
	d := value.DictOf("reason", message(err)+p.run.excerptOf(err))
	if r.dict != nil {
		if v, ok := r.dict.Str("include"); ok {
			d.SetStr("include", v)
		}
	}
	r.dict = d
	d.SetStr("failed", true)
	p.fail(r)
}

func (p *playRun) load(inc *included) (*book.Block, error) {
	if inc.role != "" {
		return p.loadRole(inc)
	}
	params := append(slices.Clone(inc.task.Params), inc.vars)
	block, err := p.run.Loader.Tasks(inc.path, inc.task, params)
	if err != nil {
		return nil, err
	}
	for _, h := range inc.hosts {
		p.count(h, func(c *event.Counts) { c.Ok++ })
	}
	p.run.emit(event.Event{Kind: event.Included, Play: p.play, Task: inc.task, Name: inc.path, Hosts: inc.hosts, Label: inc.label, Result: inc.vars})
	return block, p.apply(block, inc.task)
}

// apply gives an include's block the keywords of its apply option.
func (p *playRun) apply(block *book.Block, task *book.Task) error {
	raw, ok := task.Args.Str("apply")
	d := dictOf(raw)
	if !ok || d == nil {
		return nil
	}
	for k, v := range d.All() {
		block.Set(value.Str(k), v)
	}
	return nil
}

func (p *playRun) loadRole(inc *included) (*book.Block, error) {
	params := append(slices.Clone(inc.task.Params), inc.vars)
	role, err := p.run.Loader.Role(book.RoleWish{
		Name: inc.role, Node: inc.task.Node.Parent, Include: params, Files: inc.files, Play: p.play, Parent: inc.task.Role,
		Position: inc.task.Position, Dir: inc.task.Dir, Strict: true,
	})
	if err != nil {
		return nil, err
	}
	role.AllowDuplicates = role.AllowDuplicates || inc.dupes
	role.Public = inc.public
	p.mu.Lock()
	if inc.public {
		p.roles = append(slices.Clone(p.roles), append(role.AllDependencies(), role)...)
	}
	for _, r := range append(role.AllDependencies(), role) {
		book.Walk(r.Handlers, func(t *book.Task) { p.handlers = append(p.handlers, t) })
	}
	p.mu.Unlock()
	block := book.RoleBlock(role, role.Specs != nil && inc.check)
	return block, p.apply(block, inc.task)
}

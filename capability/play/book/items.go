package book

import (
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

// place is where items are read: what they inherit from, and which files names
// in them are looked for in.
type place struct {
	node     *Node // the parent of what is read
	dir      string
	file     string
	play     *Play
	role     *Role
	handlers bool
	params   []*value.Dict // of the includes around it
	known    []*value.Dict // variables that static imports may use in file names
	imports  []string      // files that are being imported, against endless rounds
}

// Tasks reads a file of tasks for an include at run time.
func (l *Loader) Tasks(path string, include *Task, params []*value.Dict) (*Block, error) {
	at := place{dir: filepath.Dir(path), file: path, role: include.Role, handlers: include.Handler, params: params}
	block := &Block{Plain: true, Role: include.Role, Node: Node{Position: include.Position, Parent: include.Node.Parent}}
	at.node = &block.Node
	at.known = append(at.known, params...)
	items, err := l.file(path, at)
	block.Body = items
	return block, err
}

func (l *Loader) file(path string, at place) ([]Item, error) {
	doc, err := l.Read(path)
	if err != nil {
		return nil, err
	}
	if doc == nil || doc.Kind() == source.Null {
		return nil, nil
	}
	if doc.Kind() != source.Sequence {
		return nil, wrong(doc.Position(), "included task files must contain a list of tasks")
	}
	return l.items(doc, at)
}

func (l *Loader) items(list *source.Node, at place) ([]Item, error) {
	if list.Kind() == source.Null {
		return nil, nil
	}
	if list.Kind() != source.Sequence {
		return nil, wrong(list.Position(), "A malformed block was encountered while loading tasks: %s should be a list or None but was <class '%s'>", value.Str(list.Value()), typeOf(list))
	}
	var out []Item
	for n := range list.Items() {
		if n.Kind() == source.Null {
			continue
		}
		item, err := l.itemOf(n, at)
		if err != nil {
			return nil, err
		}
		out = append(out, item...)
	}
	return out, nil
}

func (l *Loader) itemOf(n *source.Node, at place) ([]Item, error) {
	if n.Kind() != source.Mapping {
		return nil, wrong(n.Position(), "A malformed block was encountered while loading tasks: %s should be a dict but was %s", value.Str(n.Value()), "<class '"+typeOf(n)+"'>")
	}
	for key := range n.Fields() {
		if key == "block" || key == "rescue" || key == "always" {
			b, err := l.block(n, at)
			return []Item{b}, err
		}
	}
	t, err := l.task(n, at)
	if err != nil {
		return nil, err
	}
	if Static(t.FQCN) {
		return l.static(t, at)
	}
	return []Item{t}, nil
}

func (l *Loader) block(n *source.Node, at place) (*Block, error) {
	b := &Block{Node: Node{Position: n.Position(), Parent: at.node}, Role: at.role}
	at.node = &b.Node
	lists := map[string]*source.Node{}
	for key, child := range n.Fields() {
		k, ok := keywords[key]
		switch {
		case key == "block" || key == "rescue" || key == "always":
			lists[key] = child
		case key == "loop" || key == "until" || key == "retries" || key == "delay" || key == "loop_control" || key == "register":
			b.Set(key, child.Value()) // only where the extension is on: the executor says so otherwise
		case !ok || !k.Block:
			return nil, wrong(n.Position(), "'%s' is not a valid attribute for a Block", key)
		default:
			b.Set(key, child.Value())
		}
	}
	if _, ok := lists["block"]; !ok {
		return nil, wrong(n.Position(), "'%s' keyword cannot be used without 'block'", firstOf(lists, "rescue", "always"))
	}
	if vars, ok := b.Own("vars"); ok {
		d, err := variables(vars, n.Position())
		if err != nil {
			return nil, err
		}
		b.Set("vars", d)
	}
	for _, part := range []struct {
		name string
		into *[]Item
	}{{"block", &b.Body}, {"rescue", &b.Rescue}, {"always", &b.Always}} {
		list, ok := lists[part.name]
		if !ok {
			continue
		}
		items, err := l.items(list, at)
		if err != nil {
			return nil, err
		}
		*part.into = items
	}
	return b, nil
}

func firstOf(lists map[string]*source.Node, names ...string) string {
	for _, n := range names {
		if _, ok := lists[n]; ok {
			return n
		}
	}
	return ""
}

func (l *Loader) task(n *source.Node, at place) (*Task, error) {
	t := &Task{
		Node: Node{Position: n.Position(), Parent: at.node}, Role: at.role, Dir: at.dir, File: at.file,
		Handler: at.handlers, Params: at.params,
	}
	var actions []action
	for key, child := range n.Fields() {
		if err := l.keyword(t, key, child, &actions, at); err != nil {
			return nil, err
		}
	}
	return t, l.finish(t, actions, at)
}

// action is a candidate for a task's action: the key it was written under, and its arguments.
type action struct {
	name  string
	text  string // behind the name, where both stand in one text
	node  *source.Node
	old   bool // action: or local_action:, which hold the name as well
	local bool
}

func (l *Loader) keyword(t *Task, key string, child *source.Node, actions *[]action, at place) error {
	switch {
	case key == "action" || key == "local_action":
		return oldAction(t, key, child, actions)
	case strings.HasPrefix(key, "with_"):
		return t.loop(strings.TrimPrefix(key, "with_"), child)
	case key == "loop":
		return t.loop("", child)
	case key == "args":
		t.Set("args", child.Value())
		return nil
	case key == "vars":
		d, err := variables(child.Value(), child.Position())
		t.Set("vars", d)
		return err
	case key == "listen" && at.handlers:
		return t.listen(child)
	}
	if key == "register" {
		if name := value.Str(child.Value()); !identifier(name) {
			return wrong(t.Position, "Invalid variable name in 'register' specified: '%s'", name)
		}
	}
	if k, ok := keywords[key]; ok && (k.Task || k.Block && key == "when") && !(key == "listen" && !at.handlers) {
		t.Set(key, child.Value())
		return nil
	}
	if k, ok := keywords[key]; ok && (k.Play || k.Block) {
		if _, isAction := l.Resolve(key, nil); isAction {
			*actions = append(*actions, action{name: key, node: child})
			return nil
		}
		return wrong(t.Position, "'%s' is not a valid attribute for a Task", key)
	}
	*actions = append(*actions, action{name: key, node: child})
	return nil
}

func oldAction(t *Task, key string, child *source.Node, actions *[]action) error {
	a := action{old: true, local: key == "local_action", node: child}
	switch v := child.Value().(type) {
	case string:
		a.name, a.text = firstWord(v)
	case *value.Dict:
		if m, ok := v.Str("module"); ok {
			a.name = value.Str(m)
		}
	default:
		return wrong(t.Position, "unexpected parameter type in action: <class '%s'>", typeOf(child))
	}
	*actions = append(*actions, a)
	return nil
}

// firstWord takes the name of an action, which may be a template, off its arguments.
func firstWord(text string) (name, rest string) {
	text = strings.TrimSpace(text)
	words, err := SplitWords(text)
	if err != nil || len(words) == 0 {
		name, rest, _ = strings.Cut(text, " ")
		return name, rest
	}
	return strings.TrimSpace(words[0]), strings.TrimSpace(strings.TrimPrefix(text, words[0]))
}

func (t *Task) loop(with string, child *source.Node) error {
	if t.Loop.Set {
		return wrong(t.Position, "duplicate loop in task: %s", with)
	}
	if with != "" && child.Kind() == source.Null {
		return wrong(t.Position, "you must specify a value when using with_%s", with)
	}
	t.Loop = Loop{With: with, Terms: child.Value(), Set: true}
	return nil
}

func (t *Task) listen(child *source.Node) error {
	switch v := child.Value().(type) {
	case string:
		t.Listen = []string{v}
	case *value.List:
		for _, i := range v.Items {
			t.Listen = append(t.Listen, value.Str(i))
		}
	}
	return nil
}

// finish finds the action among what is no keyword, and its arguments.
func (l *Loader) finish(t *Task, actions []action, at place) error {
	collections := l.collections(&t.Node)
	var found []action
	var unknown []string
	for _, a := range actions {
		fqcn, ok := l.Resolve(a.name, collections)
		if !ok && (len(actions) > 1 || strings.Contains(a.name, " ")) {
			unknown = append(unknown, a.name)
			continue
		}
		if !ok {
			fqcn = a.name
		}
		t.FQCN = fqcn
		found = append(found, a)
	}
	switch {
	case len(found) > 1:
		return wrong(t.Position, "conflicting action statements: %s, %s", found[0].name, found[1].name)
	case len(found) == 0 && len(unknown) > 0:
		return wrong(t.Position, "couldn't resolve module/action '%s'. This often indicates a misspelling, missing collection, or incorrect module path.", unknown[0])
	case len(found) == 0:
		return wrong(t.Position, "no module/action detected in task.")
	case len(unknown) > 0:
		return wrong(t.Position, "'%s' is not a valid attribute for a Task", unknown[0])
	}
	a := found[0]
	if _, ok := l.Resolve(a.name, collections); !ok && !strings.Contains(a.name, "{{") {
		return wrong(t.Position, "couldn't resolve module/action '%s'. This often indicates a misspelling, missing collection, or incorrect module path.", a.name)
	}
	t.Action = a.name
	if a.local {
		t.Set("delegate_to", "localhost")
	}
	return l.arguments(t, a)
}

func (l *Loader) collections(n *Node) []string {
	v, ok := n.Get("collections")
	if !ok {
		return nil
	}
	list, ok := v.(*value.List)
	if !ok {
		return []string{value.Str(v)}
	}
	out := make([]string, 0, len(list.Items))
	for _, i := range list.Items {
		out = append(out, value.Str(i))
	}
	return out
}

func (l *Loader) arguments(t *Task, a action) error {
	args := value.NewDict()
	switch given, _ := t.Own("args"); given := given.(type) {
	case nil:
	case *value.Dict:
		args = given.Copy()
	case string, value.Unsafe:
		t.RawArgs = value.Str(given)
	default:
		return wrong(t.Position, "unexpected type for args: %s", value.TypeName(given))
	}
	own, err := l.ownArguments(t, a)
	if err != nil {
		return err
	}
	if v, ok := own.Str(variableParams); ok { // debug: "{{ dictionary }}"
		t.RawArgs = value.Str(v)
		own.Delete(variableParams)
	}
	for key, v := range own.All() {
		args.Set(key, v)
	}
	t.Args = args
	return nil
}

func (l *Loader) ownArguments(t *Task, a action) (*value.Dict, error) {
	switch v := a.node.Value().(type) {
	case nil:
		return value.NewDict(), nil
	case *value.Dict:
		d := v.Copy()
		if a.old {
			d.Delete("module")
		}
		return d, nil
	case string:
		text := v
		if a.old {
			text = a.text
		}
		return ParseArguments(t.FQCN, text, t.Position)
	case value.Unsafe:
		d := value.NewDict()
		d.SetStr("_raw_params", v)
		return d, nil
	case *value.List:
		return nil, wrong(t.Position, "unexpected parameter type in action: <class 'ansible.parsing.yaml.objects.AnsibleSequence'>")
	}
	return ParseArguments(t.FQCN, value.Str(a.node.Value()), t.Position)
}

package book

import (
	"path/filepath"
	"strings"

	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

// Loader reads playbooks, task files and roles. It keeps what it has read: a file
// that is included a thousand times is parsed once.
type Loader struct {
	// Read parses a YAML file, which may be a vault.
	Read func(path string) (*source.Node, error)
	// IsFile says whether path is a file; IsDir whether it is a folder.
	IsFile, IsDir func(path string) bool
	// Resolve returns the fully qualified name of the module or action that a task
	// names, searched in collections; false where there is none.
	Resolve func(name string, collections []string) (string, bool)
	// BaseDir is the playbook's folder, where files are looked for last.
	BaseDir string
	// RolesPath are the folders that hold roles, besides "roles" beside the playbook.
	RolesPath []string
	// CollectionRole returns the folder of a role of a collection.
	CollectionRole func(name string, collections []string) (dir string, ok bool)
	// RoleFound is told of every role's folder: it may hold modules.
	RoleFound func(dir string)
	// Template gives a static import its file name, from what is known before hosts
	// are: extra variables and those of the plays and imports around it.
	Template func(v value.Value, vars []*value.Dict) (value.Value, error)
	// Warn tells about what is odd but not wrong.
	Warn func(text string)
}

// Playbook reads a playbook and those that it imports.
func (l *Loader) Playbook(path string) ([]*Play, error) {
	return l.playbook(path, nil, nil)
}

func (l *Loader) playbook(path string, parent *Node, vars []*value.Dict) ([]*Play, error) {
	doc, err := l.Read(path)
	if err != nil {
		return nil, err
	}
	if doc == nil || doc.Kind() == source.Null {
		return nil, wrong(source.Position{}, "Empty playbook, nothing to do")
	}
	if doc.Kind() != source.Sequence {
		return nil, wrong(doc.Position(), "A playbook must be a list of plays, got a <class '%s'> instead", typeOf(doc))
	}
	var out []*Play
	for entry := range doc.Items() {
		plays, err := l.entry(path, entry, parent, vars)
		if err != nil {
			return nil, err
		}
		out = append(out, plays...)
	}
	if len(out) == 0 {
		return nil, wrong(doc.Position(), "A playbook must contain at least one play")
	}
	return out, nil
}

func (l *Loader) entry(path string, entry *source.Node, parent *Node, vars []*value.Dict) ([]*Play, error) {
	if entry.Kind() != source.Mapping {
		return nil, wrong(entry.Position(), "playbook entries must be either valid plays or 'import_playbook' statements")
	}
	for key, child := range entry.Fields() {
		switch key {
		case "import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook":
			return l.importPlaybook(path, entry, child, parent, vars)
		}
	}
	p, err := l.play(path, entry, parent)
	if err != nil {
		return nil, err
	}
	return []*Play{p}, nil
}

func (l *Loader) importPlaybook(path string, entry, file *source.Node, parent *Node, vars []*value.Dict) ([]*Play, error) {
	node := &Node{Position: entry.Position(), Parent: parent}
	own := value.NewDict()
	for key, child := range entry.Fields() {
		switch key {
		case "vars":
			d, ok := child.Value().(*value.Dict)
			if !ok && child.Kind() != source.Null {
				return nil, wrong(child.Position(), "vars for import_playbook statement must be specified as a dictionary")
			}
			if ok {
				own = d
				node.Set("vars", d)
			}
		case "name", "when", "tags":
			node.Set(key, child.Value())
		default:
			if !strings.HasSuffix(key, "import_playbook") {
				return nil, wrong(child.Position(), "'%s' is not a valid attribute for a PlaybookInclude", key)
			}
		}
	}
	raw, ok := file.Value().(string)
	if !ok || strings.TrimSpace(raw) == "" {
		return nil, wrong(file.Position(), "playbook import parameter must be a string indicating a file path, got <class '%s'> instead", typeOf(file))
	}
	words, err := SplitWords(raw)
	if err != nil || len(words) == 0 {
		return nil, wrong(file.Position(), "import_playbook statements must specify the file name to import")
	}
	for _, w := range words[1:] {
		if k, v, pair := cutPair(w); pair {
			own.SetStr(k, unquote(v))
		}
	}
	vars = append(vars[:len(vars):len(vars)], own)
	name, err := l.Template(words[0], vars)
	if err != nil {
		return nil, &Error{Message: err.Error(), Position: file.Position()}
	}
	target := value.Str(name)
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(path), target)
	}
	return l.playbook(target, node, vars)
}

func typeOf(n *source.Node) string {
	switch n.Kind() {
	case source.Mapping:
		return "ansible.parsing.yaml.objects.AnsibleMapping"
	case source.Sequence:
		return "ansible.parsing.yaml.objects.AnsibleSequence"
	case source.Null:
		return "NoneType"
	}
	if name := value.TypeName(n.Value()); name != "str" {
		return name
	}
	return "ansible.parsing.yaml.objects.AnsibleUnicode"
}

func (l *Loader) play(path string, entry *source.Node, parent *Node) (*Play, error) {
	p := &Play{Node: Node{Position: entry.Position(), Parent: parent}, Dir: filepath.Dir(path)}
	lists := map[string]*source.Node{}
	for key, child := range entry.Fields() {
		if key == "user" {
			if _, both := field(entry, "remote_user"); both {
				return nil, wrong(entry.Position(), "both 'user' and 'remote_user' are set for this play. The use of 'user' is deprecated, and should be removed")
			}
			key = "remote_user"
		}
		k, ok := keywords[key]
		if !ok || !k.Play {
			return nil, wrong(entry.Position(), "'%s' is not a valid attribute for a Play", key)
		}
		switch key {
		case "pre_tasks", "tasks", "post_tasks", "handlers", "roles", "vars_prompt":
			lists[key] = child
		default:
			p.Set(key, child.Value())
		}
	}
	if err := l.checkPlay(p, entry); err != nil {
		return nil, err
	}
	return p, l.fillPlay(p, lists)
}

func (l *Loader) checkPlay(p *Play, entry *source.Node) error {
	hosts, ok := p.Own("hosts")
	if !ok {
		return wrong(entry.Position(), "the field 'hosts' is required but was not set")
	}
	switch h := hosts.(type) {
	case nil:
		return wrong(entry.Position(), "Hosts list cannot be empty. Please check your playbook")
	case *value.List:
		if len(h.Items) == 0 {
			return wrong(entry.Position(), "Hosts list cannot be empty. Please check your playbook")
		}
		for _, i := range h.Items {
			if i == nil {
				return wrong(entry.Position(), "Hosts list cannot contain values of 'None'. Please check your playbook")
			}
			if value.TypeName(i) == "dict" || value.TypeName(i) == "list" {
				return wrong(entry.Position(), "Hosts list contains an invalid host value: '%s'", value.Str(i))
			}
		}
	case *value.Dict:
		return wrong(entry.Position(), "Hosts list must be a sequence or string. Please check your playbook.")
	}
	if vars, ok := p.Own("vars"); ok && vars != nil {
		d, err := variables(vars, entry.Position())
		if err != nil {
			return err
		}
		p.Set("vars", d)
	}
	return nil
}

func (l *Loader) fillPlay(p *Play, lists map[string]*source.Node) error {
	at := place{node: &p.Node, dir: p.Dir, play: p}
	for name, into := range map[string]*[]Item{"pre_tasks": &p.PreTasks, "tasks": &p.Tasks, "post_tasks": &p.Post, "handlers": &p.Handlers} {
		list, ok := lists[name]
		if !ok {
			continue
		}
		here := at
		here.handlers = name == "handlers"
		here.file = list.Position().File
		items, err := l.items(list, here)
		if err != nil {
			return err
		}
		*into = items
	}
	if list, ok := lists["roles"]; ok {
		uses, err := l.roleUses(list, at)
		if err != nil {
			return err
		}
		p.Roles = uses
	}
	prompts, err := prompts(lists["vars_prompt"])
	p.Prompts = prompts
	return err
}

// variables accepts what a vars keyword may hold: a dictionary, or a list of them.
func variables(v value.Value, at source.Position) (*value.Dict, error) {
	switch v := v.(type) {
	case nil:
		return value.NewDict(), nil
	case *value.Dict:
		for key := range v.All() {
			if name, ok := key.(string); !ok || !identifier(name) {
				return nil, wrong(at, "Invalid variable name in vars specified for Play: '%s' is not a valid variable name", value.Str(key))
			}
		}
		return v, nil
	case *value.List:
		out := value.NewDict()
		for _, i := range v.Items {
			d, ok := i.(*value.Dict)
			if !ok {
				return nil, wrong(at, "Vars in a Play must be specified as a dictionary, or a list of dictionaries")
			}
			for key, v := range d.All() {
				out.Set(key, v)
			}
		}
		return out, nil
	}
	return nil, wrong(at, "Vars in a Play must be specified as a dictionary, or a list of dictionaries")
}

// identifier says whether name can be a variable: Python's identifiers in ASCII.
func identifier(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != "" && name != "None" && name != "True" && name != "False"
}

func prompts(list *source.Node) ([]Prompt, error) {
	if list == nil || list.Kind() == source.Null {
		return nil, nil
	}
	entries := []*source.Node{list}
	if list.Kind() == source.Sequence {
		entries = nil
		for e := range list.Items() {
			entries = append(entries, e)
		}
	}
	var out []Prompt
	for _, e := range entries {
		p, err := prompt(e)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func prompt(e *source.Node) (Prompt, error) {
	p := Prompt{Private: true}
	d, ok := e.Value().(*value.Dict)
	if !ok {
		return p, wrong(e.Position(), "Invalid vars_prompt data structure, expected a dictionary")
	}
	for key, v := range d.All() {
		switch value.Str(key) {
		case "name":
			p.Name = value.Str(v)
		case "prompt":
			p.Text = value.Str(v)
		case "default":
			p.Default = v
		case "private":
			p.Private = Boolean(v)
		case "confirm":
			p.Confirm = Boolean(v)
		case "encrypt":
			p.Encrypt = value.Str(v)
		case "salt":
			p.Salt = value.Str(v)
		case "salt_size":
			n, _ := v.(int64)
			p.SaltSize = int(n)
		case "unsafe":
			p.Unsafe = Boolean(v)
		default:
			return p, wrong(e.Position(), "Invalid vars_prompt data structure, found unsupported key '%s'", value.Str(key))
		}
	}
	if p.Name == "" {
		return p, wrong(e.Position(), "Invalid vars_prompt data structure, missing 'name' key")
	}
	return p, nil
}

// Boolean reads what Ansible takes for a truth: booleans, 1 and 0, and the words
// yes, on, true, t, y and their opposites in any case. What is neither is false.
func Boolean(v value.Value) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int64:
		return v == 1
	case float64:
		return v == 1
	case nil:
		return false
	}
	switch strings.ToLower(strings.TrimSpace(value.Str(v))) {
	case "yes", "on", "true", "t", "y", "1":
		return true
	}
	return false
}

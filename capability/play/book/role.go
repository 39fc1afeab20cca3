package book

import (
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/source"
	"garboard.dev/garboard/capability/play/value"
)

// Role is one use of a role: its folder's content with what this use gives it.
type Role struct {
	Node
	Name            string
	Dir             string
	Collection      string // "namespace.name" for a role of a collection
	Defaults, Vars  *value.Dict
	Params          *value.Dict // what the entry says beside keywords
	Dependencies    []*RoleUse
	Tasks, Handlers []Item
	AllowDuplicates bool
	Public          bool    // its variables are seen by the whole play
	Parents         []*Role // the roles that depend on or include it, the outermost first
	Key             string  // uses with the same key run once per host
	Specs           *value.Dict
}

// Title returns the role's name as output shows it.
func (r *Role) Title() string {
	if r.Collection != "" && !strings.HasPrefix(r.Name, r.Collection+".") {
		return r.Collection + "." + r.Name
	}
	return r.Name
}

// AllDependencies returns the roles that r depends on, the deepest first.
func (r *Role) AllDependencies() []*Role {
	var out []*Role
	for _, d := range r.Dependencies {
		out = append(append(out, d.Role.AllDependencies()...), d.Role)
	}
	return out
}

// RoleFiles names the files of a role that an import or include chooses instead of main.
type RoleFiles struct{ Tasks, Vars, Defaults, Handlers string }

func (f RoleFiles) of(kind string) string {
	return map[string]string{"tasks": f.Tasks, "vars": f.Vars, "defaults": f.Defaults, "handlers": f.Handlers}[kind]
}

func (l *Loader) roleUses(list *source.Node, at place) ([]*RoleUse, error) {
	if list.Kind() == source.Null {
		return nil, nil
	}
	if list.Kind() != source.Sequence {
		return nil, wrong(list.Position(), "A malformed role declaration was encountered.")
	}
	var out []*RoleUse
	for n := range list.Items() {
		use, err := l.roleUse(n, at)
		if err != nil {
			return nil, err
		}
		out = append(out, use)
	}
	return out, nil
}

func (l *Loader) roleUse(n *source.Node, at place) (*RoleUse, error) {
	use := &RoleUse{Node: Node{Position: n.Position(), Parent: at.node}}
	params := value.NewDict()
	var name value.Value
	switch n.Kind() {
	case source.Mapping:
		for key, child := range n.Fields() {
			k, known := keywords[key]
			switch {
			case key == "role" || key == "name" && name == nil:
				name = child.Value()
			case key == "src" || key == "scm" || key == "version":
				if key == "src" && name == nil {
					name = child.Value()
				}
			case key == "vars":
				d, err := variables(child.Value(), child.Position())
				if err != nil {
					return nil, err
				}
				use.Set("vars", d)
			case known && k.Role:
				use.Set(key, child.Value())
			default:
				params.SetStr(key, child.Value())
			}
		}
		if r, ok := field(n, "role"); ok {
			name = r
		}
	case source.Sequence, source.Null:
		return nil, wrong(n.Position(), "role definitions must contain a role name")
	default:
		name = n.Value()
	}
	if name == nil || value.TypeName(name) != "str" && value.TypeName(name) != "int" {
		return nil, wrong(n.Position(), "role definitions must contain a role name")
	}
	known := append(slices.Clip(at.known), dicts(use.All("vars"))...)
	templated, err := l.Template(name, append(known, params))
	if err != nil {
		return nil, &Error{Message: err.Error(), Position: n.Position()}
	}
	role, err := l.Role(RoleWish{Name: value.Str(templated), Node: &use.Node, Params: params, Play: at.play, Parent: at.role, Position: n.Position(), Dir: at.dir})
	use.Role = role
	return use, err
}

func field(n *source.Node, name string) (value.Value, bool) {
	for key, child := range n.Fields() {
		if key == name {
			return child.Value(), true
		}
	}
	return nil, false
}

// RoleWish says which role is wanted, by whom.
type RoleWish struct {
	Name     string
	Node     *Node // the parent of the role's tasks
	Params   *value.Dict
	Include  []*value.Dict // parameters of the includes around it
	Files    RoleFiles
	Play     *Play
	Parent   *Role // the role that depends on, imports or includes it
	Position source.Position
	Dir      string // of the file that names it
	Strict   bool   // tasks_from must exist
}

// maxRoles bounds how deep roles may depend on each other.
const maxRoles = 100

// Role reads a role for one use of it.
func (l *Loader) Role(w RoleWish) (*Role, error) {
	dir, collection, err := l.findRole(w)
	if err != nil {
		return nil, err
	}
	l.RoleFound(dir)
	name := w.Name
	if filepath.IsAbs(name) || strings.Contains(name, "/") {
		name = filepath.Base(name)
	}
	r := &Role{Name: name, Dir: dir, Collection: collection, Params: w.Params, Node: Node{Position: w.Position, Parent: w.Node}}
	if r.Params == nil {
		r.Params = value.NewDict()
	}
	if w.Parent != nil {
		r.Parents = append(slices.Clip(w.Parent.Parents), w.Parent)
	}
	if len(r.Parents) > maxRoles {
		return nil, wrong(w.Position, "A recursion loop was detected with the roles specified. Make sure child roles do not have dependencies on parent roles")
	}
	if collection != "" {
		r.Set("collections", value.NewList(collection))
	}
	r.Key = r.key(w)
	if err := l.fillRole(r, w); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Role) key(w RoleWish) string {
	own := value.NewDict()
	for _, k := range []string{"when", "tags", "vars"} {
		if v, ok := w.Node.Own(k); ok {
			own.SetStr(k, v)
		}
	}
	return r.Dir + "\x00" + value.Repr(r.Params) + value.Repr(own) + "\x00" + w.Files.Tasks
}

func (l *Loader) fillRole(r *Role, w RoleWish) error {
	var err error
	if r.Defaults, err = l.roleVars(r, "defaults", w.Files.Defaults); err != nil {
		return err
	}
	if r.Vars, err = l.roleVars(r, "vars", w.Files.Vars); err != nil {
		return err
	}
	at := place{node: &r.Node, role: r, play: w.Play, params: w.Include}
	if err := l.meta(r, at); err != nil {
		return err
	}
	if r.Tasks, err = l.roleItems(r, "tasks", w, at); err != nil {
		return err
	}
	at.handlers = true
	r.Handlers, err = l.roleItems(r, "handlers", w, at)
	return err
}

func (l *Loader) roleItems(r *Role, kind string, w RoleWish, at place) ([]Item, error) {
	name := w.Files.of(kind)
	path := l.main(filepath.Join(r.Dir, kind), name)
	if path == "" {
		if name != "" && kind == "tasks" {
			return nil, wrong(w.Position, "Could not find specified file in role: tasks/%s", name)
		}
		return nil, nil
	}
	at.dir, at.file = filepath.Dir(path), path
	return l.file(path, at)
}

// main returns the file that a folder of a role begins with.
func (l *Loader) main(dir, name string) string {
	if name == "" {
		name = "main"
	}
	for _, ext := range []string{".yml", ".yaml", ".json", ""} {
		if path := filepath.Join(dir, name+ext); l.IsFile(path) {
			return path
		}
	}
	return ""
}

func (l *Loader) meta(r *Role, at place) error {
	if path := l.main(filepath.Join(r.Dir, "meta"), "argument_specs"); path != "" {
		doc, err := l.Read(path)
		if err != nil {
			return err
		}
		if err := r.specs(doc); err != nil {
			return err
		}
	}
	path := l.main(filepath.Join(r.Dir, "meta"), "")
	if path == "" {
		return nil
	}
	doc, err := l.Read(path)
	if err != nil || doc == nil || doc.Kind() == source.Null {
		return err
	}
	if doc.Kind() != source.Mapping {
		return wrong(doc.Position(), "the 'meta/main.yml' for role %s is not a dictionary", r.Name)
	}
	for key, child := range doc.Fields() {
		switch key {
		case "allow_duplicates":
			r.AllowDuplicates = Boolean(child.Value())
		case "dependencies":
			at.dir = filepath.Join(r.Dir, "tasks")
			if r.Dependencies, err = l.roleUses(child, at); err != nil {
				return err
			}
		case "argument_specs":
			if r.Specs == nil {
				r.Specs, _ = child.Value().(*value.Dict)
			}
		case "collections":
			r.Set("collections", child.Value())
		}
	}
	return nil
}

func (r *Role) specs(doc *source.Node) error {
	if doc == nil || doc.Kind() != source.Mapping {
		return nil
	}
	specs, _ := field(doc, "argument_specs")
	r.Specs, _ = specs.(*value.Dict)
	return nil
}

// roleVars reads a role's defaults or vars: main.yml, or all files of a folder main.
func (l *Loader) roleVars(r *Role, kind, name string) (*value.Dict, error) {
	out := value.NewDict()
	path := l.main(filepath.Join(r.Dir, kind), name)
	if path == "" {
		return out, l.varsFolder(filepath.Join(r.Dir, kind, "main"), out)
	}
	return out, l.mergeFile(path, out, r.Name)
}

func (l *Loader) varsFolder(dir string, out *value.Dict) error {
	if !l.IsDir(dir) {
		return nil
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return err
	}
	for _, p := range paths {
		if ext := filepath.Ext(p); l.IsFile(p) && (ext == ".yml" || ext == ".yaml" || ext == ".json" || ext == "") {
			if err := l.mergeFile(p, out, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *Loader) mergeFile(path string, out *value.Dict, role string) error {
	doc, err := l.Read(path)
	if err != nil || doc == nil || doc.Kind() == source.Null {
		return err
	}
	d, ok := doc.Value().(*value.Dict)
	if !ok {
		return wrong(doc.Position(), "The %s/main.yml file for role '%s' must contain a dictionary of variables", filepath.Base(filepath.Dir(path)), role)
	}
	for k, v := range d.All() {
		out.Set(k, v)
	}
	return nil
}

func (l *Loader) findRole(w RoleWish) (dir, collection string, err error) {
	var collections []string
	if w.Node != nil {
		collections = l.collections(w.Node)
	}
	if strings.Count(w.Name, ".") >= 2 && !strings.Contains(w.Name, "/") || len(collections) > 0 {
		if dir, ok := l.CollectionRole(w.Name, collections); ok {
			parts := strings.SplitN(w.Name, ".", 3)
			if len(parts) == 3 {
				return dir, parts[0] + "." + parts[1], nil
			}
			return dir, collectionOf(dir), nil
		}
	}
	var searched []string
	if w.Play != nil {
		searched = append(searched, filepath.Join(w.Play.Dir, "roles"))
	}
	searched = append(searched, l.RolesPath...)
	if w.Parent != nil {
		searched = append(searched, filepath.Dir(w.Parent.Dir))
	}
	if w.Play != nil {
		searched = append(searched, w.Play.Dir)
	}
	for _, s := range searched {
		if d := filepath.Join(s, w.Name); l.IsDir(d) {
			return d, "", nil
		}
	}
	if l.IsDir(w.Name) {
		return w.Name, "", nil
	}
	return "", "", wrong(w.Position, "the role '%s' was not found in %s", w.Name, strings.Join(searched, ":"))
}

// collectionOf reads namespace.name out of .../ansible_collections/namespace/name/roles/role.
func collectionOf(dir string) string {
	name := filepath.Dir(filepath.Dir(dir))
	return filepath.Base(filepath.Dir(name)) + "." + filepath.Base(name)
}

// roleOptions are the arguments of import_role and include_role that are no variables.
var roleOptions = []string{"name", "role", "tasks_from", "vars_from", "defaults_from", "handlers_from", "allow_duplicates", "public", "rolespec_validate", "apply"}

// CheckRoleOptions refuses arguments that import_role and include_role do not have.
func (t *Task) CheckRoleOptions() error {
	for key := range t.Args.All() {
		if !slices.Contains(roleOptions, value.Str(key)) {
			return wrong(t.Position, "Invalid options for %s: %s", t.Action, value.Str(key))
		}
	}
	if _, ok := t.IncludeName("name", "role"); !ok {
		return wrong(t.Position, "'name' is a required field for %s.", t.Action)
	}
	return nil
}

func (l *Loader) importRole(t *Task, at place) ([]Item, error) {
	if err := t.CheckRoleOptions(); err != nil {
		return nil, err
	}
	raw, _ := t.IncludeName("name", "role")
	name, err := l.Template(raw, l.knownAt(t, at))
	if err != nil {
		return nil, &Error{Message: err.Error(), Position: t.Position}
	}
	wish := RoleWish{Name: value.Str(name), Node: &t.Node, Play: at.play, Parent: at.role, Position: t.Position, Dir: t.Dir, Include: at.params}
	for option, into := range map[string]*string{"tasks_from": &wish.Files.Tasks, "vars_from": &wish.Files.Vars, "defaults_from": &wish.Files.Defaults, "handlers_from": &wish.Files.Handlers} {
		raw, ok := t.Args.Str(option)
		if !ok {
			continue
		}
		v, err := l.Template(raw, l.knownAt(t, at))
		if err != nil {
			return nil, &Error{Message: err.Error(), Position: t.Position}
		}
		*into = strings.TrimSpace(value.Str(v))
	}
	role, err := l.Role(wish)
	if err != nil {
		return nil, err
	}
	role.Public = true
	if at.play != nil {
		at.play.imported = append(at.play.imported, role)
	}
	if v, ok := t.Args.Str("allow_duplicates"); ok {
		role.AllowDuplicates = Boolean(v)
	} else {
		role.AllowDuplicates = true
	}
	return []Item{RoleBlock(role, role.Specs != nil && !off(t.Args, "rolespec_validate"))}, nil
}

func off(args *value.Dict, option string) bool {
	v, ok := args.Str(option)
	return ok && !Boolean(v)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"garboard.dev/garboard/capability/play/callback"
	"garboard.dev/garboard/capability/play/filter"
	"garboard.dev/garboard/capability/play/value"
	"garboard.dev/garboard/command"
	"garboard.dev/garboard/fault"
)

func inventoryCommand(env *command.Env) *command.Command {
	return &command.Command{
		Name: "inventory", Args: "[options] [PATTERN]", Summary: "Show an inventory as it is understood", Raw: true, ExitCodes: exitCodes, Links: []string{"ansible-inventory"},
		Help:     "It takes the options of ansible-inventory.",
		Examples: "garboard play inventory -i hosts --graph\ngarboard play inventory -i hosts --list -y\ngarboard play inventory -i hosts --host web1",
		Run:      func(ctx context.Context, args []string) error { return showInventory(ctx, env, args) },
	}
}

type inventoryOptions struct {
	list, graph, vars, yaml, toml, export bool
	host, output, basedir                 string
}

func (i *inventoryOptions) bind(f *pflag.FlagSet) {
	f.BoolVar(&i.list, "list", false, "all hosts and groups")
	f.StringVar(&i.host, "host", "", "the variables of one `HOST`")
	f.BoolVar(&i.graph, "graph", false, "groups and hosts as a tree")
	f.BoolVar(&i.vars, "vars", false, "with --graph, variables too")
	f.BoolVarP(&i.yaml, "yaml", "y", false, "as YAML")
	f.BoolVar(&i.toml, "toml", false, "as TOML; not done")
	f.BoolVar(&i.export, "export", false, "variables where they are written")
	f.StringVar(&i.output, "output", "", "write to this `FILE`")
	f.StringVar(&i.basedir, "playbook-dir", "", "the folder that stands for a playbook's")
}

func showInventory(ctx context.Context, env *command.Env, args []string) error {
	o, i := &options{}, &inventoryOptions{}
	f, err := parse("ansible-inventory", args, o.bind, i.bind)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprintf(env.Out, "usage: %s [options] [PATTERN]\n\n%s", env.Program, f.FlagUsages())
		return nil
	}
	if err != nil {
		fmt.Fprintf(env.Err, "usage: %s [options] [PATTERN]\n%s: error: %s\n", env.Program, env.Program, err)
		return fault.ExitStatus(2)
	}
	if o.version {
		return version(env)
	}
	if n := count(i.list, i.graph, i.host != ""); n != 1 {
		text := "No action selected, at least one of --host, --graph or --list needs to be specified."
		if n > 1 {
			text = "Conflicting options used, only one of --host, --graph or --list can be used at the same time."
		}
		return say(env, 5, errors.New(text))
	}
	if i.toml {
		return say(env, 2, errors.New("TOML is not written: use --yaml or JSON"))
	}
	s, err := open(ctx, env, o)
	if err != nil {
		return say(env, 1, err)
	}
	defer s.Close() // nothing was changed
	if i.basedir != "" {
		s.BesidePlaybook(s.Path(i.basedir))
	}
	pattern := "all"
	if f.NArg() > 0 {
		pattern = f.Arg(0)
	}
	text, err := s.inventoryText(i, pattern)
	if err != nil {
		return say(env, 1, err)
	}
	if i.output != "" {
		return os.WriteFile(s.Path(i.output), []byte(text+"\n"), 0o644)
	}
	fmt.Fprintln(env.Out, text)
	return nil
}

func count(flags ...bool) int {
	n := 0
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

func (s *opened) inventoryText(i *inventoryOptions, pattern string) (string, error) {
	render := func(d *value.Dict) string {
		if i.yaml {
			return strings.TrimSuffix(filter.YAML(d, 2), "\n")
		}
		return callback.JSON(d, 4)
	}
	switch {
	case i.host != "":
		if !s.Inventory.Has(i.host) {
			if i.host != "localhost" {
				return "", value.Errorf("Could not match supplied host pattern, ignoring: %s", i.host)
			}
			s.Inventory.Localhost(i.host)
		}
		vars, err := s.hostVars(i.host, false)
		return render(vars), err
	case i.graph:
		return s.graph(i, pattern)
	case i.yaml:
		d, err := s.yamlGroup("all", map[string]bool{}, i.export)
		return render(value.DictOf("all", d)), err
	}
	d, err := s.listing(i.export)
	return render(d), err
}

// hidden are variables that inventories do not show.
var hidden = []string{"ansible_facts", "ansible_connection_local", "inventory_hostname", "inventory_hostname_short", "groups", "group_names", "omit", "playbook_dir"}

// hostVars are a host's variables: all of them, or with own those of its own entry.
func (s *opened) hostVars(host string, own bool) (*value.Dict, error) {
	out := value.NewDict()
	layers, err := s.Inventory.Vars(host)
	if err != nil {
		return nil, err
	}
	if own {
		layers = []*value.Dict{s.Inventory.Own(host)}
	}
	for _, l := range layers {
		for k, v := range l.All() {
			out.Set(k, v)
		}
	}
	for _, h := range hidden {
		out.Delete(h)
	}
	return out, nil
}

// listing is what --list prints: the form of an inventory script.
func (s *opened) listing(export bool) (*value.Dict, error) {
	hostvars := value.NewDict()
	for _, h := range s.Inventory.Hosts() {
		vars, err := s.hostVars(h, export)
		if err != nil {
			return nil, err
		}
		if vars.Len() > 0 {
			hostvars.SetStr(h, vars)
		}
	}
	out := value.DictOf("_meta", value.DictOf("hostvars", hostvars))
	for _, name := range s.Inventory.Groups() {
		g, _ := s.Inventory.Group(name)
		d := value.NewDict()
		if len(g.Hosts) > 0 && name != "all" {
			d.SetStr("hosts", value.FromGo(g.Hosts))
		}
		if len(g.Children) > 0 {
			d.SetStr("children", value.FromGo(g.Children))
		}
		if export && g.Vars.Len() > 0 {
			d.SetStr("vars", g.Vars)
		}
		if d.Len() > 0 {
			out.SetStr(name, d)
		}
	}
	return out, nil
}

// yamlGroup is a group as a YAML inventory has it. Hosts and groups that stand in
// several places have their variables in the first one alone.
func (s *opened) yamlGroup(name string, seen map[string]bool, export bool) (*value.Dict, error) {
	g, _ := s.Inventory.Group(name)
	out := value.NewDict()
	children := value.NewDict()
	for _, c := range g.Children {
		d, err := s.yamlGroup(c, seen, export)
		if err != nil {
			return nil, err
		}
		children.SetStr(c, d)
	}
	if children.Len() > 0 {
		out.SetStr("children", children)
	}
	hosts := value.NewDict()
	for _, h := range g.Hosts {
		if name == "all" {
			break
		}
		vars := value.NewDict()
		if !seen[h] {
			var err error
			if vars, err = s.hostVars(h, export); err != nil {
				return nil, err
			}
			seen[h] = true
		}
		hosts.SetStr(h, vars)
	}
	if hosts.Len() > 0 {
		out.SetStr("hosts", hosts)
	}
	if export && g.Vars.Len() > 0 {
		out.SetStr("vars", g.Vars)
	}
	return out, nil
}

func (s *opened) graph(i *inventoryOptions, pattern string) (string, error) {
	pattern = strings.TrimPrefix(pattern, "@")
	if !slices.Contains(s.Inventory.Groups(), pattern) {
		return "", value.Errorf("Pattern must be valid group name when using --graph")
	}
	var lines []string
	err := s.branch(i, pattern, 0, &lines)
	return strings.Join(lines, "\n"), err
}

func (s *opened) branch(i *inventoryOptions, name string, depth int, lines *[]string) error {
	add := func(text string, depth int) {
		if depth == 0 {
			*lines = append(*lines, text)
			return
		}
		*lines = append(*lines, strings.Repeat("  |", depth)+"--"+text)
	}
	g, _ := s.Inventory.Group(name)
	add("@"+name+":", depth)
	for _, c := range g.Children {
		if err := s.branch(i, c, depth+1, lines); err != nil {
			return err
		}
	}
	showVars := func(d *value.Dict, depth int) {
		if !i.vars {
			return
		}
		var texts []string
		for k, v := range d.All() {
			texts = append(texts, "{"+value.Str(k)+" = "+value.Str(v)+"}")
		}
		slices.Sort(texts)
		for _, t := range texts {
			add(t, depth)
		}
	}
	if name != "all" {
		for _, h := range slices.Sorted(slices.Values(g.Hosts)) {
			add(h, depth+1)
			vars, err := s.hostVars(h, false)
			if err != nil {
				return err
			}
			showVars(vars, depth+2)
		}
	}
	showVars(g.Vars, depth+1)
	return nil
}

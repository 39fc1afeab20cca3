package inventory

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// ignored are the endings of files that a folder's inventory leaves alone.
var ignored = []string{"~", ".orig", ".bak", ".ini", ".cfg", ".retry", ".pyc", ".pyo"}

// Source adds one inventory: a file, a folder, a program, or names with commas.
func (i *Inventory) Source(path string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	err := i.source(path)
	i.reconcile()
	return err
}

func (i *Inventory) source(path string) error {
	if strings.Contains(path, ",") && !i.reader.IsFile(path) {
		return i.list(path)
	}
	if i.reader.IsDir(path) {
		return i.folder(path)
	}
	if !i.reader.IsFile(path) {
		return value.Errorf("Unable to parse %s as an inventory source", path)
	}
	if i.reader.Executable(path) {
		return i.program(path)
	}
	data, err := i.reader.ReadFile(path)
	if err != nil {
		return err
	}
	if ext := filepath.Ext(path); ext == ".yml" || ext == ".yaml" || ext == ".json" || looksLikeYAML(string(data)) {
		v, err := i.reader.Parse(path, data)
		if err != nil {
			return err
		}
		d, ok := v.(*value.Dict)
		if !ok {
			return fmt.Errorf("%s: YAML inventory has invalid structure, it should be a dictionary, got: %s", path, value.TypeName(v))
		}
		return i.YAML(path, d)
	}
	return i.INI(path, string(data))
}

// looksLikeYAML says whether a file without a telling ending is YAML: its first
// line that says anything is "---" or ends with a colon.
func looksLikeYAML(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		return line == "---" || line[0] == '{' || strings.HasSuffix(line, ":")
	}
	return false
}

func (i *Inventory) list(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		names, port, err := Expand(name)
		if err != nil {
			return err
		}
		for _, n := range names {
			i.member("ungrouped", n)
			if port != 0 {
				i.host(n).Vars.SetStr("ansible_port", int64(port))
			}
		}
	}
	return nil
}

func (i *Inventory) folder(path string) error {
	names, _, err := i.reader.ReadDir(path)
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		full := filepath.Join(path, name)
		switch {
		case name[0] == '.' || name == "group_vars" || name == "host_vars" || name == "vars_plugins":
			continue
		case slices.ContainsFunc(ignored, func(end string) bool { return strings.HasSuffix(name, end) }):
			continue
		}
		if err := i.source(full); err != nil {
			i.Warnings = append(i.Warnings, err.Error())
		}
	}
	return nil
}

// program runs an inventory program: --list gives groups, and host variables
// under _meta; without those --host is asked for each host.
func (i *Inventory) program(path string) error {
	text, err := i.reader.Run(path, "--list")
	if err != nil {
		return err
	}
	v, err := value.FromJSON(text)
	d, ok := v.(*value.Dict)
	if err != nil || !ok {
		return fmt.Errorf("failed to parse executable inventory script results from %s: needs to be a json dict", path)
	}
	meta, hasMeta := d.Str("_meta")
	before := len(i.order)
	for k, v := range d.All() {
		if name := value.Str(k); name != "_meta" {
			i.scriptGroup(name, v)
		}
	}
	if hasMeta {
		return i.meta(meta)
	}
	for _, host := range i.order[before:] {
		text, err := i.reader.Run(path, "--host", host)
		if err != nil {
			return err
		}
		v, err := value.FromJSON(text)
		if err != nil && !json.Valid(text) && len(text) > 0 {
			return fmt.Errorf("%s --host %s: %w", path, host, err)
		}
		if vars, ok := v.(*value.Dict); ok {
			merge(i.host(host).Vars, vars)
		}
	}
	return nil
}

func (i *Inventory) meta(v value.Value) error {
	d, ok := v.(*value.Dict)
	if !ok {
		return nil
	}
	hostvars, _ := d.Str("hostvars")
	all, ok := hostvars.(*value.Dict)
	if !ok {
		return nil
	}
	for k, v := range all.All() {
		vars, ok := v.(*value.Dict)
		if h, known := i.hosts[value.Str(k)]; ok && known {
			merge(h.Vars, vars)
		}
	}
	return nil
}

func (i *Inventory) scriptGroup(name string, v value.Value) {
	i.group(name)
	hosts := func(v value.Value) {
		if l, ok := v.(*value.List); ok {
			for _, h := range l.Items {
				i.member(name, value.Str(h))
			}
		}
	}
	d, ok := v.(*value.Dict)
	if !ok {
		hosts(v)
		return
	}
	for k, v := range d.All() {
		switch value.Str(k) {
		case "hosts":
			hosts(v)
		case "vars":
			if vars, ok := v.(*value.Dict); ok {
				merge(i.group(name).Vars, vars)
			}
		case "children":
			if l, ok := v.(*value.List); ok {
				for _, c := range l.Items {
					i.child(name, value.Str(c))
				}
			}
		}
	}
}

func merge(into, from *value.Dict) {
	for k, v := range from.All() {
		into.Set(k, v)
	}
}

// YAML reads an inventory in the YAML format: groups with hosts, vars and children.
func (i *Inventory) YAML(file string, d *value.Dict) error {
	for k, v := range d.All() {
		if err := i.yamlGroup(file, value.Str(k), v); err != nil {
			return err
		}
	}
	return nil
}

func (i *Inventory) yamlGroup(file, name string, v value.Value) error {
	i.group(name)
	if v == nil {
		return nil
	}
	d, ok := v.(*value.Dict)
	if !ok {
		return fmt.Errorf("%s: Unable to add group %s: it should be a dictionary, got: %s", file, name, value.TypeName(v))
	}
	for k, v := range d.All() {
		key := value.Str(k)
		section, ok := v.(*value.Dict)
		if text, isText := value.Text(v); isText && (key == "hosts" || key == "children") {
			section, ok = value.DictOf(text, nil), true
		}
		if !ok && v != nil {
			return fmt.Errorf("%s: Invalid %q entry for %q group, requires a dictionary, found %q instead", file, key, name, value.TypeName(v))
		}
		switch key {
		case "vars":
			for k, v := range section.All() {
				i.group(name).Vars.Set(k, v)
			}
		case "children":
			for c, inner := range section.All() {
				child := value.Str(c)
				if err := i.yamlGroup(file, child, inner); err != nil {
					return err
				}
				i.child(name, child)
			}
		case "hosts":
			if err := i.yamlHosts(name, section); err != nil {
				return err
			}
		default:
			i.Warnings = append(i.Warnings, fmt.Sprintf("Skipping unexpected key (%s) in group (%s), only \"vars\", \"children\" and \"hosts\" are valid", key, name))
		}
	}
	return nil
}

func (i *Inventory) yamlHosts(group string, section *value.Dict) error {
	for pattern, v := range section.All() {
		names, port, err := Expand(value.Str(pattern))
		if err != nil {
			return err
		}
		for _, n := range names {
			i.member(group, n)
			if port != 0 {
				i.host(n).Vars.SetStr("ansible_port", int64(port))
			}
			if vars, ok := v.(*value.Dict); ok {
				merge(i.host(n).Vars, vars)
			}
		}
	}
	return nil
}

package action

import (
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/value"
)

// Builtin returns the actions of ansible.builtin by their full names.
func Builtin() map[string]Action {
	out := map[string]Action{}
	for name, a := range map[string]Action{
		"debug": debug, "set_fact": setFact, "assert": assert, "fail": fail, "set_stats": setStats,
		"add_host": addHost, "group_by": groupBy, "include_vars": includeVars, "pause": pause,
		"copy": copyFile, "template": templateFile, "fetch": fetch, "script": script, "assemble": assemble, "unarchive": unarchive,
		"raw": raw, "package": packages, "service": service, "gather_facts": gatherFacts,
		"validate_argument_spec": validateArgumentSpec, "wait_for_connection": waitForConnection, "reboot": reboot, "uri": uri,
	} {
		out["ansible.builtin."+name] = a
	}
	return out
}

// check refuses options that an action does not have, in upstream's words.
func (t *Task) check(names ...string) error {
	for k := range t.Args.All() {
		if name := value.Str(k); !slices.Contains(names, name) {
			return value.Errorf("Invalid options for %s: %s", strings.TrimPrefix(t.Name, "ansible.builtin."), name)
		}
	}
	return nil
}

// text returns an option as text, "" where it is not given.
func (t *Task) text(name string) string {
	v, ok := t.Args.Str(name)
	if !ok || v == nil {
		return ""
	}
	return value.Str(v)
}

// flag returns a truth, otherwise where it is not given.
func (t *Task) flag(name string, otherwise bool) (bool, error) {
	v, ok := t.Args.Str(name)
	if !ok || v == nil {
		return otherwise, nil
	}
	return boolean(v)
}

func boolean(v value.Value) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case int64:
		if v == 0 || v == 1 {
			return v == 1, nil
		}
	}
	switch strings.ToLower(strings.TrimSpace(value.Str(v))) {
	case "yes", "on", "true", "t", "y", "1":
		return true, nil
	case "no", "off", "false", "f", "n", "0":
		return false, nil
	}
	return false, value.Errorf("The value '%s' is not a valid boolean. ", value.Str(v))
}

// list returns an option that holds a list, or text with commas.
func list(v value.Value) []value.Value {
	switch v := v.(type) {
	case nil:
		return nil
	case *value.List:
		return v.Items
	case *value.Tuple:
		return v.Items
	case string:
		var out []value.Value
		for part := range strings.SplitSeq(v, ",") {
			out = append(out, strings.TrimSpace(part))
		}
		return out
	}
	return []value.Value{v}
}

func texts(v value.Value) []string {
	var out []string
	for _, i := range list(v) {
		out = append(out, value.Str(i))
	}
	return out
}

// merged puts more entries over a copy of d.
func merged(d *value.Dict, pairs ...value.Value) *value.Dict {
	out := d.Copy()
	for i := 0; i+1 < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

// without is a copy of d with fewer keys.
func without(d *value.Dict, names ...string) *value.Dict {
	out := d.Copy()
	for _, n := range names {
		out.Delete(n)
	}
	return out
}

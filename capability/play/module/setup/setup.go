// Package setup holds the module that gathers facts: names and values as
// Ansible's own has them on Linux ("Ansible facts" in its documentation).
package setup

import (
	"context"
	"garboard.dev/garboard/capability/play/value"
	"maps"
	"path"
	"slices"
	"strings"

	"garboard.dev/garboard/capability/play/module"
)

// Modules returns the modules of this family.
func Modules() []*module.Module {
	return []*module.Module{{
		Spec: module.Spec{
			Name: "ansible.builtin.setup", Summary: "Gather facts about the machine", CheckMode: true,
			Options: []module.Option{
				{Name: "gather_subset", Type: module.List, Elements: module.Str, Default: []any{"all"}, Help: "Which groups of facts; ! before a name leaves it out."},
				{Name: "gather_timeout", Type: module.Int, Default: int64(10), Help: "Seconds for slow facts; accepted and not needed."},
				{Name: "filter", Type: module.List, Elements: module.Str, Default: []any{}, Help: "Patterns of names; only these are returned."},
				{Name: "fact_path", Type: module.Path, Default: "/etc/ansible/facts.d", Help: "The folder of local facts."},
			},
		},
		Run: run,
	}}
}

// collector gathers one group of facts, by names without ansible_ before them.
type collector struct {
	name                       string
	ids                        []string // names of facts that ask for the group too
	minimal                    bool
	hardware, network, virtual bool
	gather                     func(g *gathering) error
}

func collectors() []collector {
	return []collector{
		{name: "platform", ids: []string{"system", "kernel", "kernel_version", "machine", "architecture", "python_version", "machine_id", "fqdn", "hostname", "domain", "nodename", "userspace_bits", "userspace_architecture"}, minimal: true, gather: platform},
		{name: "distribution", ids: []string{"distribution_version", "distribution_release", "distribution_major_version", "os_family"}, minimal: true, gather: distribution},
		{name: "lsb", minimal: true, gather: lsb},
		{name: "date_time", minimal: true, gather: dateTime},
		{name: "env", minimal: true, gather: environment},
		{name: "user", ids: []string{"user_id", "user_uid", "user_gid", "user_gecos", "user_dir", "user_shell", "real_user_id", "effective_user_id", "effective_group_ids"}, minimal: true, gather: account},
		{name: "ssh_pub_keys", ids: []string{"ssh_host_pub_keys", "ssh_host_key_dsa_public", "ssh_host_key_rsa_public", "ssh_host_key_ecdsa_public", "ssh_host_key_ed25519_public"}, minimal: true, gather: hostKeys},
		{name: "cmdline", minimal: true, gather: commandLine},
		{name: "dns", minimal: true, gather: dns},
		{name: "fips", minimal: true, gather: fips},
		{name: "selinux", minimal: true, gather: selinux},
		{name: "apparmor", minimal: true, gather: apparmor},
		{name: "caps", ids: []string{"system_capabilities", "system_capabilities_enforced"}, minimal: true, gather: capabilities},
		{name: "pkg_mgr", minimal: true, gather: packageManager},
		{name: "service_mgr", minimal: true, gather: serviceManager},
		{name: "python", minimal: true, gather: python},
		{name: "local", minimal: true, gather: local},
		{name: "chroot", ids: []string{"is_chroot"}, gather: chroot},
		{name: "loadavg", gather: loadAverage},
		{name: "hardware", ids: []string{"processor", "processor_cores", "processor_count", "mounts", "devices", "memory"}, hardware: true, gather: hardware},
		{name: "network", ids: []string{"interfaces", "default_ipv4", "default_ipv6", "all_ipv4_addresses", "all_ipv6_addresses"}, network: true, gather: network},
		{name: "iscsi", network: true, gather: constant("iscsi_iqn", "")},
		{name: "nvme", network: true, gather: constant("hostnqn", "")},
		{name: "fibre_channel_wwn", network: true, gather: constant("fibre_channel_wwn", []any{})},
		{name: "virtual", ids: []string{"virtualization_type", "virtualization_role", "virtualization_tech_guest", "virtualization_tech_host"}, virtual: true, gather: virtual},
	}
}

// gathering is one run of the module.
type gathering struct {
	ctx   context.Context
	call  *module.Call
	facts map[string]any
}

func constant(name string, v any) func(*gathering) error {
	return func(g *gathering) error {
		g.facts[name] = v
		return nil
	}
}

func run(ctx context.Context, c *module.Call) (module.Result, error) {
	chosen, err := choose(c.Args.Strings("gather_subset"))
	if err != nil {
		return nil, err
	}
	g := &gathering{ctx: ctx, call: c, facts: map[string]any{}}
	for _, col := range chosen {
		if err := col.gather(g); err != nil {
			c.Warn("the facts of %s were not gathered: %s", col.name, err)
		}
	}
	out := map[string]any{"gather_subset": anyList(c.Args.Strings("gather_subset")), "module_setup": true}
	filters := c.Args.Strings("filter")
	for name, v := range g.facts {
		full := name
		if name != "gather_subset" && name != "module_setup" {
			full = "ansible_" + name
		}
		if wanted(full, filters) {
			out[full] = v
		}
	}
	if len(filters) > 0 && !slices.Contains(filters, "*") {
		delete(out, "gather_subset")
		delete(out, "module_setup")
	}
	return module.Result{"ansible_facts": out}, nil
}

func anyList(in []string) []any {
	out := make([]any, len(in))
	for i, s := range in {
		out[i] = s
	}
	return out
}

func wanted(name string, filters []string) bool {
	if len(filters) == 0 {
		return true
	}
	for _, f := range filters {
		for _, pattern := range []string{f, "ansible_" + f} {
			if ok, err := path.Match(pattern, name); ok && err == nil {
				return true
			}
		}
	}
	return false
}

// choose finds the collectors that a gather_subset asks for.
func choose(subset []string) ([]collector, error) {
	all := collectors()
	picked, minimal := map[string]bool{}, true
	add := func(match func(c collector) bool, on bool) {
		for _, c := range all {
			if match(c) {
				picked[c.name] = on
			}
		}
	}
	var exclude []string
	some := false
	for _, s := range subset {
		if name, out := strings.CutPrefix(s, "!"); out {
			if name == "min" {
				minimal = false
			}
			exclude = append(exclude, name)
			continue
		}
		some = true
		match, err := matcher(s, all)
		if err != nil {
			return nil, err
		}
		add(match, true)
	}
	if !some && !slices.Contains(exclude, "all") {
		add(func(collector) bool { return true }, true)
	}
	for _, name := range exclude {
		match, err := matcher(name, all)
		if err != nil {
			return nil, err
		}
		if name == "all" && some {
			continue
		}
		add(func(c collector) bool { return match(c) && !c.minimal }, false)
		if name != "all" {
			add(func(c collector) bool { return c.name == name }, false)
		}
	}
	if minimal {
		add(func(c collector) bool { return c.minimal && !slices.Contains(exclude, c.name) }, true)
	}
	return slices.DeleteFunc(all, func(c collector) bool { return !picked[c.name] }), nil
}

func matcher(name string, all []collector) (func(collector) bool, error) {
	switch name {
	case "all":
		return func(collector) bool { return true }, nil
	case "min":
		return func(c collector) bool { return c.minimal }, nil
	case "hardware":
		return func(c collector) bool { return c.hardware }, nil
	case "network":
		return func(c collector) bool { return c.network }, nil
	case "virtual":
		return func(c collector) bool { return c.virtual }, nil
	case "facter", "ohai":
		return func(collector) bool { return false }, nil
	}
	for _, c := range all {
		if c.name == name || slices.Contains(c.ids, name) {
			return func(o collector) bool { return o.name == c.name }, nil
		}
	}
	names := map[string]bool{"all": true, "min": true, "hardware": true, "network": true, "virtual": true, "facter": true, "ohai": true}
	for _, c := range all {
		names[c.name] = true
		for _, id := range c.ids {
			names[id] = true
		}
	}
	return nil, value.Errorf("Bad subset '%s' given to Ansible. gather_subset options allowed: %s", name, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
}

package machine

import (
	"context"
	"errors"

	"garboard.dev/garboard/capability/platform"
	"garboard.dev/garboard/host/firewall"
)

// tables are those that the platform and its components leave in nftables.
var tables = []firewall.Name{
	{Family: "inet", Table: "garboard"},
	{Family: "ip", Table: "kube-proxy"},
	{Family: "ip6", Table: "kube-proxy"},
	{Family: "inet", Table: "cni_hostport"},
}

// rules are the platform's own: pods reach the outside with the machine's
// address, and nobody outside reaches pods or services past the ingress.
func rules(s platform.Settings) firewall.Table {
	return firewall.Table{
		Name: tables[0], Comment: "Garboard's pods: outward address, and who may come in",
		Chains: []firewall.Chain{
			{Name: "postrouting", Type: "nat", Hook: "postrouting", Priority: "srcnat", Rules: []string{
				"ip saddr " + s.PodCIDR + " ip daddr != " + s.PodCIDR + " oifname != " + s.Bridge + " masquerade",
			}},
			// Before connections are tracked: an answer to a pod still has the machine's address here.
			{Name: "from-outside", Type: "filter", Hook: "prerouting", Priority: "raw", Rules: []string{
				"iifname != { " + s.Bridge + ", lo } ip daddr { " + s.PodCIDR + ", " + s.ServiceCIDR + " } drop",
			}},
		},
	}
}

func (h Host) removeRules(ctx context.Context) error {
	var problems []error
	for _, name := range tables {
		problems = append(problems, h.Firewall.Delete(ctx, name))
	}
	return errors.Join(problems...)
}

// removeBridge deletes the bridge and the pods' interfaces on it.
func (h Host) removeBridge(name string) error {
	links, err := h.Links.List()
	if err != nil {
		return err
	}
	for _, l := range links {
		if l.Master == name {
			if err := h.Links.Delete(l.Name); err != nil {
				return err
			}
		}
	}
	return h.Links.Delete(name)
}

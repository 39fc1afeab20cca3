package setup

import (
	"bufio"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

func network(g *gathering) error {
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	names, all4, all6 := []any{}, []any{}, []any{}
	byName := map[string]map[string]any{}
	for _, l := range links {
		info := iface(l)
		names = append(names, l.Name)
		byName[l.Name] = info
		g.facts[factName(l.Name)] = info
		if l.Flags&net.FlagLoopback != 0 {
			continue
		}
		if v, ok := info["ipv4"].(map[string]any); ok {
			all4 = append(all4, v["address"])
		}
		if more, ok := info["ipv4_secondaries"].([]any); ok {
			for _, m := range more {
				if d, isDict := m.(map[string]any); isDict {
					all4 = append(all4, d["address"])
				}
			}
		}
		if v, ok := info["ipv6"].([]any); ok {
			for _, a := range v {
				if d, isDict := a.(map[string]any); isDict {
					all6 = append(all6, d["address"])
				}
			}
		}
	}
	g.facts["interfaces"], g.facts["all_ipv4_addresses"], g.facts["all_ipv6_addresses"] = names, all4, all6
	g.facts["default_ipv4"], g.facts["default_ipv6"] = default4(byName), default6(byName)
	return nil
}

// factName is an interface's name as a fact's: what no variable's name may have
// becomes an underscore.
func factName(name string) string {
	return strings.NewReplacer("-", "_", ":", "_", ".", "_").Replace(name)
}

func iface(l net.Interface) map[string]any {
	dir := "/sys/class/net/" + l.Name
	out := map[string]any{"device": l.Name, "type": kind(l, dir), "mtu": int64(l.MTU), "active": l.Flags&net.FlagUp != 0 && (read(dir+"/operstate") != "down")}
	if mac := l.HardwareAddr.String(); mac != "" && mac != "00:00:00:00:00:00" {
		out["macaddress"] = mac
	}
	if to, err := os.Readlink(dir + "/device/driver/module"); err == nil {
		out["module"] = filepath.Base(to)
	}
	if to, err := os.Readlink(dir + "/device"); err == nil {
		out["pciid"] = filepath.Base(to)
	}
	if speed, err := strconv.ParseInt(read(dir+"/speed"), 10, 64); err == nil {
		out["speed"] = speed
	}
	flags, err := strconv.ParseInt(strings.TrimPrefix(read(dir+"/flags"), "0x"), 16, 64)
	out["promisc"] = err == nil && flags&0x100 != 0
	if found, err := filepath.Glob(dir + "/brif/*"); err == nil && kind(l, dir) == "bridge" {
		members := []any{}
		for _, f := range found {
			members = append(members, filepath.Base(f))
		}
		out["interfaces"], out["id"] = members, read(dir+"/bridge/bridge_id")
		out["stp"] = read(dir+"/bridge/stp_state") == "1"
	}
	addAddresses(l, out)
	return out
}

func kind(l net.Interface, dir string) string {
	switch {
	case exists(dir + "/bridge"):
		return "bridge"
	case exists(dir + "/bonding"):
		return "bonding"
	}
	return map[string]string{"1": "ether", "32": "infiniband", "512": "ppp", "772": "loopback", "65534": "tunnel", "65535": "unknown"}[first(read(dir+"/type"), "1")]
}

func addAddresses(l net.Interface, out map[string]any) {
	addresses, err := l.Addrs()
	if err != nil {
		return // an interface that went away has none
	}
	var six []any
	for _, a := range addresses {
		ipnet, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		bits, _ := ipnet.Mask.Size()
		if v4 := ipnet.IP.To4(); v4 != nil {
			entry := map[string]any{"address": v4.String(), "netmask": net.IP(ipnet.Mask).String(), "network": v4.Mask(ipnet.Mask).String(), "prefix": strconv.Itoa(bits), "broadcast": ""}
			if l.Flags&net.FlagBroadcast != 0 && bits < 31 {
				entry["broadcast"] = broadcast(v4, ipnet.Mask)
			}
			if _, had := out["ipv4"]; had {
				more, _ := out["ipv4_secondaries"].([]any)
				out["ipv4_secondaries"] = append(more, entry)
				continue
			}
			out["ipv4"] = entry
			continue
		}
		scope := "global"
		switch {
		case ipnet.IP.IsLoopback():
			scope = "host"
		case ipnet.IP.IsLinkLocalUnicast():
			scope = "link"
		}
		six = append(six, map[string]any{"address": ipnet.IP.String(), "prefix": strconv.Itoa(bits), "scope": scope})
	}
	if six != nil {
		out["ipv6"] = six
	}
}

func broadcast(ip net.IP, mask net.IPMask) string {
	out := make(net.IP, len(ip))
	for i := range ip {
		out[i] = ip[i] | ^mask[len(mask)-len(ip)+i]
	}
	return out.String()
}

func copied(from map[string]any, keys ...string) map[string]any {
	out := map[string]any{}
	for _, k := range keys {
		if v, ok := from[k]; ok {
			out[k] = v
		}
	}
	return out
}

// default4 is the interface of the default route (proc_net(5), route).
func default4(byName map[string]map[string]any) map[string]any {
	f, err := os.Open("/proc/net/route")
	if err != nil {
		return map[string]any{}
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		c := strings.Fields(s.Text())
		if len(c) < 8 || c[1] != "00000000" || c[7] != "00000000" {
			continue
		}
		raw, err := hex.DecodeString(c[2])
		info := byName[c[0]]
		if err != nil || len(raw) != 4 || info == nil {
			continue
		}
		out := copied(info, "macaddress", "mtu", "type")
		if v4, ok := info["ipv4"].(map[string]any); ok {
			for k, v := range v4 {
				out[k] = v
			}
		}
		out["gateway"] = net.IPv4(raw[3], raw[2], raw[1], raw[0]).String()
		out["interface"], out["alias"] = c[0], c[0]
		return out
	}
	return map[string]any{}
}

// default6 is the same for IPv6 (proc_net(5), ipv6_route).
func default6(byName map[string]map[string]any) map[string]any {
	zero := strings.Repeat("0", 32)
	for line := range strings.Lines(read("/proc/net/ipv6_route") + "\n") {
		c := strings.Fields(line)
		if len(c) < 10 || c[0] != zero || c[1] != "00" || c[4] == zero || c[9] == "lo" {
			continue
		}
		raw, err := hex.DecodeString(c[4])
		info := byName[c[9]]
		if err != nil || info == nil {
			continue
		}
		gateway, ok := netip.AddrFromSlice(raw)
		if !ok {
			continue
		}
		out := copied(info, "macaddress", "mtu", "type")
		out["gateway"], out["interface"] = gateway.String(), c[9]
		if six, ok := info["ipv6"].([]any); ok {
			for _, a := range six {
				if d, isDict := a.(map[string]any); isDict && d["scope"] == "global" {
					for k, v := range d {
						out[k] = v
					}
					break
				}
			}
		}
		return out
	}
	return map[string]any{}
}

package filter

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"

	"garboard.dev/garboard/capability/play/jinja"
	"garboard.dev/garboard/capability/play/value"
)

// network are the filters of ansible.utils about addresses.
func (s *Set) network() map[string]jinja.Callable {
	version := func(only int) jinja.Callable {
		return of(func(v value.Value, a *value.Args) (value.Value, error) {
			return ipaddr(v, value.Str(a.Take("query", "")), only)
		})
	}
	return map[string]jinja.Callable{
		"ipaddr": version(0), "ipv4": version(4), "ipv6": version(6),
		"ipwrap": of(func(v value.Value, a *value.Args) (value.Value, error) {
			return ipwrap(v, value.Str(a.Take("query", "")))
		}),
		"nthhost": of(func(v value.Value, a *value.Args) (value.Value, error) {
			p, err := netip.ParsePrefix(value.Str(v))
			if err != nil {
				return false, nil // what is no network has no hosts
			}
			return nth(p, a.Int("nth", 0)), nil
		}),
		"ipmath": of(func(v value.Value, a *value.Args) (value.Value, error) {
			t := value.Str(v)
			if p, err := netip.ParsePrefix(t); err == nil {
				t = p.Addr().String()
			}
			addr, err := netip.ParseAddr(t)
			if err != nil {
				return nil, value.Errorf("You must pass a valid IP address; %s is invalid", value.Str(v))
			}
			return plus(addr, a.Int("amount", 0)).String(), nil
		}),
		"ipsubnet": of(ipsubnet),
		"cidr_merge": of(func(v value.Value, a *value.Args) (value.Value, error) {
			in, err := items(v)
			if err != nil {
				return nil, err
			}
			return mergeNetworks(in)
		}),
		"network_in_usable": of(func(v value.Value, a *value.Args) (value.Value, error) {
			p, err := netip.ParsePrefix(value.Str(v))
			if err != nil {
				return false, nil // what is no network contains nothing
			}
			addr, err := netip.ParseAddr(value.Str(a.Need("test")))
			if err != nil {
				return false, nil // what is no address is in none
			}
			first, last := span(p)
			return p.Contains(addr) && (p.Bits() >= 31 || addr != first && addr != last), nil
		}),
		"network_in_network": of(func(v value.Value, a *value.Args) (value.Value, error) {
			p, err := netip.ParsePrefix(value.Str(v))
			if err != nil {
				return false, nil // what is no network contains nothing
			}
			inner, ok := parseNetwork(value.Str(a.Need("test")))
			if !ok {
				return false, nil
			}
			return p.Masked().Contains(inner.Addr()) && inner.Bits() >= p.Bits(), nil
		}),
	}
}

// parseNetwork reads an address or a network.
func parseNetwork(t string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(t); err == nil {
		return p, true
	}
	if addr, mask, ok := strings.Cut(t, "/"); ok {
		a, err1 := netip.ParseAddr(addr)
		m, err2 := netip.ParseAddr(mask)
		if err1 == nil && err2 == nil && a.Is4() && m.Is4() {
			bits := 0
			n := binary.BigEndian.Uint32(m.AsSlice())
			for n&(1<<31) != 0 {
				bits++
				n <<= 1
			}
			return netip.PrefixFrom(a, bits), n == 0
		}
		return netip.Prefix{}, false
	}
	if a, err := netip.ParseAddr(t); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	return netip.Prefix{}, false
}

// span returns the first and last address of a network.
func span(p netip.Prefix) (first, last netip.Addr) {
	first = p.Masked().Addr()
	raw := first.AsSlice()
	for i := p.Bits(); i < len(raw)*8; i++ {
		raw[i/8] |= 1 << (7 - i%8)
	}
	last, _ = netip.AddrFromSlice(raw) // of the length that it came in
	return first, last
}

func plus(a netip.Addr, n int64) netip.Addr {
	sum := new(big.Int).Add(new(big.Int).SetBytes(a.AsSlice()), big.NewInt(n))
	raw := make([]byte, a.BitLen()/8)
	if sum.Sign() < 0 || sum.BitLen() > a.BitLen() {
		return a
	}
	sum.FillBytes(raw)
	out, _ := netip.AddrFromSlice(raw) // of the length that it came in
	return out
}

func nth(p netip.Prefix, n int64) value.Value {
	first, last := span(p)
	if n < 0 {
		a := plus(last, n+1)
		return a.String()
	}
	a := plus(first, n)
	if !p.Contains(a) {
		return nil
	}
	return a.String()
}

func netmask(bits, length int) netip.Addr {
	raw := make([]byte, length/8)
	for i := range bits {
		raw[i/8] |= 1 << (7 - i%8)
	}
	out, _ := netip.AddrFromSlice(raw) // 4 or 16 bytes
	return out
}

// ipaddr asks a question of an address, or of each in a list.
func ipaddr(v value.Value, query string, only int) (value.Value, error) {
	switch l := v.(type) {
	case *value.List:
		out := value.NewList()
		for _, i := range l.Items {
			r, err := ipaddr(i, query, only)
			if err != nil {
				return nil, err
			}
			if value.Truth(r) {
				out.Items = append(out.Items, r)
			}
		}
		return out, nil
	case nil, bool:
		return false, nil
	case *value.Undefined:
		return nil, undefined(l)
	}
	t := value.Str(v)
	p, ok := parseNetwork(t)
	if !ok || only == 4 && !p.Addr().Is4() || only == 6 && !p.Addr().Is6() {
		return false, nil
	}
	return ask(p, t, strings.Contains(t, "/"), query)
}

// ask answers ipaddr's questions.
func ask(p netip.Prefix, t string, isNetwork bool, query string) (value.Value, error) {
	first, last := span(p)
	host := p.Bits() == p.Addr().BitLen()
	usable := !isNetwork || host || p.Addr() != first || p.Bits() >= p.Addr().BitLen()-1
	when := func(ok bool, v value.Value) (value.Value, error) {
		if ok {
			return v, nil
		}
		return false, nil
	}
	switch query {
	case "", "bool":
		if query == "bool" {
			return true, nil
		}
		return t, nil
	case "address", "ip":
		return when(usable, p.Addr().String())
	case "version":
		return when(true, map[bool]value.Value{true: int64(4), false: int64(6)}[p.Addr().Is4()])
	case "net":
		return when(p.Addr() == first && !host, p.String())
	case "network", "network_id":
		return first.String(), nil
	case "network/prefix", "subnet":
		return p.Masked().String(), nil
	case "broadcast":
		return when(!host, last.String())
	case "netmask":
		return netmask(p.Bits(), p.Addr().BitLen()).String(), nil
	case "prefix":
		return int64(p.Bits()), nil
	case "host", "host/prefix", "hostnet":
		return when(usable, p.String())
	case "address/prefix", "ip/prefix":
		return when(usable, p.String())
	case "gateway", "gw":
		return when(!host, plus(first, 1).String())
	case "first_usable":
		return when(!host, plus(first, 1).String())
	case "last_usable":
		return when(!host, plus(last, -1).String())
	case "range_usable":
		return when(!host, plus(first, 1).String()+"-"+plus(last, -1).String())
	case "size":
		return value.Int(new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))), nil
	case "private":
		return when(p.Addr().IsPrivate(), t)
	case "public":
		return when(!p.Addr().IsPrivate() && p.Addr().IsGlobalUnicast(), t)
	case "loopback", "lo":
		return when(p.Addr().IsLoopback(), t)
	case "multicast":
		return when(p.Addr().IsMulticast(), t)
	case "link-local":
		return when(p.Addr().IsLinkLocalUnicast(), t)
	case "unicast":
		return when(!p.Addr().IsMulticast(), t)
	case "ipv4", "v4":
		return when(p.Addr().Is4(), t)
	case "ipv6", "v6":
		return when(p.Addr().Is6(), t)
	case "int":
		return value.Int(new(big.Int).SetBytes(p.Addr().AsSlice())), nil
	case "revdns":
		return when(p.Addr().Is4(), reverse(p.Addr()))
	case "wrap":
		return ipwrap(t, "")
	}
	if n, err := strconv.ParseInt(query, 10, 64); err == nil {
		found := nth(p, n)
		if found == nil {
			return false, nil
		}
		return value.Str(found) + "/" + strconv.Itoa(p.Bits()), nil
	}
	if within, ok := parseNetwork(query); ok {
		return when(within.Masked().Contains(p.Addr()) && p.Bits() >= within.Bits(), t)
	}
	return nil, value.Errorf("ipaddr: unknown filter type: %s", query)
}

func reverse(a netip.Addr) string {
	b := a.As4()
	return fmt.Sprintf("%d.%d.%d.%d.in-addr.arpa.", b[3], b[2], b[1], b[0])
}

// ipwrap puts IPv6 addresses into brackets.
func ipwrap(v value.Value, query string) (value.Value, error) {
	if l, ok := v.(*value.List); ok {
		out := value.NewList()
		for _, i := range l.Items {
			w, err := ipwrap(i, query)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, w)
		}
		return out, nil
	}
	t := value.Str(v)
	p, ok := parseNetwork(t)
	if !ok || !p.Addr().Is6() {
		return v, nil
	}
	addr, bits, hasBits := strings.Cut(t, "/")
	if hasBits {
		return "[" + addr + "]/" + bits, nil
	}
	return "[" + addr + "]", nil
}

// ipsubnet finds subnets of a network: how many there are, or one of them.
func ipsubnet(v value.Value, a *value.Args) (value.Value, error) {
	query, index := a.Take("query", ""), a.Take("index", nil)
	p, ok := parseNetwork(value.Str(v))
	if !ok {
		return false, nil
	}
	if value.Str(query) == "" {
		return p.String(), nil
	}
	bits, err := strconv.Atoi(value.Str(query))
	if err != nil || bits > p.Addr().BitLen() {
		return false, nil // what is no length has no subnets
	}
	p = p.Masked()
	if index == nil {
		if bits < p.Bits() {
			return netip.PrefixFrom(p.Addr(), bits).Masked().String(), nil
		}
		return value.Str(value.Int(new(big.Int).Lsh(big.NewInt(1), uint(bits-p.Bits())))), nil
	}
	n := int64(whole(index, 0))
	if bits < p.Bits() {
		return false, nil
	}
	size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-bits))
	count := new(big.Int).Lsh(big.NewInt(1), uint(bits-p.Bits()))
	at := big.NewInt(n)
	if n < 0 {
		at.Add(count, at)
	}
	if at.Sign() < 0 || at.Cmp(count) >= 0 {
		return false, nil
	}
	sum := new(big.Int).Add(new(big.Int).SetBytes(p.Addr().AsSlice()), at.Mul(at, size))
	raw := make([]byte, p.Addr().BitLen()/8)
	sum.FillBytes(raw)
	addr, _ := netip.AddrFromSlice(raw) // of the length that it came in
	return netip.PrefixFrom(addr, bits).String(), nil
}

// mergeNetworks puts neighbouring networks together.
func mergeNetworks(in []value.Value) (value.Value, error) {
	var nets []netip.Prefix
	for _, i := range in {
		p, ok := parseNetwork(value.Str(i))
		if !ok {
			return nil, value.Errorf("cidr_merge: %s is no network", value.Str(i))
		}
		nets = append(nets, p.Masked())
	}
	for changed := true; changed; {
		changed = false
		for i := 0; i < len(nets) && !changed; i++ {
			for j := range nets {
				if i == j {
					continue
				}
				a, b := nets[i], nets[j]
				merged := netip.Prefix{}
				switch {
				case a.Bits() <= b.Bits() && a.Contains(b.Addr()):
					merged = a
				case a.Bits() == b.Bits() && a.Bits() > 0:
					up := netip.PrefixFrom(a.Addr(), a.Bits()-1).Masked()
					if up.Contains(b.Addr()) {
						merged = up
					}
				}
				if merged.IsValid() {
					nets[i] = merged
					nets = append(nets[:j], nets[j+1:]...)
					changed = true
					break
				}
			}
		}
	}
	out := value.NewList()
	for _, n := range nets {
		out.Items = append(out.Items, n.String())
	}
	return out, nil
}

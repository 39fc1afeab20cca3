package component

import "net/netip"

// firstAddress returns the first usable address of cidr: the one that the
// kubernetes service gets. It is "" where cidr is malformed.
func firstAddress(cidr string) string {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return ""
	}
	return prefix.Masked().Addr().Next().String()
}

package platform

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"regexp"

	"garboard.dev/garboard/fault"
)

// Settings are what one platform was started with; they stand in SettingsFile
// as JSON and change only by `up` with flags.
type Settings struct {
	NodeName    string `json:"nodeName"`
	NodeIP      string `json:"nodeIP"`      // the address that pods and components reach this node by
	Listen      string `json:"listen"`      // the address for traffic from outside, "127.0.0.1" unless asked
	PodCIDR     string `json:"podCIDR"`     // as "10.42.0.0/16"
	ServiceCIDR string `json:"serviceCIDR"` // as "10.43.0.0/16"
	DNSAddress  string `json:"dnsAddress"`  // the cluster DNS service's address, as "10.43.0.10"
	Bridge      string `json:"bridge"`      // the interface that the pods hang on, as "garboard0"
	HTTPPort    int    `json:"httpPort"`    // 80
	HTTPSPort   int    `json:"httpsPort"`   // 443
	ConsolePort int    `json:"consolePort"` // 8443
	APIPort     int    `json:"apiPort"`     // 6443
}

// DefaultSettings are right for a machine that nobody configured. With these,
// everything listens on loopback or on the pods' bridge.
func DefaultSettings() Settings {
	return Settings{
		NodeIP: "10.42.0.1", Listen: "127.0.0.1",
		PodCIDR: "10.42.0.0/16", ServiceCIDR: "10.43.0.0/16", DNSAddress: "10.43.0.10",
		Bridge: "garboard0", HTTPPort: 80, HTTPSPort: 443, ConsolePort: 8443, APIPort: 6443,
	}
}

// nodeName is a DNS label or subdomain, as Kubernetes wants a node's name to be.
var nodeName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)

// Complete returns s with what follows from the rest filled in: the node's and
// the DNS service's address. A setting that cannot be gives an error that names it.
func (s Settings) Complete() (Settings, error) {
	if !nodeName.MatchString(s.NodeName) {
		return s, fault.Usage("choose another with --node-name", "%q cannot be a node's name: it takes lower-case letters, digits, - and .", s.NodeName)
	}
	if _, err := netip.ParseAddr(s.Listen); err != nil {
		return s, fault.Usage("use an address of this machine, or 0.0.0.0 for all", "--listen %q is no IP address", s.Listen)
	}
	pods, err := network("--pod-cidr", s.PodCIDR, 24)
	if err != nil {
		return s, err
	}
	services, err := network("--service-cidr", s.ServiceCIDR, 24)
	if err != nil {
		return s, err
	}
	if pods.Overlaps(services) {
		return s, fault.Usage("choose two that do not overlap", "the pods' network %s and the services' network %s overlap", pods, services)
	}
	s.PodCIDR, s.ServiceCIDR = pods.String(), services.String()
	s.NodeIP = pods.Addr().Next().String()
	dns := services.Addr()
	for range 10 { // the tenth address, as everywhere in the field
		dns = dns.Next()
	}
	s.DNSAddress = dns.String()
	return s, nil
}

// network parses an IPv4 network of at most bits bits.
func network(flag, text string, bits int) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is4() || prefix.Bits() > bits {
		return prefix, fault.Usage("as 10.42.0.0/16", "%s %q is no IPv4 network of /%d or larger", flag, text, bits)
	}
	return prefix.Masked(), nil
}

// ReadSettings reads the settings of the platform at l.
func ReadSettings(l Layout) (Settings, error) {
	s := DefaultSettings()
	text, err := os.ReadFile(l.SettingsFile())
	if err != nil {
		return s, fault.Wrap(err, fault.NotFound, "read the settings", "garboard up writes them")
	}
	if err = json.Unmarshal(text, &s); err == nil {
		// A key that is not known would be lost when the settings are written again.
		strict := json.NewDecoder(bytes.NewReader(text))
		strict.DisallowUnknownFields()
		err = strict.Decode(&Settings{})
	}
	if err != nil {
		return s, fault.New(fault.Failed, "read "+l.SettingsFile(), "mend it, or delete it and start with garboard up and the flags you want", "%w", err)
	}
	return s, nil
}

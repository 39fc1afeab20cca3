package platform

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

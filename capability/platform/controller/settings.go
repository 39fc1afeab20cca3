package controller

import (
	"encoding/json"
	"os"

	"garboard.dev/garboard/capability/platform"
)

// clusterDNS is the address that the kubelet gives pods as their name server.
func clusterDNS(l platform.Layout) string {
	s := platform.DefaultSettings()
	if text, err := os.ReadFile(l.SettingsFile()); err == nil && json.Unmarshal(text, &s) == nil {
		return s.DNSAddress
	}
	return platform.DefaultSettings().DNSAddress
}

package registry

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"

	"garboard.dev/garboard/host/file"
)

// names are those by which pods may call the registry in an image's name.
func names(nodeIP string) []string {
	return []string{Host, Host + ":" + Port, "localhost:" + Port, "127.0.0.1:" + Port, nodeIP + ":" + Port}
}

// WriteHosts tells the node's containerd how to reach the registry: by the
// node's address whatever the name, with the platform's authority and as the
// node's own account. The format is containerd's hosts.toml (docs/hosts.md).
func WriteHosts(dir, nodeIP, caFile, nodePassword string) error {
	login := base64.StdEncoding.EncodeToString([]byte(NodeAccount + ":" + nodePassword))
	address := "https://" + nodeIP + ":" + Port
	text := fmt.Sprintf(`server = %[1]q
[host.%[1]q]
  capabilities = ["pull", "resolve"]
  ca = %[2]q
  [host.%[1]q.header]
    authorization = "Basic %[3]s"
`, address, caFile, login)
	for _, name := range names(nodeIP) {
		folder := filepath.Join(dir, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("tell containerd of the registry: %w", err)
		}
		if err := file.Write(filepath.Join(folder, "hosts.toml"), []byte(text), 0o600); err != nil {
			return fmt.Errorf("tell containerd of the registry: %w", err)
		}
	}
	return nil
}

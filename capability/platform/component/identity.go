package component

import (
	"fmt"

	"garboard.dev/garboard/capability/platform/pki"
)

// Authorities are the platform's certificate authorities: one for the API and
// its clients, one for etcd alone (who reads etcd reads everything), one for
// the API server as a proxy in front of aggregated APIs.
var Authorities = []string{"ca", "etcd-ca", "front-proxy-ca"}

// Certificate is one certificate with the authority that signs it.
type Certificate struct {
	Authority string
	pki.Spec
}

// Certificates lists every certificate of the platform.
func Certificates(in Input) []Certificate {
	s := in.Settings
	api := []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		"localhost", "127.0.0.1", s.NodeName, s.NodeIP, firstAddress(s.ServiceCIDR)}
	if in.outside() {
		api = append(api, in.Machine.ExternalIPs...)
	}
	client := func(authority, name, user string, groups ...string) Certificate {
		return Certificate{authority, pki.Spec{Name: name, CommonName: user, Organization: groups, Client: true}}
	}
	server := func(name, user string, hosts ...string) Certificate {
		return Certificate{"ca", pki.Spec{Name: name, CommonName: user, Hosts: hosts, Server: true}}
	}
	return []Certificate{
		{"etcd-ca", pki.Spec{Name: "etcd", CommonName: "etcd", Hosts: []string{"localhost", "127.0.0.1"}, Server: true, Client: true}},
		client("etcd-ca", "etcd-client", "kube-apiserver"),
		client("front-proxy-ca", "front-proxy", "front-proxy-client"),
		{"ca", pki.Spec{Name: "apiserver", CommonName: "kube-apiserver", Hosts: unique(api), Server: true}},
		client("ca", "apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
		client("ca", "controller-manager", "system:kube-controller-manager"),
		server("controller-manager-serving", "kube-controller-manager", "localhost", "127.0.0.1"),
		client("ca", "scheduler", "system:kube-scheduler"),
		server("scheduler-serving", "kube-scheduler", "localhost", "127.0.0.1"),
		client("ca", "kubelet", "system:node:"+s.NodeName, "system:nodes"),
		server("kubelet-serving", "system:node:"+s.NodeName, s.NodeName, s.NodeIP),
		client("ca", "kube-proxy", "system:kube-proxy"),
		client("ca", "coredns", "garboard:coredns"),
		client("ca", "agent", "garboard:agent"),
		client("ca", "supervisor", "garboard:supervisor", "system:masters"),
		client("ca", "admin", "garboard:admin", "system:masters"),
	}
}

// Kubeconfigs lists the kubeconfig files: name of the file to the certificate in it.
// The administrator's own stands at Layout.AdminKubeconfig.
func Kubeconfigs(in Input) map[string]string {
	out := map[string]string{in.Layout.AdminKubeconfig(): "admin"}
	for _, name := range []string{"controller-manager", "scheduler", "kubelet", "kube-proxy", "coredns", "agent"} {
		out[in.kubeconfig(name)] = name
	}
	return out
}

// Kubeconfig returns the text of a kubeconfig with everything in it. ca, cert
// and key are PEM, base64 is done by the caller's encoder.
func Kubeconfig(in Input, user string, ca, cert, key string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: garboard
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %s
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: garboard
  context: {cluster: garboard, user: %s}
current-context: garboard
`, in.APIServer(), ca, user, cert, key, user)
}

// APIServer is the API's address.
func (in Input) APIServer() string {
	return fmt.Sprintf("https://%s:%d", in.Settings.NodeIP, in.Settings.APIPort)
}

// AgentKubeconfig is the agent's kubeconfig file.
func (in Input) AgentKubeconfig() string { return in.kubeconfig("agent") }

// EncryptionConfig is the file with the key that secrets are encrypted with at
// rest; it is made once.
func (in Input) EncryptionConfig() string { return in.config("encryption.yaml") }

// EncryptionText is that file's content for a key of 32 bytes in base64.
func EncryptionText(key string) string {
	return `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - secretbox:
      keys:
      - name: first
        secret: ` + key + `
  - identity: {}
`
}

func unique(in []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range in {
		if s != "" && !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

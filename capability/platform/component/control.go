package component

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// etcdClient is where etcd serves its one client, the API server.
const etcdClient = "https://127.0.0.1:2379"

func (in Input) etcd() Component {
	return Component{
		Name: "etcd", Part: "etcd",
		Args: []string{in.bin("etcd"),
			"--name=" + in.Settings.NodeName,
			"--data-dir=" + filepath.Join(in.Layout.StateDir, "etcd"),
			"--listen-client-urls=" + etcdClient, "--advertise-client-urls=" + etcdClient,
			"--listen-peer-urls=https://127.0.0.1:2380", "--initial-advertise-peer-urls=https://127.0.0.1:2380",
			"--initial-cluster=" + in.Settings.NodeName + "=https://127.0.0.1:2380",
			"--client-cert-auth", "--trusted-ca-file=" + in.pki("etcd-ca.crt"),
			"--cert-file=" + in.pki("etcd.crt"), "--key-file=" + in.pki("etcd.key"),
			"--peer-client-cert-auth", "--peer-trusted-ca-file=" + in.pki("etcd-ca.crt"),
			"--peer-cert-file=" + in.pki("etcd.crt"), "--peer-key-file=" + in.pki("etcd.key"),
			"--auto-compaction-mode=periodic", "--auto-compaction-retention=1h",
			"--quota-backend-bytes=" + strconv.Itoa(4<<30),
			"--snapshot-count=10000", "--logger=zap", "--log-level=warn",
			"--heartbeat-interval=100", "--election-timeout=500",
		},
		Env:    []string{"GOGC=50"},
		Health: "https://127.0.0.1:2379/health",
		Starts: 60 * time.Second, Stops: 20 * time.Second,
		Certs: []string{"etcd"},
	}
}

func (in Input) apiserver() Component {
	s := in.Settings
	bind := s.NodeIP
	if in.outside() {
		bind = "0.0.0.0"
	}
	args := []string{in.bin("kube-apiserver"),
		"--bind-address=" + bind, "--secure-port=" + strconv.Itoa(s.APIPort), "--advertise-address=" + s.NodeIP,
		"--etcd-servers=" + etcdClient, "--etcd-cafile=" + in.pki("etcd-ca.crt"),
		"--etcd-certfile=" + in.pki("etcd-client.crt"), "--etcd-keyfile=" + in.pki("etcd-client.key"),
		"--etcd-count-metric-poll-period=0",
		"--client-ca-file=" + in.pki("ca.crt"),
		"--tls-cert-file=" + in.pki("apiserver.crt"), "--tls-private-key-file=" + in.pki("apiserver.key"),
		"--tls-min-version=VersionTLS12",
		"--kubelet-certificate-authority=" + in.pki("ca.crt"),
		"--kubelet-client-certificate=" + in.pki("apiserver-kubelet.crt"), "--kubelet-client-key=" + in.pki("apiserver-kubelet.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + in.pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + in.pki("front-proxy.crt"), "--proxy-client-key-file=" + in.pki("front-proxy.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + in.pki("service-account.key"), "--service-account-signing-key-file=" + in.pki("service-account.key"),
		"--service-cluster-ip-range=" + s.ServiceCIDR,
		"--authorization-mode=Node,RBAC", "--anonymous-auth=false", "--allow-privileged=true",
		"--enable-admission-plugins=NodeRestriction",
		"--admission-control-config-file=" + in.config("admission.yaml"),
		"--encryption-provider-config=" + in.config("encryption.yaml"),
		"--audit-policy-file=" + in.config("audit.yaml"), "--audit-log-path=" + filepath.Join(in.Layout.LogDir(), "audit.log"),
		"--audit-log-maxsize=50", "--audit-log-maxbackup=4", "--audit-log-mode=batch",
		"--profiling=false", "--shutdown-delay-duration=0s", "--shutdown-watch-termination-grace-period=1s",
	}
	return Component{
		Name: "kube-apiserver", Part: "kubernetes", Needs: []string{"etcd"}, Args: args, Env: []string{"GOGC=60"},
		Files: []File{
			{in.config("admission.yaml"), 0o600, admission},
			{in.config("audit.yaml"), 0o600, auditPolicy},
		},
		Health: fmt.Sprintf("https://%s:%d/readyz?exclude=shutdown", s.NodeIP, s.APIPort),
		Starts: 90 * time.Second, Stops: 65 * time.Second,
		Certs: []string{"apiserver", "apiserver-kubelet", "etcd-client", "front-proxy"},
	}
}

func (in Input) controllerManager() Component {
	s := in.Settings
	kubeconfig := in.kubeconfig("controller-manager")
	return Component{
		Name: "kube-controller-manager", Part: "kubernetes", Needs: []string{"kube-apiserver"}, Env: []string{"GOGC=60"},
		Args: []string{in.bin("kube-controller-manager"),
			"--kubeconfig=" + kubeconfig, "--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
			"--bind-address=127.0.0.1", "--leader-elect=false", "--profiling=false",
			"--tls-cert-file=" + in.pki("controller-manager-serving.crt"), "--tls-private-key-file=" + in.pki("controller-manager-serving.key"),
			"--use-service-account-credentials", "--root-ca-file=" + in.pki("ca.crt"),
			"--service-account-private-key-file=" + in.pki("service-account.key"),
			"--cluster-signing-cert-file=" + in.pki("ca.crt"), "--cluster-signing-key-file=" + in.pki("ca.key"),
			"--allocate-node-cidrs", "--cluster-cidr=" + s.PodCIDR, "--node-cidr-mask-size=24", "--service-cluster-ip-range=" + s.ServiceCIDR,
			"--kube-api-qps=200", "--kube-api-burst=400", "--concurrent-deployment-syncs=10", "--concurrent-replicaset-syncs=10",
		},
		Health: "https://127.0.0.1:10257/healthz", Starts: 60 * time.Second, Stops: 10 * time.Second,
		Certs: []string{"controller-manager", "controller-manager-serving"},
	}
}

func (in Input) scheduler() Component {
	kubeconfig := in.kubeconfig("scheduler")
	config := strings.NewReplacer("KUBECONFIG", kubeconfig).Replace(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
enableProfiling: false
clientConnection:
  kubeconfig: KUBECONFIG
  qps: 400
  burst: 800
`)
	return Component{
		Name: "kube-scheduler", Part: "kubernetes", Needs: []string{"kube-apiserver"}, Env: []string{"GOGC=60"},
		Args: []string{in.bin("kube-scheduler"),
			"--config=" + in.config("scheduler.yaml"),
			"--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
			"--bind-address=127.0.0.1",
			"--tls-cert-file=" + in.pki("scheduler-serving.crt"), "--tls-private-key-file=" + in.pki("scheduler-serving.key"),
		},
		Files:  []File{{in.config("scheduler.yaml"), 0o600, config}},
		Health: "https://127.0.0.1:10259/healthz", Starts: 60 * time.Second, Stops: 10 * time.Second,
		Certs: []string{"scheduler", "scheduler-serving"},
	}
}

// admission makes Pod Security's baseline the rule; a namespace that needs more
// is labelled so. The platform's own namespaces are exempt.
const admission = `apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults:
      enforce: baseline
      enforce-version: latest
      warn: baseline
      warn-version: latest
    exemptions:
      namespaces: [kube-system, garboard-system]
`

// auditPolicy keeps who changed what, without the contents of secrets and
// without the platform's own reads.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  verbs: [get, list, watch]
- level: None
  resources:
  - group: coordination.k8s.io
    resources: [leases]
  - group: ""
    resources: [events]
  - group: events.k8s.io
    resources: [events]
- level: None
  users: ["system:kube-controller-manager", "system:kube-scheduler", "system:kube-proxy", "garboard:agent"]
  resources:
  - group: ""
    resources: ["*/status", endpoints]
  - group: apps
    resources: ["*/status"]
  - group: discovery.k8s.io
- level: None
  userGroups: ["system:nodes"]
  resources:
  - group: ""
    resources: [nodes/status, pods/status, serviceaccounts/token]
- level: None
  resources:
  - group: authentication.k8s.io
  - group: authorization.k8s.io
- level: Metadata
`

package component

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

// PauseImage is what every pod's sandbox runs; the platform makes it itself.
const PauseImage = "garboard.dev/pause:1"

func (in Input) containerd() Component {
	cni := filepath.Join(in.Layout.StateDir, "config", "cni")
	config := fmt.Sprintf(`version = 3
root = %q
state = %q
disabled_plugins = [
  "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.native", "io.containerd.snapshotter.v1.erofs",
  "io.containerd.differ.v1.erofs", "io.containerd.nri.v1.nri", "io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
address = %q

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = %q
[plugins."io.containerd.cri.v1.images".registry]
config_path = %q

[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = %t
netns_mounts_under_state_dir = true
enable_unprivileged_ports = true
enable_unprivileged_icmp = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = %q
Root = %q
SystemdCgroup = %t
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = [%q]
conf_dir = %q
`, in.Layout.ContainerdRoot(), filepath.Join(in.Layout.RunDir, "containerd"), in.Layout.ContainerdSocket(), PauseImage,
		in.Layout.RegistryHostsDir(), !in.Machine.LowersOOM, in.bin("runc"), filepath.Join(in.Layout.RunDir, "runc"),
		in.Machine.Systemd, in.Machine.EngineDir, cni)
	return Component{
		Name: "containerd", Part: "containerd", Env: []string{"GOGC=60"},
		Args: []string{in.bin("containerd"), "--config", in.config("containerd.toml"), "--log-level", "warn"},
		Files: []File{
			{in.config("containerd.toml"), 0o600, config},
			{filepath.Join(cni, "10-garboard.conflist"), 0o644, in.cniConfig()},
		},
		Health: "cri:" + in.Layout.ContainerdSocket(), Starts: 60 * time.Second, Stops: 20 * time.Second,
	}
}

// cniConfig hangs the pods on the bridge that the platform has made. Masquerading
// is the platform's own nft table's work, for one rule serves all pods.
func (in Input) cniConfig() string {
	list := map[string]any{
		"cniVersion": "1.0.0", "name": "garboard",
		"plugins": []any{
			map[string]any{
				"type": "bridge", "bridge": in.Settings.Bridge, "isGateway": true, "isDefaultGateway": true, "ipMasq": false, "hairpinMode": true,
				"ipam": map[string]any{
					"type": "host-local", "dataDir": filepath.Join(in.Layout.RunDir, "ipam"),
					"ranges": []any{[]any{map[string]any{"subnet": in.nodeCIDR(), "gateway": in.Settings.NodeIP}}},
				},
			},
			map[string]any{"type": "portmap", "capabilities": map[string]bool{"portMappings": true}, "backend": "nftables", "snat": true},
		},
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("the CNI configuration cannot be encoded: %v", err)) // constant shape: cannot happen
	}
	return string(text)
}

// nodeCIDR is this node's part of the pod network: the first /24, which holds NodeIP.
func (in Input) nodeCIDR() string {
	return in.Settings.NodeIP[:strings.LastIndexByte(in.Settings.NodeIP, '.')] + ".0/24"
}

func (in Input) kubelet() Component {
	s := in.Settings
	config := map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"address": s.NodeIP, "port": 10250, "readOnlyPort": 0, "healthzPort": 0,
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false}, "webhook": map[string]any{"enabled": true},
			"x509": map[string]any{"clientCAFile": in.pki("ca.crt")},
		},
		"authorization": map[string]any{"mode": "Webhook"},
		"tlsCertFile":   in.pki("kubelet-serving.crt"), "tlsPrivateKeyFile": in.pki("kubelet-serving.key"), "tlsMinVersion": "VersionTLS12",
		"containerRuntimeEndpoint": "unix://" + in.Layout.ContainerdSocket(),
		"cgroupDriver":             "cgroupfs", "cgroupRoot": "/" + in.Layout.Cgroup, "failCgroupV1": false,
		"clusterDNS": []string{s.DNSAddress}, "clusterDomain": "cluster.local", "resolvConf": in.Machine.ResolvConf,
		"podLogsDir": filepath.Join(in.Layout.LogDir(), "pods"), "staticPodPath": "",
		"maxPods": 250, "serializeImagePulls": false, "maxParallelImagePulls": 4, "failSwapOn": false,
		"makeIPTablesUtilChains":      false, // nftables is all that is used here; nobody would take these chains away
		"imageGCHighThresholdPercent": 90, "imageGCLowThresholdPercent": 85,
		"evictionHard":           map[string]string{"memory.available": "100Mi", "nodefs.available": "2%", "imagefs.available": "2%", "nodefs.inodesFree": "2%"},
		"kubeReserved":           map[string]string{"memory": "700Mi", "cpu": "100m"},
		"enforceNodeAllocatable": []string{"pods"}, "protectKernelDefaults": false, "enableProfilingHandler": false,
		"kubeAPIQPS": 200, "kubeAPIBurst": 400, "registryPullQPS": 0, "nodeStatusUpdateFrequency": "10s", "nodeStatusReportFrequency": "5m",
		"volumePluginDir": filepath.Join(in.Layout.StateDir, "kubelet", "plugins-exec"), "serverTLSBootstrap": false, "rotateCertificates": false,
		"containerLogMaxSize": "20Mi", "containerLogMaxFiles": 3,
	}
	if in.Machine.Systemd {
		config["cgroupDriver"] = "systemd"
		delete(config, "cgroupRoot")
	}
	if in.Machine.CgroupV2 {
		delete(config, "failCgroupV1")
	}
	text, err := yaml.Marshal(config)
	if err != nil {
		panic(fmt.Sprintf("the kubelet's configuration cannot be encoded: %v", err)) // constant shape: cannot happen
	}
	return Component{
		Name: "kubelet", Part: "kubernetes", Needs: []string{"containerd", "kube-apiserver"}, Env: []string{"GOGC=60"},
		Args: []string{in.bin("kubelet"),
			"--config=" + in.config("kubelet.yaml"), "--kubeconfig=" + in.kubeconfig("kubelet"),
			"--root-dir=" + filepath.Join(in.Layout.StateDir, "kubelet"), "--cert-dir=" + filepath.Join(in.Layout.StateDir, "kubelet", "pki"),
			"--hostname-override=" + s.NodeName, "--node-ip=" + s.NodeIP,
		},
		Files:  []File{{in.config("kubelet.yaml"), 0o600, string(text)}},
		Health: "https://" + s.NodeIP + ":10250/healthz", Starts: 60 * time.Second, Stops: 15 * time.Second,
		Certs: []string{"kubelet", "kubelet-serving"},
	}
}

func (in Input) proxy() Component {
	s := in.Settings
	nodePorts := []string{s.NodeIP + "/32"}
	switch {
	case s.Listen == "0.0.0.0":
		nodePorts = []string{"0.0.0.0/0"}
	case in.outside():
		nodePorts = append(nodePorts, s.Listen+"/32")
	}
	config, err := yaml.Marshal(map[string]any{
		"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
		"mode": "nftables", "clusterCIDR": s.PodCIDR, "hostnameOverride": s.NodeName,
		"nodePortAddresses": nodePorts, "healthzBindAddress": "127.0.0.1:10256", "metricsBindAddress": "127.0.0.1:10249", "bindAddress": s.NodeIP,
		"clientConnection": map[string]any{"kubeconfig": in.kubeconfig("kube-proxy")},
		// The conntrack sysctls belong to the whole machine: what its owner has set stays.
		"conntrack": map[string]any{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
		"nftables":  map[string]any{"syncPeriod": "5m", "minSyncPeriod": "100ms"},
	})
	if err != nil {
		panic(fmt.Sprintf("kube-proxy's configuration cannot be encoded: %v", err)) // constant shape: cannot happen
	}
	return Component{
		Name: "kube-proxy", Part: "kubernetes", Needs: []string{"kube-apiserver"}, Env: []string{"GOGC=60"},
		Args:   []string{in.bin("kube-proxy"), "--config=" + in.config("kube-proxy.yaml")},
		Files:  []File{{in.config("kube-proxy.yaml"), 0o600, string(config)}},
		Health: "http://127.0.0.1:10256/livez", Starts: 60 * time.Second, Stops: 10 * time.Second,
		Certs: []string{"kube-proxy"},
	}
}

func (in Input) coredns() Component {
	s := in.Settings
	corefile := fmt.Sprintf(`.:53 {
	bind %[1]s
	errors
	health 127.0.0.1:10253
	kubernetes cluster.local in-addr.arpa ip6.arpa {
		kubeconfig %[2]s
		pods insecure
		fallthrough in-addr.arpa ip6.arpa
		ttl 30
	}
	forward . %[3]s {
		max_concurrent 1000
	}
	cache 30
	loadbalance
}
`, s.NodeIP, in.kubeconfig("coredns"), in.Machine.ResolvConf)
	return Component{
		Name: "coredns", Part: "coredns", Needs: []string{"kube-apiserver"}, Env: []string{"GOGC=60"},
		Args:   []string{in.bin("coredns"), "-conf", in.config("Corefile"), "-quiet"},
		Files:  []File{{in.config("Corefile"), 0o600, corefile}},
		Health: "http://127.0.0.1:10253/health", Starts: 60 * time.Second, Stops: 10 * time.Second,
		Certs: []string{"coredns"},
	}
}

func (in Input) agent() Component {
	return Component{
		Name: "agent", Needs: []string{"kube-apiserver"}, Env: []string{"GOGC=60", "GARBOARD_ENGINE=" + in.Machine.EngineDir},
		Args:   []string{in.Machine.Executable, "agent", "--state-dir", in.Layout.StateDir},
		Health: "unix+http:" + in.Layout.AgentSocket(), Starts: 60 * time.Second, Stops: 35 * time.Second,
		Certs: []string{"agent"},
	}
}

func (in Input) buildkitd() Component {
	config := fmt.Sprintf(`root = %q
[grpc]
address = [%q]
[worker.oci]
enabled = false
[worker.containerd]
enabled = true
address = %q
namespace = "buildkit"
snapshotter = "overlayfs"
networkMode = "host"
gc = true
reservedSpace = "1GB"
maxUsedSpace = "20GB"
minFreeSpace = "10%%"
`, filepath.Join(in.Layout.StateDir, "buildkit"), "unix://"+in.Layout.BuildkitSocket(), in.Layout.ContainerdSocket())
	return Component{
		Name: "buildkitd", Part: "buildkit", Needs: []string{"containerd"}, Demand: true,
		Args:   []string{in.bin("buildkitd"), "--config", in.config("buildkitd.toml")},
		Files:  []File{{in.config("buildkitd.toml"), 0o600, config}},
		Health: "unix:" + in.Layout.BuildkitSocket(), Starts: 30 * time.Second, Stops: 20 * time.Second,
	}
}

// Ports lists what the components bind, as "address:port", for the preflight.
func Ports(in Input) map[string]string {
	s := in.Settings
	return map[string]string{
		"127.0.0.1:2379": "etcd", "127.0.0.1:2380": "etcd",
		s.NodeIP + ":" + strconv.Itoa(s.APIPort): "kube-apiserver", s.NodeIP + ":10250": "kubelet",
		"127.0.0.1:10257": "kube-controller-manager", "127.0.0.1:10259": "kube-scheduler",
		"127.0.0.1:10256": "kube-proxy", "127.0.0.1:10249": "kube-proxy", s.NodeIP + ":53": "coredns", "127.0.0.1:10253": "coredns",
		s.Listen + ":" + strconv.Itoa(s.HTTPPort): "ingress", s.Listen + ":" + strconv.Itoa(s.HTTPSPort): "ingress",
		s.Listen + ":" + strconv.Itoa(s.ConsolePort): "console",
	}
}

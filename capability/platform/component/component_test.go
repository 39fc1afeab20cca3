package component

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"garboard.dev/garboard/capability/platform"
)

func input(change func(*Input)) Input {
	s := platform.DefaultSettings()
	s.NodeName = "db1"
	in := Input{Settings: s, Layout: platform.LayoutOf("/srv/garboard"), Machine: Machine{
		CgroupV2: true, LowersOOM: true, Systemd: true, ResolvConf: "/etc/resolv.conf", Executable: "/opt/bin/garboard",
		Program: "p1", EngineDir: "/opt/bin/engine", Engine: "e1", ExternalIPs: []string{"192.0.2.2"}, Cores: 4,
	}}
	if change != nil {
		change(&in)
	}
	return in
}

func byName(t *testing.T, in Input, name string) Component {
	t.Helper()
	all := Table(in)
	i := slices.IndexFunc(all, func(c Component) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no component %s", name)
	}
	return all[i]
}

func TestTable(t *testing.T) {
	t.Parallel()
	in := input(nil)
	var names []string
	for _, c := range Table(in) {
		for _, need := range c.Needs {
			if !slices.Contains(names, need) {
				t.Errorf("%s needs %s, which does not start before it", c.Name, need)
			}
		}
		names = append(names, c.Name)
		if c.Health == "" || c.Starts <= 0 || c.Stops <= 0 || c.Build == "" || !filepath.IsAbs(c.Args[0]) {
			t.Errorf("%s is not whole: %+v", c.Name, c)
		}
		for _, f := range c.Files {
			if !strings.HasPrefix(f.Path, in.Layout.StateDir+"/") || f.Text == "" {
				t.Errorf("%s has the file %q", c.Name, f.Path)
			}
		}
	}
	if !slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(slices.Values(Names()))) {
		t.Errorf("Table has %v, Names has %v", names, Names())
	}
}

// Every YAML and JSON file parses: a typing error would show only when a component starts.
func TestFilesParse(t *testing.T) {
	t.Parallel()
	for _, c := range Table(input(nil)) {
		for _, f := range c.Files {
			var v any
			var err error
			switch filepath.Ext(f.Path) {
			case ".yaml", ".kubeconfig":
				err = yaml.UnmarshalStrict([]byte(f.Text), &v)
			case ".json", ".conflist":
				err = json.Unmarshal([]byte(f.Text), &v)
			}
			if err != nil {
				t.Errorf("%s of %s: %v", f.Path, c.Name, err)
			}
		}
	}
}

var listens = regexp.MustCompile(`^--?(bind-address|listen[a-z-]*|address|healthz-bind-address|metrics-bind-address)=(.*)$`)

// Without --listen nothing listens beyond loopback and the pods' bridge.
func TestClosedByDefault(t *testing.T) {
	t.Parallel()
	in := input(nil)
	seen := 0
	for _, c := range Table(in) {
		for _, arg := range c.Args {
			m := listens.FindStringSubmatch(arg)
			if m == nil {
				continue
			}
			seen++
			if !strings.Contains(m[2], "127.0.0.1") && !strings.Contains(m[2], in.Settings.NodeIP) {
				t.Errorf("%s listens with %s", c.Name, arg)
			}
		}
		for _, f := range c.Files {
			if strings.Contains(f.Text, "0.0.0.0") {
				t.Errorf("%s of %s names 0.0.0.0", f.Path, c.Name)
			}
		}
	}
	if seen < 4 {
		t.Errorf("only %d addresses were looked at", seen)
	}
	for address := range Ports(in) {
		if !strings.HasPrefix(address, "127.0.0.1:") && !strings.HasPrefix(address, in.Settings.NodeIP+":") {
			t.Errorf("the port %s is wanted", address)
		}
	}
}

func TestAsTheMachineIs(t *testing.T) {
	t.Parallel()
	kubelet := func(change func(*Input)) string {
		for _, f := range byName(t, input(change), "kubelet").Files {
			if strings.HasSuffix(f.Path, "kubelet.yaml") {
				return f.Text
			}
		}
		t.Fatal("no kubelet.yaml")
		return ""
	}
	if text := kubelet(nil); !strings.Contains(text, "cgroupDriver: systemd") || strings.Contains(text, "failCgroupV1") || strings.Contains(text, "cgroupRoot") {
		t.Errorf("under systemd and cgroup v2:\n%s", text)
	}
	plain := kubelet(func(in *Input) { in.Machine.Systemd, in.Machine.CgroupV2 = false, false })
	for _, part := range []string{"cgroupDriver: cgroupfs", "failCgroupV1: false", "cgroupRoot: /garboard-"} {
		if !strings.Contains(plain, part) {
			t.Errorf("on cgroup v1 without systemd the kubelet's configuration lacks %q", part)
		}
	}
	for lowers, want := range map[bool]string{true: "restrict_oom_score_adj = false", false: "restrict_oom_score_adj = true"} {
		c := byName(t, input(func(in *Input) { in.Machine.LowersOOM = lowers }), "containerd")
		if !strings.Contains(c.Files[0].Text, want) {
			t.Errorf("where oom_score_adj can be lowered = %v, containerd's configuration lacks %q", lowers, want)
		}
	}
}

// A component restarts when something that shapes it changed, and only then.
func TestHash(t *testing.T) {
	t.Parallel()
	hashes := func(change func(*Input)) map[string]string {
		out := map[string]string{}
		for _, c := range Table(input(change)) {
			out[c.Name] = c.Hash()
		}
		return out
	}
	before := hashes(nil)
	for name, hash := range hashes(nil) {
		if hash != before[name] {
			t.Errorf("%s has another hash the second time", name)
		}
	}
	changed := func(change func(*Input)) []string {
		var out []string
		for name, hash := range hashes(change) {
			if hash != before[name] {
				out = append(out, name)
			}
		}
		slices.Sort(out)
		return out
	}
	if got := changed(func(in *Input) { in.Settings.HTTPPort = 8080 }); !slices.Equal(got, []string{"agent"}) {
		t.Errorf("another HTTP port restarts %v", got)
	}
	if got := changed(func(in *Input) { in.Machine.Program = "p2" }); !slices.Equal(got, []string{"agent"}) {
		t.Errorf("another build of the program restarts %v", got)
	}
	if got := changed(func(in *Input) { in.Machine.Engine = "e2" }); len(got) != len(Names())-1 || slices.Contains(got, "agent") {
		t.Errorf("another build of the engine restarts %v", got)
	}
}

// No argument and no world-readable file holds a key or a password.
func TestNoSecretsInSight(t *testing.T) {
	t.Parallel()
	secret := regexp.MustCompile(`(?i)(password|token|secret)=[^/]|BEGIN [A-Z ]*PRIVATE KEY`)
	for _, c := range Table(input(nil)) {
		for _, arg := range append(c.Args, c.Env...) {
			if secret.MatchString(arg) {
				t.Errorf("%s is started with %q", c.Name, arg)
			}
		}
		for _, f := range c.Files {
			if f.Mode&0o077 != 0 && secret.MatchString(f.Text) {
				t.Errorf("%s is readable for others and holds a secret", f.Path)
			}
		}
	}
}

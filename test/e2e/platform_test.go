//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	layout "garboard.dev/garboard/capability/platform"
)

// platform is one platform in a network namespace of its own.
type platform struct {
	t         *testing.T
	namespace string
	state     string
	program   string
	layout    layout.Layout
}

// newPlatform makes the namespace and the state directory, and takes both away
// at the end of the test with everything that runs in them.
func newPlatform(t *testing.T) *platform {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIP: the platform takes root")
	}
	program, err := filepath.Abs("../../bin/garboard")
	if err != nil {
		t.Fatal(err)
	}
	for _, needed := range []string{program, filepath.Join(filepath.Dir(program), "engine", "kubelet")} {
		if _, err := os.Stat(needed); err != nil {
			t.Skipf("SKIP: make build has not made %s", needed)
		}
	}
	state, err := os.MkdirTemp("/var/lib", "garboard-e2e-") // a disk: overlayfs cannot stand on a tmpfs /tmp
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{t: t, namespace: filepath.Base(state), state: state, program: program, layout: layout.LayoutOf(state)}
	p.must(exec.Command("ip", "netns", "add", p.namespace))
	t.Cleanup(p.remove)
	p.must(p.inside("ip", "link", "set", "lo", "up"))
	return p
}

func (p *platform) remove() {
	if p.t.Failed() {
		p.showLogs()
	}
	if out, err := p.garboard("reset", "--yes").CombinedOutput(); err != nil {
		p.t.Errorf("reset: %v\n%s", err, out)
	}
	if err := os.RemoveAll(p.state); err != nil {
		p.t.Errorf("remove the state directory: %v", err)
	}
	if out, err := exec.Command("ip", "netns", "del", p.namespace).CombinedOutput(); err != nil {
		p.t.Errorf("remove the namespace: %v\n%s", err, out)
	}
}

func (p *platform) showLogs() {
	logs, err := filepath.Glob(filepath.Join(p.state, "log", "*.log"))
	if err != nil {
		return
	}
	for _, log := range logs {
		if text, err := os.ReadFile(log); err == nil && filepath.Base(log) != "audit.log" {
			p.t.Logf("== %s\n%s", filepath.Base(log), text[max(0, len(text)-1500):])
		}
	}
}

// inside is a command in the platform's network namespace. (ip netns exec would
// hide the cgroup mounts.)
func (p *platform) inside(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--net=/run/netns/" + p.namespace}, args...)...)
}

func (p *platform) garboard(args ...string) *exec.Cmd {
	return p.inside(append([]string{p.program, "--state-dir", p.state}, args...)...)
}

func (p *platform) must(cmd *exec.Cmd) string {
	p.t.Helper()
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil {
		p.t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out.String(), talk.String())
	}
	return out.String()
}

func (p *platform) up(args ...string) string {
	p.t.Helper()
	return p.must(p.garboard(append([]string{"up", "--timeout", "2m"}, args...)...))
}

func (p *platform) kubectl(args ...string) string {
	p.t.Helper()
	return p.must(p.garboard(append([]string{"kubectl"}, args...)...))
}

func (p *platform) apply(manifest string) {
	p.t.Helper()
	cmd := p.garboard("kubectl", "apply", "--server-side", "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	p.must(cmd)
}

type status struct {
	PID        int `json:"pid"`
	Components []struct {
		Name     string `json:"name"`
		PID      int    `json:"pid"`
		Healthy  bool   `json:"healthy"`
		OnDemand bool   `json:"onDemand"`
	} `json:"components"`
}

func (p *platform) status() (s status, err error) {
	out, err := p.garboard("status", "-o", "json").Output()
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(out, &s)
}

// pids are the supervisor's and the components' process ids by name.
func (p *platform) pids() map[string]int {
	p.t.Helper()
	s, err := p.status()
	if err != nil {
		p.t.Fatal(err)
	}
	out := map[string]int{"supervisor": s.PID}
	for _, c := range s.Components {
		if c.PID != 0 {
			out[c.Name] = c.PID
		}
	}
	return out
}

// eventually waits until check returns nil.
func (p *platform) eventually(limit time.Duration, check func() error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("not within %v: %v", limit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (p *platform) allHealthy() error {
	s, err := p.status()
	if err != nil {
		return err
	}
	for _, c := range s.Components {
		if !c.Healthy && !c.OnDemand {
			return fmt.Errorf("%s is not healthy", c.Name)
		}
	}
	return nil
}

// pods are three pods of the one image that every platform has.
const pods = `
apiVersion: v1
kind: Secret
metadata: {name: secret, namespace: default}
stringData: {key: value}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: held, namespace: default}
spec:
  serviceName: held
  replicas: 3
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: held}}
  template:
    metadata: {labels: {app: held}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: pause
        image: garboard.dev/pause:1
        imagePullPolicy: Never
        volumeMounts: [{name: data, mountPath: /data}, {name: secret, mountPath: /secret}, {name: memory, mountPath: /memory}]
      volumes: [{name: secret, secret: {secretName: secret}}, {name: memory, emptyDir: {medium: Memory}}]
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}]
`

func (p *platform) podsRun() error {
	out, err := p.garboard("kubectl", "get", "statefulset", "held", "-n", "default", "-o", "jsonpath={.status.readyReplicas}").Output()
	if err != nil {
		return err
	}
	if string(out) != "3" {
		return fmt.Errorf("%q of 3 pods are ready", out)
	}
	return nil
}

// traces are what a platform may leave on the machine, a line each.
func (p *platform) traces() []string {
	p.t.Helper()
	var out []string
	add := func(kind, text string, keep func(string) bool) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && keep(line) {
				out = append(out, kind+": "+line)
			}
		}
	}
	all := func(string) bool { return true }
	ours := func(line string) bool {
		return strings.Contains(line, p.state) || strings.Contains(line, p.layout.RunDir)
	}
	add("link", p.must(p.inside("ip", "-br", "link")), all)
	add("nft", p.must(p.inside("nft", "list", "tables")), all)
	add("route", p.must(p.inside("ip", "route")), all)
	add("sysctl", p.must(p.inside("sysctl", "net.ipv4.ip_forward")), all)
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		p.t.Fatal(err)
	}
	add("mount", string(mounts), ours)
	add("process", p.must(exec.Command("ps", "-eo", "args")), func(line string) bool {
		return strings.Contains(line, p.state) && !strings.HasPrefix(line, "ps ")
	})
	add("cgroup", p.must(exec.Command("find", "/sys/fs/cgroup", "-maxdepth", "2", "-type", "d", "-name", p.layout.Cgroup)), all)
	add("run", p.must(exec.Command("find", "/run", "-maxdepth", "1", "-name", filepath.Base(p.layout.RunDir))), all)
	containers, err := filepath.Glob("/var/log/containers/*")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, link := range containers {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, p.state) {
			out = append(out, "log link: "+link)
		}
	}
	slices.Sort(out)
	return out
}

// One life: up, again up, pods, down, up, down, reset. Nothing may be left but
// the state directory after down, and nothing at all after reset.
func TestLifeLeavesNothing(t *testing.T) {
	p := newPlatform(t)
	before := p.traces()
	p.up()
	pids := p.pids()
	if out := p.up(); !strings.Contains(out, "nothing was changed") {
		t.Errorf("the second up said %q", out)
	}
	if again := p.pids(); fmt.Sprint(again) != fmt.Sprint(pids) {
		t.Errorf("the second up changed processes: %v, then %v", pids, again)
	}
	p.apply(pods)
	p.eventually(time.Minute, p.podsRun)
	for range 2 {
		p.must(p.garboard("down"))
		if after := p.traces(); !slices.Equal(before, after) {
			t.Fatalf("down left traces.\nbefore: %q\nafter:  %q", before, after)
		}
		p.up()
		p.eventually(time.Minute, p.podsRun)
	}
	p.must(p.garboard("reset", "--yes"))
	if _, err := os.Stat(p.state); !os.IsNotExist(err) {
		t.Errorf("reset left %s: %v", p.state, err)
	}
	if after := p.traces(); !slices.Equal(before, after) {
		t.Errorf("reset left traces.\nbefore: %q\nafter:  %q", before, after)
	}
}

// Every component, the supervisor and the guard are killed, each alone and all
// at once: what was written stays, and everything comes back. Only when all are
// gone does it take another up.
func TestKillAnything(t *testing.T) {
	p := newPlatform(t)
	p.up()
	p.apply(pods)
	p.eventually(time.Minute, p.podsRun)
	random := rand.New(rand.NewPCG(1, 2))
	names := []string{"supervisor"}
	for name := range p.pids() {
		if name != "supervisor" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		old := p.pids()[name]
		if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
			t.Fatalf("kill %s: %v", name, err)
		}
		p.eventually(90*time.Second, func() error {
			if err := p.allHealthy(); err != nil {
				return fmt.Errorf("after the death of %s: %w", name, err)
			}
			if now := p.pids()[name]; now == old || now == 0 {
				return fmt.Errorf("%s has not come back", name)
			}
			return nil
		})
	}
	p.killAll()
	p.up()
	p.eventually(2*time.Minute, p.podsRun)
	if got := p.kubectl("get", "secret", "secret", "-n", "default", "-o", "jsonpath={.data.key}"); got != "dmFsdWU=" {
		t.Errorf("the secret is %q after all was killed", got)
	}
}

// killAll kills every process of the platform, and goes on until none is left,
// since the guard and the supervisor start each other.
func (p *platform) killAll() {
	p.t.Helper()
	p.eventually(20*time.Second, func() error {
		left := 0
		for _, pid := range p.processes() {
			if syscall.Kill(pid, syscall.SIGKILL) == nil {
				left++
			}
		}
		if left > 0 {
			return fmt.Errorf("%d processes were still there", left)
		}
		return nil
	})
}

// processes are those whose command line names the platform's state directory.
func (p *platform) processes() []int {
	var out []int
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range all {
		text, err := os.ReadFile(file)
		var pid int
		if _, scan := fmt.Sscanf(file, "/proc/%d/cmdline", &pid); err != nil || scan != nil || pid == os.Getpid() {
			continue
		}
		if bytes.Contains(text, []byte(p.state)) {
			out = append(out, pid)
		}
	}
	return out
}

// etcd is killed while writes go on: what was acknowledged must be there. The
// long suite does it twenty times.
func TestAcknowledgedWritesSurvive(t *testing.T) {
	p := newPlatform(t)
	p.up()
	rounds := 3
	if os.Getenv("GARBOARD_TEST_ALL") != "" {
		rounds = 20
	}
	for round := range rounds {
		ctx, stop := context.WithCancel(t.Context())
		acknowledged := make(chan string, 10_000)
		go func() {
			defer close(acknowledged)
			for i := 0; ctx.Err() == nil; i++ {
				name := fmt.Sprintf("write-%d-%d", round, i)
				if p.garboard("kubectl", "create", "configmap", name, "-n", "default", "--request-timeout=5s").Run() == nil {
					acknowledged <- name
				}
			}
		}()
		time.Sleep(time.Second)
		if err := syscall.Kill(p.pids()["etcd"], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		stop()
		p.eventually(90*time.Second, p.allHealthy)
		have := p.kubectl("get", "configmaps", "-n", "default", "-o", "name")
		count := 0
		for name := range acknowledged {
			count++
			if !strings.Contains(have, "configmap/"+name+"\n") {
				t.Fatalf("round %d: %s was acknowledged and is lost", round, name)
			}
		}
		if count == 0 {
			t.Errorf("round %d acknowledged nothing: it proves nothing", round)
		}
	}
}

func TestPortTaken(t *testing.T) {
	p := newPlatform(t)
	server := p.inside("python3", "-m", "http.server", "--bind", "127.0.0.1", "80")
	if err := server.Start(); err != nil {
		t.Skipf("SKIP: no python3 to take the port: %v", err)
	}
	defer func() {
		if err := server.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = server.Wait() // killed: its status says nothing
	}()
	p.eventually(20*time.Second, func() error {
		return p.inside("bash", "-c", "echo >/dev/tcp/127.0.0.1/80").Run()
	})
	cmd := p.garboard("up")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 6 {
		t.Errorf("exit code %d (%v), want 6", cmd.ProcessState.ExitCode(), err)
	}
	for _, want := range []string{"127.0.0.1:80 is taken by python3", "hint:", "--http-port"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the error does not say %q:\n%s", want, out)
		}
	}
	if left := p.processes(); len(left) > 0 {
		t.Errorf("an up that was refused left processes %v", left)
	}
}

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// connect gives the platform's namespace a way to the outside, which apt needs
// inside of image builds: a pair of interfaces, and the machine forwards and
// masquerades what comes from it. All of it is gone at the end of the test.
func (p *platform) connect() {
	p.t.Helper()
	ours, theirs, subnet := p.link()
	address, inside, table := subnet+"1", subnet+"2", "garboard-e2e-"+ours
	nft := exec.Command("nft", "-f", "-")
	nft.Stdin = strings.NewReader("table ip " + table + " {\n chain out {\n type nat hook postrouting priority srcnat;\n ip saddr " + inside + " masquerade;\n }\n}\n")
	p.must(nft)
	p.t.Cleanup(func() { p.must(exec.Command("nft", "delete", "table", "ip", table)) })
	p.must(exec.Command("ip", "addr", "add", address+"/30", "dev", ours))
	p.must(exec.Command("ip", "link", "set", ours, "up"))
	p.must(p.inside("ip", "addr", "add", inside+"/30", "dev", theirs))
	p.must(p.inside("ip", "link", "set", theirs, "up"))
	p.must(p.inside("ip", "route", "add", "default", "via", address))
	route := strings.Fields(p.must(exec.Command("ip", "route", "show", "default")))
	if len(route) < 5 {
		p.t.Fatalf("this machine has no default route (%q): image builds need a Debian mirror", route)
	}
	p.forward(ours)
	p.forward(route[4])
}

// link makes a pair of interfaces between the machine and the platform's
// namespace, the first of sixteen that is free: other tests may run beside this
// one. Its addresses are those that begin with subnet.
func (p *platform) link() (ours, theirs, subnet string) {
	p.t.Helper()
	var said []byte
	for i := range 16 {
		ours, theirs = fmt.Sprintf("gbe2e%d", i), fmt.Sprintf("gbe2e%dp", i)
		var err error
		said, err = exec.Command("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", p.namespace).CombinedOutput()
		if err == nil {
			p.t.Cleanup(func() { p.must(exec.Command("ip", "link", "del", ours)) })
			return ours, theirs, fmt.Sprintf("192.168.%d.", 213+i)
		}
	}
	p.t.Fatalf("no interface can be made: %s", said)
	return "", "", ""
}

// forward lets the machine forward what comes in by link, until the test ends.
func (p *platform) forward(link string) {
	p.t.Helper()
	file := filepath.Join("/proc/sys/net/ipv4/conf", link, "forwarding")
	before, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("1"), 0); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := os.WriteFile(file, before, 0); err != nil && !os.IsNotExist(err) {
			p.t.Error(err)
		}
	})
}

// client is an HTTP client whose connections begin in the platform's namespace
// and lead to its Ingress, whatever host the address names.
func (p *platform) client() *http.Client {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 16,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return p.dial(ctx, network, "127.0.0.1:80")
		},
	}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Timeout: 30 * time.Second, Transport: transport}
}

func (p *platform) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		var namespace *os.File
		if namespace, err = os.Open("/run/netns/" + p.namespace); err != nil {
			return
		}
		defer namespace.Close()
		if err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("enter the platform's namespace: %w", err)
			return
		}
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
	}()
	<-done
	return conn, err
}

// example is the folder of the example of that name.
func example(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("../../example", name))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

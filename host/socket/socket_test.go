package socket

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"
)

// pair returns the two ends of a loopback connection.
func pair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	d, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); d.Close() })
	return c.(*net.TCPConn), d.(*net.TCPConn)
}

func raw(t *testing.T, c *net.TCPConn) syscall.RawConn {
	t.Helper()
	r, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// becomes waits until Quiet gives want, which takes as long as the kernel takes
// to deliver what the other end did.
func becomes(t *testing.T, r syscall.RawConn, want bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); Quiet(r) != want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("Quiet stays %v", !want)
		}
	}
}

func TestQuiet(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*net.TCPConn) error{
		"closed": func(c *net.TCPConn) error { return c.Close() },
		"reset": func(c *net.TCPConn) error {
			if err := Reset(c); err != nil {
				return err
			}
			return c.Close()
		},
		"data": func(c *net.TCPConn) error { _, err := c.Write([]byte("x")); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := pair(t)
			r := raw(t, near)
			if !Quiet(r) {
				t.Fatal("a fresh connection is not quiet")
			}
			if err := act(far); err != nil {
				t.Fatal(err)
			}
			becomes(t, r, false)
		})
	}
}

func TestQuietTakesNothing(t *testing.T) {
	t.Parallel()
	near, far := pair(t)
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	becomes(t, raw(t, near), false)
	var got [1]byte
	if n, err := near.Read(got[:]); n != 1 || err != nil || got[0] != 'x' {
		t.Errorf("read %q, %v", got[:n], err)
	}
	if !Quiet(raw(t, near)) {
		t.Error("not quiet after all was read")
	}
	near.Close()
	if Quiet(raw(t, far)) {
		// far has not read near's end yet; becomes waits for it.
		becomes(t, raw(t, far), false)
	}
}

func TestTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for protocol, a := range map[string]net.Addr{"tcp": l.Addr(), "udp": p.LocalAddr()} {
		address := netip.MustParseAddrPort(a.String())
		if taken, err := Taken(protocol, address); !taken || err != nil {
			t.Errorf("%s %s: taken %v, %v", protocol, address, taken, err)
		}
	}
	l.Close()
	p.Close()
	if taken, err := Taken("tcp", netip.MustParseAddrPort(l.Addr().String())); taken || err != nil {
		t.Errorf("after the end: taken %v, %v", taken, err)
	}
	if _, err := Taken("tcp", netip.MustParseAddrPort("192.0.2.1:80")); err == nil {
		t.Error("an address of another machine gave no error")
	}
}

func TestHolder(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if got, want := Holder(port), fmt.Sprintf("socket.test (process %d)", os.Getpid()); got != want {
		t.Errorf("Holder(%d) is %q, want %q", port, got, want)
	}
	l.Close()
	if got := Holder(port); got != "" {
		t.Errorf("a free port is held by %q", got)
	}
}

package socket

import (
	"fmt"
	"net"
	"net/netip"
	"os"
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

// A pair's end is closed when the other end ended it, whichever way, and a look takes nothing.
func TestClosed(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]func(*net.TCPConn) error{
		"closed": func(c *net.TCPConn) error { return c.Close() },
		"reset": func(c *net.TCPConn) error {
			if err := Reset(c); err != nil {
				return err
			}
			return c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := pair(t)
			if Closed(near) {
				t.Error("an open connection is said to be closed")
			}
			if err := act(far); err != nil {
				t.Fatal(err)
			}
			for deadline := time.Now().Add(5 * time.Second); !Closed(near); time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("a closed connection is said to be open")
				}
			}
		})
	}
}

func TestClosedTakesNothing(t *testing.T) {
	t.Parallel()
	near, far := pair(t)
	if _, err := far.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if Closed(near) {
		t.Error("a connection with something to read is said to be closed")
	}
	var got [1]byte
	if _, err := near.Read(got[:]); err != nil || got[0] != 'x' {
		t.Errorf("read %q, %v: Closed took it", got, err)
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

// Package socket asks the kernel about TCP connections and ports. A test needs
// no fake of it: loopback connections are one.
package socket

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
)

// Closed says whether the other side of a connection has closed it, as far as
// this machine knows by now. It neither waits nor takes anything from what has
// arrived, and may be called while another goroutine reads.
func Closed(c net.Conn) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		closed = n == 0 && err == nil || err != nil && err != syscall.EAGAIN && err != syscall.EINTR
	})
	return closed || err != nil
}

// Reset makes Close of c end the connection at once, without the minute in
// which the kernel keeps a closed connection's port. It is for connections on
// which nothing is under way.
func Reset(c *net.TCPConn) error { return c.SetLinger(0) }

// Taken says whether a program listens for protocol, "tcp" or "udp", on port of
// address, which is this machine's. It is a look, not a reservation.
func Taken(protocol string, address netip.AddrPort) (bool, error) {
	var err error
	if protocol == "udp" {
		var c net.PacketConn
		if c, err = net.ListenPacket("udp", address.String()); err == nil {
			return false, c.Close()
		}
	} else {
		var l net.Listener
		if l, err = net.Listen("tcp", address.String()); err == nil {
			return false, l.Close()
		}
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return true, nil
	}
	return false, err
}

// Outward returns the address that this machine would reach other networks
// from; ok is false where it has no route to any.
func Outward() (netip.Addr, bool) {
	// Connecting a datagram socket only chooses the route: nothing is sent. The
	// address is one that is kept for documentation, RFC 5737.
	c, err := net.Dial("udp4", "192.0.2.1:9")
	if err != nil {
		return netip.Addr{}, false
	}
	defer c.Close()
	local, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	return local.AddrPort().Addr(), true
}

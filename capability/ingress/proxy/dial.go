package proxy

import (
	"context"
	"net"
	"sync/atomic"
	"syscall"

	"garboard.dev/garboard/host/socket"
)

// dial connects to a pod.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &podConn{Conn: c}, nil
}

// podConn is a connection to a pod. A pod that ends closes the connections that
// have nothing to do; a request that is written into one of these is lost, and
// nobody can tell from outside whether it had an effect. So the first write of a
// request looks whether the pod has closed the connection: then nothing was
// written, and the transport takes another one.
type podConn struct {
	net.Conn
	idle atomic.Bool // an answer was read since the last write
}

// Read implements net.Conn.
func (c *podConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.idle.Store(true)
	}
	return n, err
}

// Write implements net.Conn.
func (c *podConn) Write(p []byte) (int, error) {
	if c.idle.Swap(false) && socket.Closed(c.Conn) {
		return 0, &net.OpError{Op: "write", Net: "tcp", Addr: c.RemoteAddr(), Err: syscall.EPIPE}
	}
	return c.Conn.Write(p)
}

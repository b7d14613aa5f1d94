//go:build linux && !portable

package reactor

import (
	"crypto/tls"
	"net"
)

// Adopt takes a connection over: TCP and Unix sockets, and TLS on a listener made by [Listen], for the loops' own poller, anything else for
// goroutines. nc must not be used afterwards, except to answer if Adopt fails, as it does when the process has no descriptor left.
func Adopt(nc net.Conn) (Socket, error) {
	switch nc := nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		fd, err := duplicate(nc)
		if err != nil {
			return Socket{}, err
		}
		return Socket{&fdSocket{fd: fd}}, nil
	case *shim:
		return Adopt(nc.Conn) // a listener that was made for TLS, and serves without
	case *tls.Conn:
		if below, ok := nc.NetConn().(*shim); ok {
			return adoptTLS(nc, below)
		}
	}
	return Socket{newPump(nc)}, nil
}

// attach makes the socket c's. A plain one moves into the conn itself.
func (s Socket) attach(c *Conn) {
	c.sock = s.sock
	if plain, ok := s.sock.(*fdSocket); ok {
		c.fd = *plain
		c.sock = &c.fd
		c.flags.plain = true
	}
}

// Offer sends p as far as a plain socket takes it at once, and returns the rest, for Setup.First: so the peer need not wait for the loop.
func (s Socket) Offer(p []byte) (rest []byte) {
	if plain, ok := s.sock.(*fdSocket); ok {
		n, _ := sendFD(plain.fd, p) // the loop will meet the error, if there is one
		return p[n:]
	}
	return p
}

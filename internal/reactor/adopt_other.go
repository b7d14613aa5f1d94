//go:build !linux || portable

package reactor

import "net"

// Adopt takes a connection over. nc must not be used afterwards.
func Adopt(nc net.Conn) (Socket, error) { return Socket{newPump(nc)}, nil }

// Listen returns l itself: here TLS needs no help.
func Listen(l net.Listener) net.Listener { return l }

// Client returns nc itself.
func Client(nc net.Conn) net.Conn { return nc }

// fdSocket does not exist here.
type fdSocket struct{}

func (s Socket) attach(c *Conn) { c.sock = s.sock }

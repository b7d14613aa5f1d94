//go:build unix

package backend

import (
	"net"
	"syscall"
)

// probe returns what tells whether nothing has come on a conn and the other side has not closed it.
func probe(conn net.Conn) func() bool {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = over.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return func() bool { return true }
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return func() bool { return false }
	}
	var one [1]byte
	quiet := false
	look := func(fd uintptr) bool {
		// The socket does not block. What is read is lost, which does not matter: then the conn is not used again.
		_, err := syscall.Read(int(fd), one[:])
		quiet = err == syscall.EAGAIN
		return true
	}
	return func() bool { return raw.Read(look) == nil && quiet }
}

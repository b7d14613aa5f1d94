//go:build unix

package backend

import (
	"fmt"
	"io"
	"net"
	"syscall"
)

// socket is a conn of the system's, which can be asked more than a net.Conn. One call uses it at a time.
type socket struct {
	// Immutable.
	conn net.Conn
	raw  syscall.RawConn
	next func(fd uintptr) bool // a method value, made once
	// Owned by the call.
	request, into []byte
	asked         bool
	n             int
	err           error
}

// socketOf is nil if the conn is none of the system's.
func socketOf(conn net.Conn) *socket {
	to, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := to.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{conn: conn, raw: raw}
	s.next = s.step
	return s
}

// quiet tells whether nothing has come and the other side has not closed the conn. Otherwise the conn must not be used any more. It
// is true of a conn that cannot be asked.
func (s *socket) quiet() bool {
	if s == nil {
		return true
	}
	quiet := false
	err := s.raw.Read(func(fd uintptr) bool {
		quiet = isQuiet(fd)
		return true
	})
	return err == nil && quiet
}

// isQuiet reads, since the socket does not block. What it reads is lost, which does not matter: the conn is not used again.
func isQuiet(fd uintptr) bool {
	var one [1]byte
	_, err := recvNow(fd, one[:])
	return err == syscall.EAGAIN
}

// ask writes a request if the conn is quiet, and reads what comes then. It is quiet, a Write and a Read in one, without the system
// call by which a Read finds out that there is nothing yet.
func (s *socket) ask(request, into []byte) (int, error) {
	s.request, s.into, s.asked, s.n, s.err = request, into, false, 0, nil
	err := s.raw.Read(s.next)
	s.request, s.into = nil, nil
	if s.err != nil {
		err = s.err
	}
	return s.n, err
}

// step is what ask does before it waits, and after. From before the first on, whatever comes is told to who waits: nothing is missed
// between the two.
func (s *socket) step(fd uintptr) bool {
	if !s.asked {
		s.asked = true
		s.err = errUnsent
		if isQuiet(fd) {
			s.err = s.write(fd)
		}
		return s.err != nil
	}
	n, err := recvNow(fd, s.into)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return false
	case err != nil:
		s.err = err
	case n == 0:
		s.err = io.EOF
	default:
		s.n = n
	}
	return true
}

// write writes the request. Nearly always the system takes it at once.
func (s *socket) write(fd uintptr) error {
	n, err := sendNow(fd, s.request)
	switch {
	case n == len(s.request):
		return nil
	case n > 0:
		_, _ = s.conn.Write(s.request[n:]) // see write
		return nil
	case err != nil && err != syscall.EAGAIN && err != syscall.EINTR:
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	return write(s.conn, s.request)
}

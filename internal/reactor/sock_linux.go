//go:build linux && !portable

package reactor

import (
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// fdSocket is a stream socket that the loop's epoll instance watches.
type fdSocket struct {
	fd      int32
	slot    int32
	watched bool
	poller  *poller // nil until open
}

// duplicate takes a socket out of the Go runtime's hands: the duplicate is ours, and closing nc ends the runtime's interest in it.
func duplicate(nc net.Conn) (int32, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("take over %T: it has no descriptor", nc)
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return -1, fmt.Errorf("take over socket: %w", err)
	}
	fd := -1
	var dupErr error
	err = rc.Control(func(f uintptr) { fd, dupErr = unix.FcntlInt(f, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = dupErr
	}
	if err != nil {
		return -1, fmt.Errorf("take over socket: %w", os.NewSyscallError("fcntl", err))
	}
	nc.Close()
	return int32(fd), nil
}

func (s *fdSocket) open(c *Conn) error {
	p, err := c.loop.needPoller()
	if err != nil {
		return err
	}
	slot, err := p.add(c, int(s.fd), evRead|unix.EPOLLRDHUP)
	if err != nil {
		return err
	}
	s.poller, s.slot, s.watched = p, slot, true
	return nil
}

// needPoller returns the loop's poller, made for the first socket.
func (l *loop) needPoller() (*poller, error) {
	if l.poller != nil {
		return l.poller, nil
	}
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.poller = p
	l.mu.Unlock()
	return p, nil
}

func (s *fdSocket) read(p []byte) (int, bool, error) {
	n, err := readFD(s.fd, p)
	return n, false, err
}

func readFD(fd int32, p []byte) (int, error) {
	for {
		n, errno := recvNow(fd, p)
		switch {
		case errno == 0 && n == 0:
			return 0, io.EOF
		case errno == 0:
			return n, nil
		case errno == unix.EAGAIN:
			return 0, errAgain
		case errno != unix.EINTR:
			return 0, os.NewSyscallError("recv", errno)
		}
	}
}

func (s *fdSocket) write(bufs [][]byte) (int, error) {
	if len(bufs) == 1 {
		return sendFD(s.fd, bufs[0])
	}
	iov, total := s.poller.iov[:0], 0
	for _, b := range bufs {
		v := unix.Iovec{Base: &b[0]}
		v.SetLen(len(b))
		iov = append(iov, v)
		total += len(b)
	}
	s.poller.iov = iov
	n, err := s.poller.send(s.fd, iov)
	clear(iov) // the loop must not hold what was sent
	if err == nil && n < total {
		err = errAgain
	}
	return n, err
}

func sendFD(fd int32, b []byte) (int, error) {
	for {
		n, errno := sendNow(fd, b)
		switch {
		case errno == 0 && n < len(b):
			return n, errAgain
		case errno == 0:
			return n, nil
		case errno == unix.EAGAIN:
			return 0, errAgain
		case errno != unix.EINTR:
			return 0, os.NewSyscallError("send", errno)
		}
	}
}

// send sends several buffers in one system call.
func (p *poller) send(fd int32, iov []unix.Iovec) (int, error) {
	p.msg.Iov = &iov[0]
	p.msg.SetIovlen(len(iov))
	for {
		n, errno := sendmsgNow(fd, &p.msg, iov)
		switch errno {
		case 0:
			return n, nil
		case unix.EAGAIN:
			return 0, errAgain
		case unix.EINTR:
		default:
			return 0, os.NewSyscallError("sendmsg", errno)
		}
	}
}

func (s *fdSocket) ahead() bool  { return false }
func (s *fdSocket) held() int    { return 0 }
func (s *fdSocket) drain() error { return nil }

func (s *fdSocket) watch(read, write, hangup bool) {
	var ev events
	if read {
		ev |= evRead
	}
	if write {
		ev |= evWrite
	}
	if hangup {
		ev |= unix.EPOLLRDHUP
	}
	switch {
	case ev == 0:
		// A socket that has failed is reported even if nothing is asked for, so that it must not be watched at all.
		s.poller.control(unix.EPOLL_CTL_DEL, int(s.fd), 0, s.slot)
		s.watched = false
	case s.watched:
		s.poller.control(unix.EPOLL_CTL_MOD, int(s.fd), ev, s.slot)
	default:
		s.poller.control(unix.EPOLL_CTL_ADD, int(s.fd), ev, s.slot)
		s.watched = true
	}
}

func (s *fdSocket) shut() { unix.Shutdown(int(s.fd), unix.SHUT_WR) }

func (s *fdSocket) close() {
	if s.poller != nil {
		s.poller.remove(s.slot)
	}
	unix.Close(int(s.fd))
}

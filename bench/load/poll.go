package main

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls below never block, so they need not tell Go's scheduler that they are about to.

func recv(fd int, b []byte) (int, error) {
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

func send(fd int, b []byte) (int, error) {
	n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), nil
}

// crowd is the conns of a scenario on one route, and the epoll descriptor that watches them.
type crowd struct {
	conns  []*conn
	epoll  int
	events [64]unix.EpollEvent // few, so that the ping of a scenario is looked at often
}

// gather opens n conns, one after another.
func gather(server netip.AddrPort, d *dialect, route string, n int) (*crowd, error) {
	g, err := newCrowd(n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		c, err := dial(server, d, route, i)
		if err != nil {
			return nil, err
		}
		if err := g.add(c); err != nil {
			return nil, err
		}
		if i%200 != 199 {
			continue
		}
		if err := g.attend(); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// newCrowd makes a crowd that has nobody yet.
func newCrowd(n int) (*crowd, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &crowd{epoll: ep, conns: make([]*conn, 0, n)}, nil
}

// add makes a conn the next of the crowd.
func (g *crowd) add(c *conn) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(g.conns))}
	g.conns = append(g.conns, c)
	if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, c.fd, &ev); err != nil {
		return fmt.Errorf("epoll add: %w", err)
	}
	return nil
}

// attend answers the heartbeats of conns that wait for the rest of the crowd: a slow server takes longer to open 10,000
// than it gives each of them to answer.
func (g *crowd) attend() error {
	for {
		n, err := g.poll(nobody{})
		if n == 0 || err != nil {
			return err
		}
	}
}

// nobody is the receiver of conns that expect nothing.
type nobody struct{}

func (nobody) message(c *conn, _ []byte) error {
	return fmt.Errorf("conn %d: a message before any was sent", c.index)
}

func (nobody) pong(c *conn, _ []byte) error {
	return fmt.Errorf("conn %d: a pong that nobody asked for", c.index)
}

// pause is how long poll leaves the sockets alone after it found few of them ready. What arrives meanwhile is then read in
// fewer, fuller calls, and the spinning does not fight with the server's sends for the epoll lock.
const pause = 10 * time.Microsecond

// poll reads each conn that has something, once, and does not wait if none has. It returns how many it read.
func (g *crowd) poll(to receiver) (int, error) {
	return g.each(func(i int) error { return g.conns[i].read(to) })
}

// each calls read with the index of each conn that has something, and does not wait if none has. It returns how many it called.
func (g *crowd) each(read func(i int) error) (int, error) {
	n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_WAIT, uintptr(g.epoll), uintptr(unsafe.Pointer(&g.events[0])),
		uintptr(len(g.events)), 0, 0, 0)
	if e == unix.EINTR {
		return 0, nil
	}
	if e != 0 {
		return 0, fmt.Errorf("epoll wait: %w", e)
	}
	for i := range g.events[:n] {
		if err := read(int(g.events[i].Fd)); err != nil {
			return 0, err
		}
	}
	if int(n) < len(g.events)/4 {
		for t := time.Now(); time.Since(t) < pause; {
		}
	}
	return int(n), nil
}

// patience is how long a scenario waits for a message that does not come before it calls it lost.
const patience = 30 * time.Second

// watch fails when a count stands still for too long.
type watch struct {
	last  int
	since time.Time
}

func (w *watch) check(now time.Time, count, want int) error {
	if count != w.last || w.since.IsZero() {
		w.last, w.since = count, now
		return nil
	}
	if now.Sub(w.since) > patience {
		return fmt.Errorf("lost messages: %d of %d arrived, and none for %s", count, want, patience)
	}
	return nil
}

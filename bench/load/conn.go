package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// conn is one client connection: a non-blocking socket and what a read left over of a frame.
type conn struct {
	fd     int
	index  int
	got    int    // messages received
	carry  []byte // the beginning of a frame whose rest has not come yet
	dialog *dialect
}

const handshakeTimeout = 20 * time.Second

var errGone = errors.New("the server closed a conn")

// dial connects and upgrades. It never sleeps, it asks again and again: a sleeping client would have to be woken by the
// server, on the server's core, and its bill would depend on how often that happens.
func dial(server netip.AddrPort, d *dialect, route string, index int) (*conn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socket %d: %w", index, err)
	}
	c := &conn{fd: fd, index: index, dialog: d}
	if err := c.open(server, route); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("conn %d: %w", index, err)
	}
	return c, nil
}

// connect connects the socket, which does not block from then on.
func (c *conn) connect(server netip.AddrPort) error {
	usePorts(c.fd)
	if err := unix.Connect(c.fd, &unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}); err != nil {
		return fmt.Errorf("connect to %s: %w", server, err)
	}
	if err := unix.SetNonblock(c.fd, true); err != nil {
		return err
	}
	return unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}

func (c *conn) open(server netip.AddrPort, route string) error {
	if err := c.connect(server); err != nil {
		return err
	}
	if err := c.write(upgradeRequest(server.String(), c.dialog.path(route), "")); err != nil {
		return err
	}
	head, err := c.await(func(b []byte) int {
		if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
			return i + 4
		}
		return 0
	})
	if err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
		return fmt.Errorf("upgrade refused: %.80q", head)
	}
	if c.dialog.greet {
		return c.greet()
	}
	return nil
}

// upgradeRequest is the opening handshake, with further header lines. Its key is the example of RFC 6455; the accept value is
// not checked here.
func upgradeRequest(host, path, headers string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n", path, host, headers)
}

// usePorts asks for a local port from 20000 up, since servers listen below. Kernels before 6.3 do not know the option and use
// net.ipv4.ip_local_port_range.
func usePorts(fd int) {
	const first, last = 20000, 60999
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_LOCAL_PORT_RANGE, last<<16|first)
}

// greet does the opening of Engine.IO and Socket.IO: the peer says 0{…}, the client joins its namespace with 40/route, and
// the peer confirms it with the same beginning.
func (c *conn) greet() error {
	for _, begin := range []string{"0", "40" + c.dialog.route + ","} {
		frame, err := c.await(func(b []byte) int { _, _, size, _ := nextFrame(b); return size })
		if err != nil {
			return fmt.Errorf("wait for %s: %w", begin, err)
		}
		_, payload, _, err := nextFrame(frame)
		if err != nil || !bytes.HasPrefix(payload, []byte(begin)) {
			return fmt.Errorf("wait for %s: got %.60q (%v)", begin, payload, err)
		}
		if begin == "0" {
			if err := c.write(appendFrame(nil, opText, []byte("40"+c.dialog.route+","))); err != nil {
				return err
			}
		}
	}
	return nil
}

// await reads until whole says how long the first part is, returns that part and keeps the rest in carry.
func (c *conn) await(whole func([]byte) int) ([]byte, error) {
	deadline := time.Now().Add(handshakeTimeout)
	for {
		if n := whole(c.carry); n > 0 {
			part := bytes.Clone(c.carry[:n])
			c.carry = append(c.carry[:0], c.carry[n:]...)
			return part, nil
		}
		n, err := recv(c.fd, c.dialog.buffer)
		switch {
		case err == unix.EAGAIN && time.Now().Before(deadline):
			continue
		case err != nil:
			return nil, fmt.Errorf("no answer: %w", err)
		case n == 0:
			return nil, errGone
		}
		c.carry = append(c.carry, c.dialog.buffer[:n]...)
	}
}

// write sends all of b at once. So little is ever on its way that a full socket buffer is an error of the scenario.
func (c *conn) write(b []byte) error {
	n, err := send(c.fd, b)
	if err != nil {
		return fmt.Errorf("conn %d: send: %w", c.index, err)
	}
	if n != len(b) {
		return fmt.Errorf("conn %d: the socket took %d of %d bytes", c.index, n, len(b))
	}
	return nil
}

// receiver gets what conns receive.
type receiver interface {
	message(c *conn, payload []byte) error
	pong(c *conn, payload []byte) error
}

// read takes what the socket has, once, and hands each message over.
func (c *conn) read(to receiver) error {
	buffer := c.dialog.buffer
	held := copy(buffer, c.carry)
	n, err := recv(c.fd, buffer[held:])
	if err == unix.EAGAIN {
		return nil
	}
	if err != nil {
		return fmt.Errorf("conn %d: recv: %w", c.index, err)
	}
	if n == 0 {
		return fmt.Errorf("conn %d: %w", c.index, errGone)
	}
	return c.parse(to, buffer[:held+n])
}

// parse hands over the messages of what was read, and keeps what it has of a frame whose rest is still to come.
func (c *conn) parse(to receiver, rest []byte) error {
	for {
		op, payload, size, err := nextFrame(rest)
		if err != nil {
			return fmt.Errorf("conn %d: %w", c.index, err)
		}
		if size == 0 {
			c.carry = append(c.carry[:0], rest...)
			return nil
		}
		if err := c.frame(to, op, payload); err != nil {
			return err
		}
		rest = rest[size:]
	}
}

func (c *conn) frame(to receiver, op byte, payload []byte) error {
	switch op {
	case opText:
		if c.dialog.raw {
			return to.message(c, payload)
		}
		ours, err := c.dialog.check(payload)
		if ours {
			c.got++
			return to.message(c, payload)
		}
		if err == nil && string(payload) == "2" { // a heartbeat of Engine.IO
			return c.write(appendFrame(nil, opText, []byte("3")))
		}
		return err
	case opPing:
		return c.write(appendFrame(nil, opPong, payload))
	case opPong:
		return to.pong(c, payload)
	case opClose:
		return fmt.Errorf("conn %d: %w with a close frame: %q", c.index, errGone, payload)
	}
	return fmt.Errorf("conn %d: a frame with opcode %d", c.index, op)
}

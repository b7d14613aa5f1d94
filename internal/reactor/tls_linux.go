//go:build linux && !portable

package reactor

import (
	"crypto/tls"
	"errors"
	"net"
	"time"
)

// recordSize is the most plaintext that a TLS record holds (RFC 8446, section 5.1).
const recordSize = 16 << 10

// heldMax bounds the answers to a peer that sends one key update after another and reads none.
const heldMax = 8 * recordSize

var errFlood = errors.New("peer asks for TLS key updates faster than it reads the answers")

// Listen wraps a listener, so that TLS connections accepted on it (by tls.NewListener, http.Server.ServeTLS) can live on loops: the conn
// below a tls.Conn cannot be exchanged later, so that it must be ours from the start.
func Listen(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Client(nc), nil
}

// Client is Listen for a connection that was dialed, to be wrapped by tls.Client.
func Client(nc net.Conn) net.Conn {
	if _, ok := nc.(*net.TCPConn); !ok {
		return nc
	}
	return &shim{Conn: nc}
}

// shim lies between a tls.Conn and its socket. Until the hand-over it is the blocking connection that it wraps, afterwards it is the loop's
// and never blocks.
type shim struct {
	net.Conn // nil after the hand-over
	sock     fdSocket
	conn     *Conn
	out      []byte // records that the kernel did not take; at most what one tls.Conn.Write and the handshake's last words make
}

// again tells crypto/tls that a later read may succeed: it does not make an error final that calls itself temporary.
type again struct{}

func (again) Error() string   { return errAgain.Error() }
func (again) Timeout() bool   { return false }
func (again) Temporary() bool { return true }

func (s *shim) Read(p []byte) (int, error) {
	if s.Conn != nil {
		return s.Conn.Read(p)
	}
	n, err := readFD(s.sock.fd, p)
	if err == errAgain {
		err = again{}
	}
	return n, err
}

// Write never says "again", since crypto/tls takes every write error as final: it keeps what the kernel does not take.
func (s *shim) Write(p []byte) (int, error) {
	if s.Conn != nil {
		return s.Conn.Write(p)
	}
	n := 0
	if len(s.out) == 0 {
		var err error
		if n, err = sendFD(s.sock.fd, p); err != nil && err != errAgain {
			return n, err
		}
	}
	if rest := p[n:]; len(rest) > 0 {
		s.out = append(s.out, rest...)
		s.count(len(rest))
	}
	return len(p), nil
}

// SetWriteDeadline is what crypto/tls calls around the alert close_notify. A write that does not block needs none.
func (s *shim) SetWriteDeadline(t time.Time) error {
	if s.Conn != nil {
		return s.Conn.SetWriteDeadline(t)
	}
	return nil
}

func (s *shim) count(n int) {
	if s.conn != nil {
		s.conn.queued.Add(int64(n))
	}
}

// drain passes on what was kept.
func (s *shim) drain() error {
	if len(s.out) == 0 {
		return nil
	}
	n, err := sendFD(s.sock.fd, s.out)
	s.out = s.out[n:]
	s.count(-n)
	if len(s.out) == 0 {
		s.out = nil
	}
	if err == errAgain {
		return nil
	}
	return err
}

// adoptTLS hands a TLS connection's socket over to us, below crypto/tls.
func adoptTLS(tc *tls.Conn, below *shim) (Socket, error) {
	fd, err := duplicate(below.Conn)
	if err != nil {
		return Socket{}, err
	}
	below.Conn = nil
	below.sock.fd = fd
	return Socket{&tlsSocket{tls: tc, below: below}}, nil
}

// tlsSocket is a socket on the loop's poller, spoken to through crypto/tls.
type tlsSocket struct {
	tls   *tls.Conn
	below *shim
}

func (s *tlsSocket) open(c *Conn) error {
	s.below.conn = c
	return s.below.sock.open(c)
}

func (s *tlsSocket) read(p []byte) (int, bool, error) {
	n, err := s.tls.Read(p)
	if _, ok := err.(again); ok {
		err = errAgain
	}
	if s.held() > 0 {
		s.below.conn.touch() // crypto/tls has answered a key update
	}
	if s.held() > heldMax {
		err = errFlood
	}
	return n, true, err
}

// write encrypts only while nothing is held, so that what a policy may still skip is not encrypted yet.
func (s *tlsSocket) write(bufs [][]byte) (int, error) {
	if err := s.below.drain(); err != nil {
		return 0, err
	}
	n := 0
	for len(bufs) > 0 {
		if s.held() > 0 {
			return n, errAgain
		}
		var record []byte
		record, bufs = s.fill(bufs)
		if _, err := s.tls.Write(record); err != nil {
			return n, err
		}
		n += len(record)
	}
	return n, nil
}

// fill takes a record's worth from the front of bufs, without a copy where that is one buffer.
func (s *tlsSocket) fill(bufs [][]byte) (record []byte, rest [][]byte) {
	if len(bufs[0]) > recordSize {
		record, bufs[0] = bufs[0][:recordSize], bufs[0][recordSize:]
		return record, bufs
	}
	if len(bufs) == 1 || len(bufs[0]) == recordSize {
		return bufs[0], bufs[1:]
	}
	p := s.below.sock.poller
	p.plain = p.plain[:0]
	for len(bufs) > 0 && len(p.plain)+len(bufs[0]) <= recordSize {
		p.plain = append(p.plain, bufs[0]...)
		bufs = bufs[1:]
	}
	return p.plain, bufs
}

func (s *tlsSocket) ahead() bool  { return true } // crypto/tls may hold the begin of the first frames
func (s *tlsSocket) held() int    { return len(s.below.out) }
func (s *tlsSocket) drain() error { return s.below.drain() }

func (s *tlsSocket) watch(read, write, hangup bool) { s.below.sock.watch(read, write, hangup) }

func (s *tlsSocket) shut() {
	s.tls.CloseWrite() // the alert close_notify; if it cannot be sent, the socket's end has to say it
	s.below.sock.shut()
}

// close drops the socket below: closing the tls.Conn could wait for the peer.
func (s *tlsSocket) close() {
	if s.held() == 0 {
		s.tls.CloseWrite()
	}
	s.below.sock.close()
}

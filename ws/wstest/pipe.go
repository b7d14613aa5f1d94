package wstest

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipeRoom is how many bytes one direction of a pipe holds before a writer has to wait.
const pipeRoom = 64 << 10

// end is one end of a connection in memory. Unlike net.Pipe it has a buffer in each direction and can be closed half,
// as a TCP connection.
type end struct{ in, out *stream }

func newPipe() (a, b *end) {
	x, y := newStream(), newStream()
	return &end{x, y}, &end{y, x}
}

func (e *end) Read(p []byte) (int, error)  { return e.in.read(p) }
func (e *end) Write(p []byte) (int, error) { return e.out.write(p) }

func (e *end) CloseWrite() error {
	e.out.change(func(s *stream) { s.ended = true })
	return nil
}

func (e *end) Close() error {
	e.CloseWrite()
	e.in.change(func(s *stream) {
		s.refused = true
		s.buf = nil
		s.readBy.clear()
	})
	e.out.change(func(s *stream) { s.writeBy.clear() })
	return nil
}

func (e *end) SetDeadline(t time.Time) error {
	e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *end) SetReadDeadline(t time.Time) error {
	e.in.change(func(s *stream) { s.readBy.set(s, t) })
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.out.change(func(s *stream) { s.writeBy.set(s, t) })
	return nil
}

func (e *end) LocalAddr() net.Addr  { return memory{} }
func (e *end) RemoteAddr() net.Addr { return memory{} }

// memory is the address of everything here.
type memory struct{}

func (memory) Network() string { return "memory" }
func (memory) String() string  { return "memory" }

// stream is one direction of a pipe.
type stream struct {
	mu      sync.Mutex // guards everything
	changed sync.Cond
	buf     []byte // at most pipeRoom
	ended   bool   // the writer has closed
	refused bool   // the reader has closed
	readBy  deadline
	writeBy deadline
}

func newStream() *stream {
	s := &stream{}
	s.changed.L = &s.mu
	return s
}

func (s *stream) change(f func(*stream)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
	s.changed.Broadcast()
}

func (s *stream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.refused:
			return 0, net.ErrClosed
		case s.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		case len(s.buf) > 0 || len(p) == 0:
			n := copy(p, s.buf)
			s.buf = s.buf[n:]
			s.changed.Broadcast()
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.ended:
			return n, net.ErrClosed
		case s.refused:
			return n, io.ErrClosedPipe
		case s.writeBy.passed:
			return n, os.ErrDeadlineExceeded
		case n == len(p):
			return n, nil
		}
		room := min(pipeRoom-len(s.buf), len(p)-n)
		if room == 0 {
			s.changed.Wait()
			continue
		}
		s.buf = append(s.buf, p[n:n+room]...)
		n += room
		s.changed.Broadcast()
	}
}

// deadline is guarded by its stream's mu.
type deadline struct {
	timer  *time.Timer // nil unless one runs
	passed bool
}

func (d *deadline) clear() {
	if d.timer != nil {
		d.timer.Stop()
	}
	*d = deadline{}
}

func (d *deadline) set(s *stream, t time.Time) {
	d.clear()
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.passed = true
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		s.change(func(*stream) {
			if d.timer == timer { // not set anew meanwhile
				d.passed = true
			}
		})
	})
	d.timer = timer
}

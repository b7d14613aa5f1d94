package backend

import (
	"bufio"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"time"
)

// line is a conn of HTTP/1.1 that one call uses at a time. net/http reads the responses; around it stands here what its Transport
// has two goroutines for.
type line struct {
	// Immutable.
	conn   net.Conn
	in     *bufio.Reader // of the line
	socket *socket       // below TLS if there is some; nil if the conn is none of the system's
	secure bool
	cut    func() // ends what is under way
	epoch  int    // of the wire, when it was made

	// Owned by the call.
	unsent []byte // a request that is written before the first that is read
	left   int64  // bytes that the rest of the header may have
	came   bool   // anything of the response
	used   bool   // by a call before
	sent   chan error

	since time.Time // when the last call ended; guarded by the wire's mu
}

const (
	maxHeader = 64 << 10 // bytes of a response's header, with all that inform before it
	// maxAtOnce is up to how many bytes a request is written before its response is read. Sockets take so much although the other
	// side does not read, so that it cannot be that each waits for the other.
	maxAtOnce = 16 << 10
)

func newLine(conn net.Conn, epoch int) *line {
	l := &line{conn: conn, epoch: epoch}
	below, secure := conn.(interface{ NetConn() net.Conn })
	if secure {
		conn = below.NetConn()
	}
	l.socket, l.secure = socketOf(conn), secure
	l.cut = func() { l.conn.SetDeadline(time.Unix(1, 0)) }
	l.in = bufio.NewReader(l)
	return l
}

// errUnsent says that nothing was written to a conn.
var errUnsent = errors.New("the conn was closed")

// send lets a request be written when the response is read, or a large one meanwhile.
func (l *line) send(r *request) error {
	l.came, l.left, l.unsent, l.sent = false, maxHeader, r.whole, nil
	if r.whole != nil {
		return nil
	}
	if !l.socket.quiet() {
		return errUnsent
	}
	l.sent = make(chan error, 1)
	go func() {
		parts := net.Buffers{r.head, r.body}
		_, err := parts.WriteTo(l.conn)
		l.sent <- err
	}()
	return nil
}

// Read is for the bufio.Reader. It counts what is read of the header.
func (l *line) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, fmt.Errorf("the header has more than %d bytes", maxHeader)
	}
	if int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.read(p)
	l.left -= int64(n)
	l.came = l.came || n > 0
	return n, err
}

// read sends what is to be sent, and reads.
func (l *line) read(p []byte) (int, error) {
	request := l.unsent
	l.unsent = nil
	switch {
	case request == nil:
		return l.conn.Read(p)
	case l.socket != nil && !l.secure:
		return l.socket.ask(request, p)
	case !l.socket.quiet():
		return 0, errUnsent
	}
	if err := write(l.conn, request); err != nil {
		return 0, err
	}
	return l.conn.Read(p)
}

// write writes a request. It returns an error only if nothing was written: what was written in part may be answered all the same, and
// otherwise reading fails, too.
func write(conn net.Conn, request []byte) error {
	if n, err := conn.Write(request); err != nil && n == 0 {
		return fmt.Errorf("%w: %w", errUnsent, err)
	}
	return nil
}

// receive reads the header of the response. Those that only inform are skipped.
func (l *line) receive(method string) (*http.Response, error) {
	asked := &http.Request{Method: method}
	for {
		response, err := http.ReadResponse(l.in, asked)
		if err != nil {
			return nil, err
		}
		if status := response.StatusCode; status >= 200 || status == http.StatusSwitchingProtocols {
			l.left = math.MaxInt64 // who reads the body has a limit of its own
			return response, nil
		}
	}
}

// clean tells whether the line can be used again after a response that was read to its end. Otherwise it is closed.
func (l *line) clean(response *http.Response) bool {
	if response.Close || l.in.Buffered() > 0 {
		return false
	}
	if l.sent == nil {
		return true
	}
	select {
	case err := <-l.sent:
		l.sent = nil
		return err == nil
	default:
		return false
	}
}

// end closes the line, and waits for what may still be writing.
func (l *line) end() {
	l.conn.Close()
	if l.sent != nil {
		<-l.sent
	}
}

// again tells whether a request that failed on this line may be sent on another: the line was closed before it was used, or while it
// was, and it does no harm to send the request twice.
func (l *line) again(within limit, r *request, err error) bool {
	if !l.used || l.came || within.err(nil) != nil || isTimeout(err) {
		return false
	}
	return errors.Is(err, errUnsent) || r.repeatable()
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

package ws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

// Conn is one WebSocket connection, accepted by a [Server] or made by [Dial]. All its methods may be called concurrently, also
// from its own handlers, and none of them waits for the network.
//
// When the peer closes, its close frame is answered as soon as the handlers have handled what came before it, and after CloseTimeout at
// the latest. Until then the conn is open, and what is sent is written; a peer that still reads gets it.
type Conn struct {
	// Owned by the conn's loop.
	sock     reactor.Conn
	parser   parser
	life     life
	deflater *deflater // nil until the first message of a conn that compresses for itself

	// Immutable after start.
	id          uint64
	set         *settings
	srv         *Server // nil for a dialed conn
	facts       facts
	subprotocol string
	extensions  string
	deflate     deflateParams
	tls         *tls.Conn       // nil if the socket is not encrypted
	base        context.Context // what middleware put into the request's context; nil if nothing

	// Guarded by mu.
	mu     sync.Mutex
	info   *CloseInfo // set when the state leaves Open
	groups []*members
	values map[any]any
	ctx    context.Context // nil until Context is called
	cancel context.CancelCauseFunc
	events events
	gone   chan<- struct{} // closed after the last handler, for a Reconnecting; otherwise nil

	// Owned by whoever takes messages out of events, one goroutine at a time.
	inflater *inflater

	// Safe for concurrent use.
	state atomic.Uint32
}

// lastID numbers the process's conns.
var lastID atomic.Uint64

// ID is the conn's number, unique within the process.
func (c *Conn) ID() uint64 { return c.id }

// State is where the conn is in its life, with the browser's numbers.
func (c *Conn) State() State { return State(c.state.Load()) }

// Buffered is how many bytes were accepted by Send, or broadcast to the conn, and are not with the kernel yet: the browser's
// bufferedAmount, with the frames' headers and 64 bytes for each message that waits.
func (c *Conn) Buffered() int { return c.sock.Queued() }

// Subprotocol is the subprotocol that was selected in the handshake, or "".
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Extensions is the Sec-WebSocket-Extensions value that was agreed on, or "" (RFC 6455, section 9.1).
func (c *Conn) Extensions() string { return c.extensions }

// TLS describes the encryption of the socket. It is nil for an unencrypted one, also when a proxy in front ends TLS.
func (c *Conn) TLS() *tls.ConnectionState {
	if c.tls == nil {
		return nil
	}
	state := c.tls.ConnectionState()
	return &state
}

// Context has the values that middleware put into the upgrade request's context. It ends when the conn is closed, or when its peer has
// hung up while a handler is behind; [context.Cause] is then a [CloseInfo].
func (c *Conn) Context() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx != nil {
		return c.ctx
	}
	base := c.base
	if base == nil {
		base = context.Background()
	}
	c.ctx, c.cancel = context.WithCancelCause(base)
	if c.State() == Closed {
		c.cancel(*c.info)
	}
	return c.ctx
}

// endContext ends the context, if anybody has asked for it. A later cause changes nothing.
func (c *Conn) endContext(cause CloseInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel(cause)
	}
}

// Set keeps a value with the conn, for [Conn.Get]. Keys are compared with ==; use a type of your own for them, as with
// [context.WithValue].
func (c *Conn) Set(key, value any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.values == nil {
		c.values = make(map[any]any)
	}
	c.values[key] = value
}

// Get returns the value that was Set for the key, or nil.
func (c *Conn) Get(key any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values[key]
}

// Send sends a message. It never blocks: the message waits in memory until the socket takes it, in order with what the calling
// goroutine broadcasts to the conn's groups. It returns [ErrClosed] once the conn is closing. If more than MaxPending bytes would wait it
// returns [ErrSlow], and the conn closes with [CodeSlow], since it has missed a message; one message that finds nothing waiting is
// accepted whatever its size.
func (c *Conn) Send(m Message) error {
	if err := m.sendable(); err != nil {
		return err
	}
	if c.State() != Open {
		return ErrClosed
	}
	frame, packet := c.encode(m)
	size := len(frame)
	if packet != nil {
		size = len(packet.Plain)
	}
	if !c.sock.Reserve(size, c.set.maxPending) {
		c.closeNow(slowInfo)
		return ErrSlow
	}
	c.sock.Send(frame, packet)
	return nil
}

// Ping sends a ping frame with up to 125 bytes of data, overtaking messages that wait. The answer comes to [Conn.OnPong]. The server's
// heartbeat needs no help; Ping measures a round trip. It returns [ErrClosed], or [ErrSlow] if MaxPending bytes wait already.
func (c *Conn) Ping(data []byte) error {
	if len(data) > maxControl {
		return fmt.Errorf("ws: ping with %d bytes; a control frame holds at most %d", len(data), maxControl)
	}
	if c.State() != Open {
		return ErrClosed
	}
	if c.Buffered() > c.set.maxPending {
		return ErrSlow
	}
	frame := c.frame(opPing, false, data)
	c.sock.Do(func() { c.sock.Control(frame, false) })
	return nil
}

// Close begins the closing handshake (RFC 6455, section 7.1.2): the messages sent before are still written, then a close frame. When the
// peer has answered, or has taken nothing for CloseTimeout, the conn is closed and OnClose is called. Messages that arrive after the call are
// dropped, as in browsers. Code 0 sends no code; the reason is cut after 123 bytes. It returns [ErrClosed] if the conn is closing already, and
// an error for a code that must not be sent.
func (c *Conn) Close(code Code, reason string) error {
	if code != 0 && !code.valid() {
		return fmt.Errorf("ws: close code %s must not be sent; use one of 1000-1003, 1007-1014 or 3000-4999", code)
	}
	if code == 0 {
		code = CodeNoStatus
	}
	if !c.closeNow(CloseInfo{Code: code, Reason: truncate(reason, maxReason)}) {
		return ErrClosed
	}
	return nil
}

// Terminate drops the socket at once, without a closing handshake and with what still waits to be sent. It is for peers that do not
// deserve better; use [Conn.Close] otherwise.
func (c *Conn) Terminate() {
	c.leaveOpen(CloseInfo{Code: CodeAbnormal, Err: errTerminated})
	c.sock.Do(func() { c.sock.End(errTerminated) })
}

var errTerminated = errors.New("ws: conn was terminated by this side")

package ws

import (
	"context"
	"crypto/tls"
	"iter"
)

// Conn is one WebSocket connection, accepted by a [Server] or made by [Dial]. All methods may be called concurrently and from
// within handlers; none of them waits for the network.
type Conn struct {
	facts facts
}

// ID is unique within the process.
func (c *Conn) ID() uint64 { panic("skeleton") }

// State is the browser's readyState.
func (c *Conn) State() State { panic("skeleton") }

// Buffered is the number of bytes accepted by Send that the kernel has not taken yet, the browser's bufferedAmount.
func (c *Conn) Buffered() int { panic("skeleton") }

// Subprotocol is the selected subprotocol, or "".
func (c *Conn) Subprotocol() string { panic("skeleton") }

// Extensions is the negotiated Sec-WebSocket-Extensions value, or "".
func (c *Conn) Extensions() string { panic("skeleton") }

// TLS is nil when the socket is not encrypted.
func (c *Conn) TLS() *tls.ConnectionState { panic("skeleton") }

// Context carries what middleware put into the upgrade request's context and ends when the conn closes (or its peer hangs up),
// with a [CloseInfo] as cause.
func (c *Conn) Context() context.Context { panic("skeleton") }

// Set keeps a value with the conn; Get returns it, or nil.
func (c *Conn) Set(key, value any) { panic("skeleton") }
func (c *Conn) Get(key any) any    { panic("skeleton") }

// Send never blocks. ErrClosed once the conn is closing, ErrSlow when over MaxPending (and the conn closes with CodeSlow).
func (c *Conn) Send(m Message) error { panic("skeleton") }

// Ping sends a ping with at most 125 bytes.
func (c *Conn) Ping(data []byte) error { panic("skeleton") }

// Close starts the closing handshake; the conn is closed when the peer answers or CloseTimeout passes. Code 0 sends no code.
func (c *Conn) Close(code Code, reason string) error { panic("skeleton") }

// Terminate drops the socket at once, without a closing handshake.
func (c *Conn) Terminate() { panic("skeleton") }

// Handlers. Set them in the route's handler; messages that arrive before are kept. One handler of a conn runs at a time,
// in order; it may block.
func (c *Conn) OnMessage(f func(Message)) { panic("skeleton") }
func (c *Conn) OnPong(f func([]byte))     { panic("skeleton") }
func (c *Conn) OnClose(f func(CloseInfo)) { panic("skeleton") }
func (c *Conn) OnSkip(f func(Skipped))    { panic("skeleton") }

// Messages is for those who prefer a loop: it ends when the conn closes or ctx ends.
func (c *Conn) Messages(ctx context.Context) iter.Seq[Message] { panic("skeleton") }

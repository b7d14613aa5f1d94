package ws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

// DialOptions configures [Dial]. The zero value works.
type DialOptions struct {
	// Header goes with the request: Authorization, Cookie, Origin, whatever the server asks for. Host replaces the
	// URL's. The fields of the handshake itself (Upgrade, Connection, Sec-WebSocket-*) cannot be set.
	Header http.Header
	// Subprotocols are offered to the server, most wanted first (RFC 6455, section 1.9). If there are any, the server
	// has to select one.
	Subprotocols []string
	// TLS is for wss. ServerName is the URL's host if it is empty; NextProtos is always "http/1.1". nil means the
	// system's roots.
	TLS *tls.Config
	// NetDial makes the connection instead of a [net.Dialer], for instance through a proxy, to a Unix socket or to a
	// [net.Pipe]. network is "tcp" and addr is "host:port". For wss it returns the unencrypted connection, since Dial
	// does TLS on it. A conn that lies on something else than a TCP or Unix socket costs an event loop of its own.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Timeout is for connecting and the handshake together, beside what the context says. 0 means 30 s; negative means
	// none.
	Timeout time.Duration
	// Compression is off by default. With it permessage-deflate is offered, and the server decides. See [Compression].
	Compression Compression

	MaxMessage int // largest message received, in bytes after decompression; 0 means 1 MiB; larger ones close with 1009
	MaxFrames  int // most frames that one message may be split into; 0 means 16384; more close with 1009
	MaxPending int // most bytes waiting to be sent, each message counting 64 more; 0 means 1 MiB; more close with CodeSlow

	Ping         time.Duration // silence after which the server is pinged; 0 means 25 s; negative disables the heartbeat
	PongTimeout  time.Duration // silence after a ping that ends the conn with CodeHeartbeat; 0 means 10 s
	CloseTimeout time.Duration // how long a closing server may take nothing and answer nothing; 0 means 5 s

	Logger *slog.Logger // reports panics of handlers; nil means slog.Default()
}

// settings are those of a server with the same options.
func (o *DialOptions) settings() *settings {
	return newSettings(&Options{
		MaxMessage: o.MaxMessage, MaxFrames: o.MaxFrames, MaxPending: o.MaxPending,
		Ping: o.Ping, PongTimeout: o.PongTimeout, CloseTimeout: o.CloseTimeout,
		Compression: o.Compression,
		Logger:      o.Logger,
	}, true)
}

// Dial connects to a ws:// or wss:// URL (http:// and https:// mean the same). A user and password in the URL are sent
// as Basic authentication, unless the header has an Authorization. The context ends the attempt; it does not matter any
// more once Dial has returned.
//
// What arrives before the handlers are set is kept for them, up to 64 KiB; then the conn is not read any more. So one
// that has no use for messages needs an OnMessage that does nothing. Set OnClose last: once it is set, a conn that ends
// tells it, also if nobody has asked for the messages.
//
// A server that answers with something else than a correct 101 gives a [*HandshakeError]. Redirects are not followed,
// as in browsers.
func Dial(ctx context.Context, url string, o DialOptions) (*Conn, error) {
	h, err := newClientHandshake(url, &o)
	if err != nil {
		return nil, &usageError{err}
	}
	c, err := h.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("ws: dial %s: %w", h.name(), err)
	}
	return c, nil
}

// usageError is a mistake in what Dial was called with.
type usageError struct{ err error }

func (e *usageError) Error() string { return "ws: dial: " + e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

const dialTimeout = 30 * time.Second

var errDialTimeout = fmt.Errorf("no WebSocket within DialOptions.Timeout: %w", context.DeadlineExceeded)

// dial makes the connection, and the handshake on it.
func (h *clientHandshake) dial(ctx context.Context) (*Conn, error) {
	if timeout := or(h.opts.Timeout, dialTimeout); timeout > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, timeout, errDialTimeout)
		defer cancel()
		ctx = limited
	}
	nc, err := h.connect(ctx)
	if err != nil {
		return nil, orCause(ctx, err)
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	c, err := h.shake(ctx, nc)
	if !stop() {
		err = orCause(ctx, err)
	}
	if err == nil {
		err = h.start(c, nc)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return c.Conn, nil
}

// orCause says why the context has ended, if it has, in the place of the error that this led to. A server's answer is
// better than both.
func orCause(ctx context.Context, err error) error {
	var answered *HandshakeError
	if ctx.Err() == nil || errors.As(err, &answered) {
		return err
	}
	return context.Cause(ctx)
}

func (h *clientHandshake) connect(ctx context.Context) (net.Conn, error) {
	if h.opts.NetDial != nil {
		return h.opts.NetDial(ctx, "tcp", h.addr)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", h.addr)
}

// dialed owns the sockets of all dialed conns. It costs nothing while there are none.
var dialed = sync.OnceValue(func() *reactor.Reactor { return reactor.New(reactor.Config{}) })

// start gives the conn, whose handshake is done, to a loop.
func (h *clientHandshake) start(c *clientConn, nc net.Conn) error {
	r := dialed()
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
	default:
		// Nothing in common with other conns, so that a connection in memory works in the bubble of a testing/synctest.
		r = reactor.New(reactor.Config{Loops: 1})
	}
	remote := remoteAddr(nc)
	sock, err := reactor.Adopt(c.over)
	if err != nil {
		return err
	}
	c.facts = facts{uri: h.url.String(), remote: remote}
	c.Conn.start(r, sock, nil, c.read)
	return nil
}

// remoteAddr is the zero value for a peer without an IP address.
func remoteAddr(nc net.Conn) netip.AddrPort {
	addr, ok := nc.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := addr.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// parseURL returns the URL with the scheme ws or wss, and the address to connect to.
func parseURL(text string) (u *url.URL, addr string, err error) {
	if u, err = url.Parse(text); err != nil {
		var malformed *url.Error
		if errors.As(err, &malformed) {
			err = malformed.Err // the URL may hold a password, and errors are logged
		}
		return nil, "", fmt.Errorf("malformed URL: %w", err)
	}
	port := ""
	switch u.Scheme {
	case "ws", "http":
		u.Scheme, port = "ws", "80"
	case "wss", "https":
		u.Scheme, port = "wss", "443"
	default:
		return nil, "", fmt.Errorf("URL with the scheme %q; use ws:// or wss://", u.Scheme)
	}
	if u.Hostname() == "" {
		return nil, "", errors.New("URL without a host; use ws://host/path")
	}
	if u.Fragment != "" {
		return nil, "", errors.New("URL with a fragment, which WebSockets do not have; escape # as %23")
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return u, net.JoinHostPort(u.Hostname(), port), nil
}

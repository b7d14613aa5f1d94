package ws

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

type DialOptions struct {
	Header                            http.Header
	Subprotocols                      []string
	TLS                               *tls.Config
	NetDial                           func(ctx context.Context, network, addr string) (net.Conn, error)
	Compression                       Compression
	MaxMessage, MaxFrames, MaxPending int           // as in Options
	Ping, PongTimeout, CloseTimeout   time.Duration // as in Options
}

// HandshakeError is a handshake that the server answered with something else than 101.
type HandshakeError struct {
	Status int
	Header http.Header
	Body   []byte // at most 4 KiB
	Err    error
}

func (e *HandshakeError) Error() string { panic("skeleton") }

// Dial connects to a ws:// or wss:// URL.
func Dial(ctx context.Context, url string, o DialOptions) (*Conn, error) { panic("skeleton") }

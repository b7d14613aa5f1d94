package ws

import (
	"log/slog"
	"net/netip"
	"time"
)

// Options configures a [Server]. The zero value works and is what most programs want. Options are read once, by
// [NewServer]; changing them later has no effect.
type Options struct {
	// Subprotocols are the application protocols that the server speaks, most wanted first (RFC 6455, section 1.9). The
	// first of these that the client offers is selected. Empty means none; a client's offer is then ignored.
	Subprotocols []string
	// Origins lists the web origins (RFC 6454) whose pages may connect, besides those of the request's own host. Others get
	// 403. A request without an Origin header does not come from a browser page and is always allowed. An entry is
	//
	//   - an origin as browsers send it: "https://b.com", "http://localhost:3000", "capacitor://localhost"
	//   - with "*." for subdomains of any depth, but not the domain itself: "https://*.b.com"
	//   - with any port: "http://localhost:*"
	//   - without a scheme, for http and https: "b.com", "b.com:8080"
	//   - "null", which pages in sandboxed frames and on disk send, anyone's; it is allowed by nothing else but "*"
	//   - "*" for any page at all; then cookies do not tell who is speaking
	Origins []string
	// TrustedProxies are the networks whose Forwarded, X-Forwarded-For and X-Forwarded-Host headers are believed. Empty means none: the headers of anyone else are ignored.
	TrustedProxies []netip.Prefix
	// Headers names the request headers that [Conn.Header] can tell after the upgrade. All others are forgotten.
	Headers []string

	MaxMessage int // largest message received, in bytes after decompression; 0 means 1 MiB; larger ones close with 1009
	MaxFrames  int // most frames that one message may be split into; 0 means 16384; more close with 1009
	MaxPending int // most bytes waiting to be sent on one conn, each message counting 64 more; 0 means 1 MiB; more close with CodeSlow

	Ping        time.Duration // silence after which a conn is pinged; 0 means 25 s; negative disables the heartbeat
	PongTimeout time.Duration // silence after a ping that ends the conn with CodeHeartbeat; 0 means 10 s
	// CloseTimeout is how long a closing peer may take nothing and answer nothing before its socket is dropped, and how long
	// the handlers have for what the peer said before it closed. 0 means 5 s.
	CloseTimeout time.Duration

	// Compression is off by default: browsers always offer it, and it costs memory and CPU. See [Compression].
	Compression Compression
	// Group tells the options of a group when it is made: for a keyed group its key, for a route's group the route's
	// pattern, for all conns of the server "". nil means GroupOptions{} for all. It must not call into the server.
	Group func(key string) GroupOptions

	// OnConnect is called for each new conn, before the route's handler or before Upgrade returns, and OnClose after the
	// conn's own OnClose. Both are called concurrently for different conns, and in order for one. nil means nothing.
	OnConnect func(*Conn)
	OnClose   func(*Conn, CloseInfo)

	Logger *slog.Logger // reports panics of handlers; nil means slog.Default()
	Loops  int          // event loops that own the sockets; 0 means GOMAXPROCS at the time of NewServer
}

// CompressionMode says whether messages are compressed with permessage-deflate (RFC 7692).
type CompressionMode uint8

const (
	// CompressionOff declines every offer.
	CompressionOff CompressionMode = iota
	// CompressionShared compresses each message by itself (no context takeover, both ways), so that a broadcast is
	// compressed once for all its receivers and an idle conn holds no window.
	CompressionShared
	// CompressionTakeover compresses each message with the conn's earlier ones as context. It compresses similar small
	// messages much better, once per receiver, and costs each conn the memory that docs/benchmarks.md states.
	CompressionTakeover
)

// Compression configures permessage-deflate (RFC 7692). The zero value is off.
type Compression struct {
	Mode      CompressionMode
	Threshold int // messages shorter than this, in bytes, are sent as they are; 0 means 512; negative means 0
	Level     int // 1 (fast) to 9 (small); 0 means 1
}

package gateway

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/settings"
	"github.com/hubbub-dev/hubbub/ws"
)

// checker collects what is wrong with a config whose values are well-formed each by itself.
type checker struct {
	*Config
	found settings.Problems
}

func (c *checker) fail(key, format string, args ...any) {
	c.found = append(c.found, settings.Problem{Key: key, Message: fmt.Sprintf(format, args...)})
}

// check returns everything that is wrong with a config that is filled.
func (c *Config) check() settings.Problems {
	k := checker{Config: c, found: table().Check(c)}
	k.addresses()
	k.paths()
	k.origins()
	k.apiKeys()
	k.redis()
	k.storeURL()
	k.store()
	k.rooms()
	k.times()
	k.limits()
	k.outward()
	return k.found
}

func (c *checker) addresses() {
	c.address("addr", c.Addr)
	if c.Metrics.Addr != "" {
		c.address("metrics.addr", c.Metrics.Addr)
		if c.Metrics.Addr == c.Addr && !strings.HasSuffix(c.Addr, ":0") {
			c.fail("metrics.addr", "this is the gateway's own address; leave it out to have the figures there")
		}
	}
	switch {
	case c.TLS.Cert != "" && c.TLS.Key == "":
		c.fail("tls.key", "the file with the private key is missing; tls.cert is set")
	case c.TLS.Cert == "" && c.TLS.Key != "":
		c.fail("tls.cert", "the file with the certificate is missing; tls.key is set")
	case c.TLS.Cert != "":
		if _, err := tls.LoadX509KeyPair(c.TLS.Cert, c.TLS.Key); err != nil {
			c.fail("tls", "the certificate cannot be loaded: %v", err)
		}
	}
}

func (c *checker) address(key, addr string) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		c.fail(key, "address %q: write it as host:port or :port, for example :8080 or 192.0.2.7:8080", addr)
	} else if _, err := net.LookupPort("tcp", port); err != nil {
		c.fail(key, "address %q: there is no port %s; ports go up to 65535", addr, port)
	}
}

// paths must not hide what else the gateway serves.
func (c *checker) paths() {
	taken := map[string]string{"/healthz": "the probe", "/readyz": "the probe", "/hubbub.js": "the browser client"}
	if c.Metrics.Addr == "" {
		c.path("metrics.path", c.Metrics.Path, taken)
	}
	if len(c.Paths.WebSocket) == 0 {
		c.fail("paths.websocket", "nobody could connect; leave it out for the default")
	}
	for i, p := range c.Paths.WebSocket {
		c.path(fmt.Sprintf("paths.websocket[%d]", i), p, taken)
	}
}

func (c *checker) path(key, p string, taken map[string]string) {
	switch {
	case !strings.HasPrefix(p, "/") || strings.ContainsAny(p, "{}?# %") || strings.Contains(p, "//"):
		c.fail(key, `%q is not a path such as "/ws", without { } ? # %% and spaces`, p)
	case p == "/":
		c.fail(key, `"/" is the page of the gateway; choose another path, such as "/ws"`)
	case taken[p] != "":
		c.fail(key, "%q is taken by %s", p, taken[p])
	case hasAnyPrefix(p, "/api/", "/bff/", "/console", "/demo/"):
		c.fail(key, "%q lies within what the gateway itself serves (/api/, /bff/, /console, /demo/)", p)
	}
	taken[p] = key
}

func hasAnyPrefix(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

func (c *checker) origins() {
	for i, o := range c.Origins {
		if err := ws.CheckOrigin(o); err != nil {
			c.fail(fmt.Sprintf("origins[%d]", i), "%q %v", o, err)
		}
	}
	if c.CORS.Credentials && slices.Contains(c.Origins, "*") {
		c.fail("cors.credentials", "with the origin * any page of the web could act as your users; list the origins instead")
	}
}

func (c *checker) apiKeys() {
	seen := map[string]bool{}
	for i, k := range c.API.Keys {
		at := fmt.Sprintf("api.keys[%d]", i)
		if err := hubbub.CheckName("name", k.Name); err != nil && k.Name != "" {
			c.fail(at+".name", "%v", err)
		}
		if seen[k.Name] {
			c.fail(at+".name", "two keys have the name %q", k.Name)
		}
		seen[k.Name] = true
		digits := strings.TrimPrefix(k.Hash, "sha256:")
		_, err := hex.DecodeString(digits)
		switch {
		case k.Key == "" && k.Hash == "":
			c.fail(at, "the key is missing: set key, key_file or hash")
		case k.Key != "" && k.Hash != "":
			c.fail(at, "key and hash are both set; keep one of the two")
		case k.Key != "" && len(k.Key) < 16:
			c.fail(at+".key", "the key is shorter than 16 characters and can be guessed; openssl rand -hex 32 makes a good one")
		case k.Hash != "" && (err != nil || len(digits) != 64):
			c.fail(at+".hash", "this is not a SHA-256 in hex, which has 64 digits")
		}
	}
}

// store finds what needs a store where there is none, and names of files that SQLite would take for something else.
func (c *checker) store() {
	if c.Store.Path == ":memory:" || strings.HasPrefix(c.Store.Path, "file:") {
		c.fail("store.path", "%q is not the name of a file; to keep everything in memory write off", c.Store.Path)
	}
	if c.Inbox.MaxNotice+envelope > c.Limits.Pending {
		c.fail("inbox.max_notice", "a notice of %v could not be delivered: limits.pending (%v) must be at least 1KiB more", c.Inbox.MaxNotice,
			c.Limits.Pending)
	}
	if c.stores() {
		return
	}
	const remedy = "there is no store, since store.path is off: set store.path to a file such as hubbub.db, or "
	for i, r := range c.Rooms {
		at := fmt.Sprintf("rooms[%d]", i)
		if r.History.Kind == "durable" {
			c.fail(at+".history.kind", "%swrite memory here", remedy)
		}
		if r.Join == "member" {
			c.fail(at+".join", "nobody could be a member: %swrite token or anyone here", remedy)
		}
		if r.Send == "member" {
			c.fail(at+".send", "nobody could be a member: %swrite token or anyone here", remedy)
		}
		if r.Create {
			c.fail(at+".create", "nobody could be a member: %sleave this out", remedy)
		}
	}
	for i, r := range c.Rooms {
		if r.Report {
			c.fail(fmt.Sprintf("rooms[%d].report", i), "webhooks could be lost: %sleave this out", remedy)
		}
	}
	if c.Private.Report {
		c.fail("private.report", "webhooks could be lost: %sleave this out", remedy)
	}
	if len(c.Webhooks) > 0 {
		c.fail("webhooks", "deliveries could be lost: %sleave them out", remedy)
	}
	if c.Private.History.Kind == "durable" {
		c.fail("private.history.kind", "%swrite memory here", remedy)
	}
}

func (c *checker) rooms() {
	for i, r := range c.Rooms {
		at := fmt.Sprintf("rooms[%d]", i)
		c.history(at+".history", r.History)
		c.maxMessage(at+".max_message", r.MaxMessage)
		if i+1 < len(c.Rooms) && r.Match == "*" {
			c.fail(at+".match", "this fits all rooms, so the rules behind it never hold; put it last")
		}
	}
	c.maxMessage("private.max_message", c.Private.MaxMessage)
	c.history("private.history", HistoryConfig(c.Private.History))
}

// history must have an end where it takes memory.
func (c *checker) history(at string, h HistoryConfig) {
	if h.kind(c.stores()) == hubbub.HistoryMemory && h.Messages < 0 && h.Size < 0 && h.Age < 0 {
		c.fail(at, "messages, size and age are all off, so that the history would take more and more memory; limit one of them")
	}
}

// envelope is what a request may have around the data of a message.
const envelope = 1 << 10

func (c *checker) maxMessage(key string, size Size) {
	if size+envelope > c.Limits.Message {
		c.fail(key, "a message of %v does not fit into a request of limits.message (%v), which needs at least 1KiB more", size,
			c.Limits.Message)
	}
}

func (c *checker) times() {
	if c.Heartbeat.Ping < time.Second {
		c.fail("heartbeat.ping", "this must be at least 1s")
	}
	if c.Heartbeat.Timeout < time.Second {
		c.fail("heartbeat.timeout", "this must be at least 1s")
	}
	if c.Presence.Lease < time.Second {
		c.fail("presence.lease", "this must be at least 1s")
	}
	if c.Shutdown.Window >= c.Shutdown.Timeout {
		c.fail("shutdown.window", "this must be shorter than shutdown.timeout (%s)", settings.FormatDuration(c.Shutdown.Timeout))
	}
}

func (c *checker) limits() {
	if c.Limits.Header < 4<<10 {
		c.fail("limits.header", "browsers with cookies need more than this; at least 4KiB")
	}
	if c.Limits.Pending < c.Limits.Message {
		c.fail("limits.pending", "this must be at least limits.message (%v), so that one message can be delivered", c.Limits.Message)
	}
	// A client that comes back joins all of its rooms at once, and is closed for good if it is refused too often.
	if r := c.Limits.RequestsPerSession; r.PerSecond >= 0 && r.Burst < c.Limits.RoomsPerSession {
		c.fail("limits.requests_per_session.burst", "this must be at least limits.rooms_per_session (%d), since a client that comes "+
			"back joins its rooms at once", c.Limits.RoomsPerSession)
	}
}

package backend

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

// wire keeps the conns to one backend. None of them has a goroutine: a call writes and reads on its caller's, see [line].
type wire struct {
	// Immutable.
	host  string                                  // for the Host header
	dial  func(context.Context) (net.Conn, error) // a conn that is ready for requests
	trust *tls.Config                             // nil means plain HTTP
	most  int                                     // conns that are kept
	keep  time.Duration                           // for how long

	// Guarded by mu.
	mu     sync.Mutex
	idle   []*line     // the one that was used last is the last
	closed int         // how often close was called; a line from before is not kept
	reaper *time.Timer // closes the idle ones that are old; nil if there is nothing to close
}

// keepIdle is how long a conn waits for the next call. Servers close idle conns, many after 5 s. A POST that is on its way just then
// fails, since nobody knows whether it was taken: so we are the first.
const keepIdle = 4 * time.Second

func newWire(c *Config, base *url.URL) (*wire, error) {
	authority, err := httpguts.PunycodeHostPort(base.Host)
	if err != nil {
		return nil, err
	}
	plain := url.URL{Host: authority}
	port := plain.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[base.Scheme]
	}
	w := &wire{host: withoutZone(authority), most: c.Concurrency, keep: keepIdle}
	address, dialer := net.JoinHostPort(plain.Hostname(), port), &net.Dialer{}
	w.dial = func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", address) }
	if base.Scheme == "https" {
		w.trust = &tls.Config{ServerName: plain.Hostname(), NextProtos: []string{"http/1.1"}}
		w.dial = overTLS(w.dial, w.trust)
	}
	return w, nil
}

// withoutZone is a host and port without the zone of an IPv6 address, which means nothing to the other side.
func withoutZone(authority string) string {
	before, after, zoned := strings.Cut(authority, "%")
	if !zoned || !strings.HasPrefix(authority, "[") {
		return authority
	}
	return before + after[strings.IndexByte(after, ']'):]
}

// overTLS makes conns of TLS over those that dial makes.
func overTLS(dial func(context.Context) (net.Conn, error), config *tls.Config) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) {
		below, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(below, config)
		if err := conn.HandshakeContext(ctx); err != nil {
			below.Close()
			return nil, err
		}
		return conn, nil
	}
}

// limit is until when a call may take: its end, or that of its caller's context.
type limit struct {
	ctx context.Context
	end time.Time
}

// context is a context with the limit, for what is done seldom. A call that meets a kept conn needs none.
func (within limit) context() (context.Context, context.CancelFunc) {
	return context.WithDeadline(within.ctx, within.end)
}

// err is the error of a context with the limit, if that was why something failed.
func (within limit) err(why *fault) error {
	if err := within.ctx.Err(); err != nil {
		return err
	}
	if why != nil && isTimeout(why.cause) || !time.Now().Before(within.end) {
		return context.DeadlineExceeded
	}
	return nil
}

// take returns a line with the deadline set: a kept one, unless it must be fresh or there is none.
func (w *wire) take(within limit, fresh bool) (*line, error) {
	for !fresh {
		l := w.pop()
		if l == nil {
			break
		}
		if l.conn.SetDeadline(within.end) == nil {
			return l, nil
		}
		l.conn.Close()
	}
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	ctx, cancel := within.context()
	defer cancel()
	conn, err := w.dial(ctx)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(within.end); err != nil {
		conn.Close()
		return nil, err
	}
	return newLine(conn, closed), nil
}

func (w *wire) pop() *line {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := len(w.idle) - 1
	if last < 0 {
		return nil
	}
	l := w.idle[last]
	w.idle[last] = nil
	w.idle = w.idle[:last]
	return l
}

// put keeps a line for the next call.
func (w *wire) put(l *line) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l.since, l.used = time.Now(), true
	if len(w.idle) >= w.most || l.epoch != w.closed {
		l.conn.Close()
		return
	}
	w.idle = append(w.idle, l)
	if w.reaper == nil {
		w.reaper = time.AfterFunc(w.keep, w.reap)
	}
}

// reap closes the lines that have waited for too long, and comes again if there are others.
func (w *wire) reap() {
	w.mu.Lock()
	defer w.mu.Unlock()
	until, old := time.Now().Add(-w.keep), 0
	for old < len(w.idle) && !w.idle[old].since.After(until) {
		w.idle[old].conn.Close()
		old++
	}
	w.idle = append(w.idle[:0], w.idle[old:]...)
	clear(w.idle[len(w.idle):cap(w.idle)])
	w.reaper = nil
	if len(w.idle) > 0 {
		w.reaper = time.AfterFunc(w.idle[0].since.Sub(until), w.reap)
	}
}

// close closes the lines that wait. Those in use are closed after their call.
func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.idle {
		l.conn.Close()
	}
	w.idle = nil
	w.closed++
	if w.reaper != nil {
		w.reaper.Stop()
		w.reaper = nil
	}
}

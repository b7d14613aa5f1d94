package ws

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub/internal/reactor"
)

var (
	// ErrClosed is returned for a conn that is closing or closed.
	ErrClosed = errors.New("ws: conn is closed")
	// ErrSlow is returned, and is the cause of a close, when more than MaxPending bytes would wait to be sent.
	ErrSlow = errors.New("ws: conn has too many bytes waiting to be sent")
	// ErrHeartbeat is the cause of a close after a ping that nothing answered.
	ErrHeartbeat = errors.New("ws: peer was silent for too long")
	// ErrServerClosed is returned by Upgrade after Shutdown was called.
	ErrServerClosed = errors.New("ws: server is shut down")
)

// Server accepts conns from HTTP handlers, with [Router] or [Server.Upgrade], and knows all that are open. All its methods may be called
// concurrently. It has no goroutine while it has no conn.
type Server struct {
	// Immutable.
	opts    Options
	set     *settings
	origins originPolicy
	reactor *reactor.Reactor
	all     *Group

	// Guarded by groupsMu, as are the members of all groups.
	groupsMu sync.RWMutex
	keyed    map[string]*members

	// Guarded by mu.
	mu      sync.Mutex
	closed  bool
	work    sync.WaitGroup     // conns, until their last handler has returned, and routes' handlers; not added to once closed
	packing int                // open conns that share compressed frames
	conns   map[*Conn]struct{} // until forget, so also those that are closing
}

// NewServer returns a server that needs no starting. It panics if an entry of o.Origins is malformed. End it with [Server.Shutdown].
func NewServer(o Options) *Server {
	origins, err := newOriginPolicy(o.Origins)
	if err != nil {
		panic(err)
	}
	s := &Server{
		opts:    o,
		set:     newSettings(&o, false),
		origins: origins,
		keyed:   make(map[string]*members),
		conns:   make(map[*Conn]struct{}),
	}
	s.reactor = reactor.New(reactor.Config{Loops: o.Loops})
	s.all = s.newRouteGroup("")
	return s
}

// Broadcast sends a message to all conns of the server but those in except. See [Group.Broadcast].
func (s *Server) Broadcast(m Message, except ...*Conn) error { return s.all.Broadcast(m, except...) }

// Conns iterates over the conns that are open at the time of the call.
func (s *Server) Conns() iter.Seq[*Conn] { return s.all.Conns() }

// Len is the number of open conns.
func (s *Server) Len() int { return s.all.Len() }

// begin counts a piece of work that Shutdown has to wait for, unless it is too late for that.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// launch starts a conn, and counts it until forget. The HTTP handler that accepts it has begun, so that Shutdown is still waiting; with mu
// held, Shutdown finds the conn started.
func (s *Server) launch(c *Conn, sock reactor.Socket, first, read []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.work.Add(1)
	s.conns[c] = struct{}{}
	c.start(s.reactor, sock, first, read)
}

// unfinished lists the conns whose last handler has not returned.
func (s *Server) unfinished() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}

// pack counts the open conns that share compressed frames.
func (s *Server) pack(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.packing += n
}

// packs says whether a broadcast should be compressed for those who share it.
func (s *Server) packs() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.packing > 0
}

// forget is called after the last handler of a conn.
func (s *Server) forget(c *Conn) {
	defer s.work.Done()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, c)
	}()
	if c.form() == reactor.FormPacked {
		s.pack(-1)
	}
	if s.opts.OnClose == nil {
		return
	}
	defer c.rescue()
	s.opts.OnClose(c, c.closeInfo())
}

// A shutdown closes conns in stages, so that not all clients come back to the next server at the same moment.
const (
	shutdownStages   = 20
	shutdownInterval = 50 * time.Millisecond
	shutdownAtOnce   = 100 // so few may come back together

	shutdownReason = "server shuts down"
)

// Shutdown ends the server: new upgrades are refused with 503, conns get what waits for them and are closed with [CodeGoingAway], many of
// them in stages spread over a second, and Shutdown returns when the last handler has. When ctx ends before that, the remaining
// conns are dropped and the error is ctx's. Call it beside http.Server.Shutdown, which knows nothing of WebSockets. Calling it
// again waits again.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.work.Wait()
		close(done)
	}()
	err := closeAll(ctx, s.unfinished())
	if err == nil {
		select {
		case <-done:
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	if err != nil {
		for _, c := range s.unfinished() {
			c.Terminate()
		}
		return fmt.Errorf("ws: shut down: %w", err)
	}
	if s.reactor.Wait(ctx.Done()) != nil {
		return fmt.Errorf("ws: shut down: %w", context.Cause(ctx))
	}
	return nil
}

// closeAll begins the closing handshake of every conn.
func closeAll(ctx context.Context, conns []*Conn) error {
	stage := max(shutdownAtOnce, (len(conns)+shutdownStages-1)/shutdownStages)
	tick := time.NewTicker(shutdownInterval)
	defer tick.Stop()
	for i, c := range conns {
		if i > 0 && i%stage == 0 {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		c.Close(CodeGoingAway, shutdownReason) // fails only for one that is closing already
	}
	return nil
}

// Listen wraps a TCP listener for TLS: WebSockets that are accepted on it by http.Server.ServeTLS live on the event loops like unencrypted
// ones, at a fraction of the memory. Without it they work too, each with goroutines of its own.
//
//	l, err := net.Listen("tcp", ":8443")
//	…
//	err = server.ServeTLS(ws.Listen(l), "cert.pem", "key.pem")
func Listen(l net.Listener) net.Listener { return reactor.Listen(l) }

// Package wstest helps to test programs that use package ws: with both ends of a conn, and with a server, that live in
// memory.
//
// Nothing here has a socket, so that it also works in the bubble of a [testing/synctest.Test], where time is the
// test's: a heartbeat of 25 s or a backoff of minutes passes at once. Make everything that takes part, the [ws.Server]
// too, within the bubble. For a test with real sockets use [net/http/httptest.NewServer].
package wstest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub/ws"
)

// patience is how long the end of a test waits for conns and handlers to end.
const patience = 10 * time.Second

// Options configures a [Pair]. The zero value works.
type Options struct {
	Server ws.Options
	Client ws.DialOptions // NetDial is not used
}

// Pair returns both ends of a conn: the one that a server has accepted, and the one that was dialed. They have been
// through the real handshake. What one end sends before the other has its handlers is kept. When the test ends both are
// closed, and the test fails if one of their handlers does not return.
func Pair(t testing.TB, o Options) (server, client *ws.Conn) {
	t.Helper()
	srv := ws.NewServer(o.Server)
	upgraded := make(chan *ws.Conn, 1)
	s := NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := srv.Upgrade(w, r); err == nil {
			upgraded <- c
			<-c.Context().Done() // the test may set the handlers at any time
		}
	}))
	client = s.Dial(t, "/", o.Client)
	server = <-upgraded
	t.Cleanup(func() {
		client.Terminate()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Errorf("wstest: a handler of the pair has not returned: %v", err)
		}
	})
	return server, client
}

// Server is an HTTP server in memory. Its methods may be called concurrently.
type Server struct {
	// URL is "ws://wstest.example", to which NetDial connects, as to any other address.
	URL string

	conns  chan net.Conn
	http   *http.Server
	closed chan struct{}

	// Guarded by mu.
	mu   sync.Mutex
	open map[*accepted]struct{}
}

// NewServer starts a server with the handler: a [ws.Router], or whatever the program serves. When the test ends all its
// connections are cut. What is behind the handler, such as a [ws.Server], is the caller's to shut down, in a Cleanup of
// its own.
func NewServer(t testing.TB, handler http.Handler) *Server {
	s := &Server{
		URL:    "ws://wstest.example",
		conns:  make(chan net.Conn),
		http:   &http.Server{Handler: handler},
		closed: make(chan struct{}),
		open:   make(map[*accepted]struct{}),
	}
	var serving sync.WaitGroup
	serving.Go(func() { s.http.Serve(listener{s}) })
	t.Cleanup(func() {
		close(s.closed)
		s.http.Close()
		s.cut()
		serving.Wait()
	})
	return s
}

// Dial connects to a path, with query, of the server and fails the test if that is refused. The conn is closed when the
// test ends.
func (s *Server) Dial(t testing.TB, path string, o ws.DialOptions) *ws.Conn {
	t.Helper()
	o.NetDial = s.NetDial
	c, err := ws.Dial(t.Context(), s.URL+"/"+strings.TrimPrefix(path, "/"), o)
	if err != nil {
		t.Fatalf("wstest: dial %q: %v", path, err)
	}
	t.Cleanup(func() {
		ended := c.Context().Done()
		c.Terminate()
		select {
		case <-ended:
		case <-time.After(patience):
			t.Errorf("wstest: conn of %q does not end", path)
		}
	})
	return c
}

// NetDial connects to the server, whatever the address. It is for [ws.DialOptions.NetDial], and for DialContext of an
// [http.Transport].
func (s *Server) NetDial(ctx context.Context, _, addr string) (net.Conn, error) {
	client, server := newPipe()
	select {
	case s.conns <- s.track(server):
	case <-s.closed:
		return nil, fmt.Errorf("wstest: dial %s: the server's test is over", addr)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return client, nil
}

// listener is the server as net/http sees it.
type listener struct{ server *Server }

func (l listener) Accept() (net.Conn, error) {
	select {
	case nc := <-l.server.conns:
		return nc, nil
	case <-l.server.closed:
		return nil, net.ErrClosed
	}
}

func (listener) Close() error   { return nil } // NewServer's Cleanup does it
func (listener) Addr() net.Addr { return memory{} }

// accepted is the server's end of a connection.
type accepted struct {
	*end
	server *Server
}

func (s *Server) track(e *end) *accepted {
	a := &accepted{e, s}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[a] = struct{}{}
	return a
}

func (a *accepted) Close() error {
	a.server.mu.Lock()
	defer a.server.mu.Unlock()
	delete(a.server.open, a)
	return a.end.Close()
}

// cut ends all connections; the other ends see that.
func (s *Server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a := range s.open {
		a.end.Close()
	}
	clear(s.open)
}

package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hubbub-dev/hubbub/gateway/web"
	"github.com/hubbub-dev/hubbub/ws"
)

// Gateway is one server. Its methods may be called concurrently; Serve may be called once.
type Gateway struct {
	// Immutable after New.
	cfg     Config
	sockets *ws.Server
	handler http.Handler

	// Safe for concurrent use.
	draining atomic.Bool
}

// New makes a gateway that does not listen yet. Its error says what to change in the config.
func New(cfg Config) (*Gateway, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg}
	g.sockets = ws.NewServer(ws.Options{MaxMessage: maxRequest, Logger: cfg.Logger})
	g.handler = g.routes(newChat(g.sockets, time.Now))
	return g, nil
}

func (g *Gateway) routes(c *chat) http.Handler {
	sockets := ws.NewRouter(g.sockets)
	sockets.Handle("/ws", c.connect)

	mux := http.NewServeMux()
	// Around the router, not in it: a plain GET is refused like a handshake, since a page cannot see why one was refused.
	mux.Handle("/ws", acceptLoopbackOrigins(identify(sockets)))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", g.ready)
	mux.Handle("/", web.Demo())
	return mux
}

// ready tells a load balancer whether to send new connections here.
func (g *Gateway) ready(w http.ResponseWriter, _ *http.Request) {
	if g.draining.Load() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

// Handler serves everything that the gateway serves, for those who bring their own http.Server. They call Shutdown.
func (g *Gateway) Handler() http.Handler { return g.handler }

// Listen opens the configured address. Its error says what to do when another program has it.
func (g *Gateway) Listen(ctx context.Context) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", g.cfg.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program, perhaps by another hubbub: stop that one, or choose "+
			"another port, for example --addr :8081 (%w)", g.cfg.Addr, err)
	}
	if errors.Is(err, syscall.EACCES) {
		return nil, fmt.Errorf("%s may not be used without further rights (ports below 1024 are reserved): choose a "+
			"higher port, for example --addr :8080 (%w)", g.cfg.Addr, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", g.cfg.Addr, err)
	}
	return l, nil
}

// Serve serves l until ctx ends, then shuts down as [Gateway.Shutdown] does, for at most Config.Shutdown.Timeout. It
// returns nil after a complete shutdown, and closes l in any case.
func (g *Gateway) Serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           g.handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(g.cfg.Logger.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(l) }()
	var failed error
	select {
	case err := <-ended:
		failed = fmt.Errorf("serve %s: %w", l.Addr(), err)
		ended <- err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.cfg.Shutdown.Timeout)
	defer cancel()
	err := g.shutdownWith(stop, srv)
	<-ended
	return errors.Join(failed, err)
}

// shutdownWith ends requests and conns at the same time, so that a slow request does not take the conns' share of the
// deadline, and cuts the requests that are left at the deadline. The listener closes first of all.
func (g *Gateway) shutdownWith(ctx context.Context, srv *http.Server) error {
	g.draining.Store(true)
	requests := make(chan error, 1)
	go func() { requests <- srv.Shutdown(ctx) }()
	conns := g.Shutdown(ctx)
	if err := <-requests; err != nil {
		return errors.Join(fmt.Errorf("end requests: %w", err), srv.Close(), conns)
	}
	return conns
}

// Shutdown refuses new conns with 503 and closes all others with 1001, until ctx ends. Serve calls it.
func (g *Gateway) Shutdown(ctx context.Context) error {
	g.draining.Store(true)
	if err := g.sockets.Shutdown(ctx); err != nil {
		return fmt.Errorf("end connections: %w", err)
	}
	return nil
}

package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/ws"
)

// front is what stands between the sockets and what the gateway serves: TLS, limits per address, CORS, probes, figures, the
// log of accesses, and the order in which everything ends.
type front struct {
	// Immutable.
	cfg        *Config
	metrics    *Metrics
	addresses  *addressLimits
	foreigners *foreigners
	cert       *certificate // nil without TLS
	// sockets is set before the first request.
	sockets *ws.Server
	// drain tells sessions to leave, and returns when it has closed all or ctx has ended; nil if there is nobody to tell.
	drain func(ctx context.Context, window hubbub.Retry)
	// end ends what serves the conns, after the last of them is closed; nil if there is nothing.
	end func(ctx context.Context) error
	// healthy tells whether new clients can be served; nil means always.
	healthy func() error

	// Safe for concurrent use.
	draining atomic.Bool
	unready  atomic.Pointer[time.Time] // since when new clients cannot be served, as far as somebody has asked; nil while they can
}

func newFront(c *Config, m *Metrics) (*front, error) {
	f := &front{cfg: c, metrics: m, addresses: newAddressLimits(c, m, time.Now), foreigners: newForeigners(c.Logger)}
	if c.TLS.Cert == "" {
		return f, nil
	}
	var err error
	f.cert, err = newCertificate(c.TLS, c.Logger, time.Now)
	return f, err
}

// observe adds what the front must know of conns to the options of the WebSocket server.
func (f *front) observe(o ws.Options) ws.Options {
	o.OnConnect = func(c *ws.Conn) {
		f.metrics.Connected()
		f.addresses.opened(c)
	}
	o.OnClose = func(c *ws.Conn, why ws.CloseInfo) {
		f.metrics.Closed(why.Code)
		f.addresses.closed(c)
	}
	return o
}

// handler puts the front before what the gateway serves. webSocket is what stands at the WebSocket paths.
func (f *front) handler(mux *http.ServeMux, webSocket http.Handler) http.Handler {
	webSocket = f.addresses.wrap(f.refuseDraining(webSocket), auth.WriteProblem)
	if !f.cfg.Dev {
		// Here and not around everything, since probes come past the proxy.
		watch := &proxyWatch{logger: f.cfg.Logger, now: time.Now}
		webSocket = watch.wrap(webSocket, f.cfg.TrustedProxies)
	}
	for _, path := range f.cfg.Paths.WebSocket {
		mux.Handle(path, webSocket)
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", f.ready)
	if f.cfg.Metrics.Addr == "" {
		mux.Handle("GET "+f.cfg.Metrics.Path, f.metrics.Handler())
	}
	h := cors{f.allows, f.cfg.CORS.Credentials, f.cfg.CORS.MaxAge, f.foreigners}.wrap(mux)
	return access{f.metrics, f.cfg.Logger, f.cfg.TrustedProxies}.wrap(h)
}

// allows judges the origin of a page. In development mode that of loopback hosts and of files is as good as our own.
func (f *front) allows(r *http.Request) (allowed, byName bool) {
	if f.cfg.Dev && isLoopbackOrigin(r.Header.Get("Origin")) {
		return true, true
	}
	return f.sockets.AllowsOrigin(r)
}

// ready tells a load balancer whether to send new clients here.
func (f *front) ready(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if f.draining.Load() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	if f.healthy != nil {
		err := f.healthy()
		f.tellReady(err)
		if err != nil {
			http.Error(w, "not ready; the log says why", http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(w, "ready")
}

// tellReady logs when new clients cannot be served any more, and when they can again.
func (f *front) tellReady(err error) {
	now := time.Now()
	if err != nil {
		if f.unready.CompareAndSwap(nil, &now) {
			f.cfg.Logger.Warn("not ready: new clients are refused", "error", err)
		}
		return
	}
	if since := f.unready.Swap(nil); since != nil {
		f.cfg.Logger.Info("ready again", "after", now.Sub(*since).Round(time.Millisecond).String())
	}
}

// refuseDraining answers new clients while the old ones are sent away.
func (f *front) refuseDraining(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.draining.Load() {
			w.Header().Set("Connection", "close")
			auth.WriteProblem(w, r, &hubbub.Error{Reason: hubbub.Unavailable, RetryAfter: time.Second,
				Message: "this server is shutting down; connect again"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// How long a request's body may take to come, and its answer to be taken. They do not hold for WebSockets.
const (
	bodyTime   = 20 * time.Second
	answerTime = time.Minute
)

func (f *front) server(h http.Handler) *http.Server {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: f.cfg.Limits.HandshakeTime,
		ReadTimeout:       f.cfg.Limits.HandshakeTime + bodyTime,
		WriteTimeout:      f.cfg.Limits.HandshakeTime + bodyTime + answerTime,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    int(f.cfg.Limits.Header),
		ErrorLog:          slog.NewLogLogger(f.cfg.Logger.Handler(), slog.LevelDebug),
	}
	if f.addresses != nil {
		s.ConnState = f.addresses.watch
	}
	if f.cert != nil {
		s.TLSConfig = f.cert.config()
	}
	return s
}

// serve serves l until ctx ends, and then ends everything in order; see [Gateway.Serve].
func (f *front) serve(ctx context.Context, l net.Listener, h http.Handler) error {
	figures, err := f.serveMetrics(ctx)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer figures()
	srv := f.server(h)
	ended := make(chan error, 1)
	go func() {
		if f.cert != nil {
			ended <- srv.ServeTLS(ws.Listen(l), "", "")
			return
		}
		ended <- srv.Serve(l)
	}()
	var failed error
	select {
	case err := <-ended:
		failed = fmt.Errorf("serve %s: %w", l.Addr(), err)
		ended <- err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.cfg.Shutdown.Timeout)
	defer cancel()
	err = f.shutdown(stop, srv)
	<-ended
	return errors.Join(failed, err)
}

// serveMetrics serves the figures at an address of their own, if they have one, until the returned function is called: they
// end last, since a shutdown is worth watching.
func (f *front) serveMetrics(ctx context.Context) (stop func(), err error) {
	if f.cfg.Metrics.Addr == "" {
		return func() {}, nil
	}
	l, err := listen(ctx, f.cfg.Metrics.Addr, "metrics.addr")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+f.cfg.Metrics.Path, f.metrics.Handler())
	srv := f.server(mux)
	srv.TLSConfig = nil
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			f.cfg.Logger.Error("the figures are not served any more", "error", err)
		}
	}()
	f.cfg.Logger.Info("serving metrics", "url", "http://"+l.Addr().String()+f.cfg.Metrics.Path)
	return func() {
		srv.Close()
		<-ended
	}, nil
}

// shutdown is the end, in this order: /readyz says 503 and new clients are refused, sessions are told and closed in stages,
// then the listener closes, requests and conns that are left end at the same time, so that a slow request does not take the
// conns' share of the deadline, and at the deadline the rest is cut.
func (f *front) shutdown(ctx context.Context, srv *http.Server) error {
	f.leave(ctx)
	requests := make(chan error, 1)
	go func() { requests <- srv.Shutdown(ctx) }()
	conns := f.close(ctx)
	if err := <-requests; err != nil {
		return errors.Join(fmt.Errorf("end requests: %w", err), srv.Close(), conns)
	}
	return conns
}

// leave sends sessions away, over the configured window.
func (f *front) leave(ctx context.Context) {
	f.draining.Store(true)
	if f.drain == nil {
		return
	}
	f.cfg.Logger.Info("shutting down: telling sessions to leave", "window", max(f.cfg.Shutdown.Window, 0).String())
	f.drain(ctx, hubbub.Retry{Max: max(f.cfg.Shutdown.Window, 0)})
}

// close closes all conns, writes what waits for them, and ends what served them.
func (f *front) close(ctx context.Context) error {
	f.draining.Store(true)
	err := f.sockets.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("end connections: %w", err)
	}
	if f.end != nil {
		err = errors.Join(err, f.end(ctx))
	}
	return err
}

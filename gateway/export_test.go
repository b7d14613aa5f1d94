package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// Front is a front around an echo, in the mode that the config says.
type Front struct {
	front   *front
	Handler http.Handler
}

// NewFront makes one. Beside the WebSocket paths there is /page, which a GET reads. drain may be nil.
func NewFront(c Config, drain func(context.Context, hubbub.Retry)) (*Front, error) {
	c.fill()
	if problems := c.check(); len(problems) > 0 {
		return nil, problems
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	f, err := newFront(&c, NewMetrics("test", []string{"room.join"}))
	if err != nil {
		return nil, err
	}
	f.drain = drain
	f.sockets = ws.NewServer(f.observe(c.socketOptions(c.Logger)))
	router := ws.NewRouter(f.sockets)
	for _, path := range c.Paths.WebSocket {
		router.Handle(path, func(c *ws.Conn) { c.OnMessage(func(m ws.Message) { _ = c.Send(m) }) })
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "page") })
	return &Front{f, f.handler(mux, router)}, nil
}

func (f *Front) Metrics() *Metrics { return f.front.metrics }

func (f *Front) Serve(ctx context.Context, l net.Listener) error {
	return f.front.serve(ctx, l, f.Handler)
}

// NewLoggerTo is NewLogger to another place than standard error.
func NewLoggerTo(w io.Writer, c LogConfig) *slog.Logger { return newLogger(w, c) }

// Buckets is a limiter of strings with room for most keys.
func Buckets(r RateConfig, most int, now func() time.Time) (take func(string) time.Duration, size func() int) {
	b := newBuckets[string](r, now)
	if b != nil {
		b.most = most
	}
	return b.take, func() int { return len(b.of) }
}

// RequestLimits are the limits of a config.
func RequestLimits(c Config, now func() time.Time) func(user string, from netip.Addr) *hubbub.Error {
	c.fill()
	return newRequestLimits(&c, NewMetrics("test", nil), now).take
}

// ProxyWatch is what warns of proxies.
func ProxyWatch(l *slog.Logger, trusted []netip.Prefix, now func() time.Time) http.Handler {
	return (&proxyWatch{logger: l, now: now}).wrap(http.NotFoundHandler(), trusted)
}

// Network is what counts as one address.
func Network(a netip.Addr) netip.Prefix { return network(a) }

// HubOptions are the domain's part of a config.
func (c Config) HubOptions() hubbub.Options {
	c.fill()
	return c.hubOptions(nil)
}

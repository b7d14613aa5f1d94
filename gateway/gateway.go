package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
	"github.com/hubbub-dev/hubbub/gateway/web"
	"github.com/hubbub-dev/hubbub/ws"
)

// Gateway is one server. Its methods may be called concurrently; Serve may be called once.
type Gateway struct {
	// Immutable after New.
	cfg     Config
	front   *front
	handler http.Handler
	*services
}

// New makes a gateway that does not listen yet. Its error says what to change in the config. End it with Serve or Shutdown.
func New(cfg Config) (*Gateway, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	g := &Gateway{cfg: cfg}
	g.front, err = newFront(&g.cfg, NewMetrics(Version(), append(rpc.Methods(), g.cfg.bffMethods()...)))
	if err != nil {
		return nil, err
	}
	options := g.front.observe(g.cfg.socketOptions(cfg.Logger))
	options.Group, options.Subprotocols = rpc.GroupOptions, []string{rpc.Subprotocol}
	g.front.sockets = ws.NewServer(options)
	if g.services, err = newServices(g); err != nil {
		return nil, err
	}
	g.front.drain, g.front.end, g.front.healthy = g.leave, g.services.close, g.services.healthy
	g.handler = g.routes()
	return g, nil
}

// leave ends the streams of the API, which would last as long as the server waits for requests, and sends sessions away.
func (g *Gateway) leave(ctx context.Context, window hubbub.Retry) {
	g.api.Close()
	g.hub.Drain(ctx, window)
}

func (g *Gateway) routes() http.Handler {
	mux := http.NewServeMux()
	page := web.Works(g.cfg.Paths.WebSocket)
	if g.cfg.Dev {
		page = web.Demo()
	}
	mux.Handle("/", g.misdirected(page))
	mux.Handle(httpapi.Prefix+"/", g.api)
	calls := http.Handler(http.HandlerFunc(noCalls))
	if g.bff != nil {
		calls = newBFFDoor(&g.services.doorman, g.limits, g.bff, g.cfg.BFF.Routes)
	}
	mux.Handle(bffPrefix, calls)
	return g.front.handler(mux, g.signIn())
}

// misdirected tells handshakes that came to a wrong path which one is right, and passes other requests on.
func (g *Gateway) misdirected(page http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isHandshake(r) {
			http.Error(w, "no WebSocket is served here: they connect to "+strings.Join(g.cfg.Paths.WebSocket, " or "), http.StatusNotFound)
			return
		}
		page.ServeHTTP(w, r)
	})
}

func (g *Gateway) signIn() http.Handler {
	s := &signIn{doorman: &g.services.doorman, rpc: g.rpc}
	if g.cfg.Dev {
		return acceptLoopbackOrigins(s)
	}
	return s
}

// Handler serves everything that the gateway serves, for those who bring their own http.Server. They call Shutdown.
func (g *Gateway) Handler() http.Handler { return g.handler }

// Listen opens the configured address. Its error says what to do when another program has it.
func (g *Gateway) Listen(ctx context.Context) (net.Listener, error) {
	return listen(ctx, g.cfg.Addr, "addr")
}

// listen opens the address of a setting.
func listen(ctx context.Context, addr, setting string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program, perhaps by another hubbub: stop that one, or choose "+
			"another port, for example %s (%w)", addr, flagFor(setting, ":8081"), err)
	}
	if errors.Is(err, syscall.EACCES) {
		return nil, fmt.Errorf("%s may not be used without further rights (ports below 1024 are reserved): choose a "+
			"higher port, for example %s (%w)", addr, flagFor(setting, ":8080"), err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s (%s): %w", addr, setting, err)
	}
	return l, nil
}

func flagFor(setting, value string) string {
	if setting == "addr" {
		return "--addr " + value
	}
	return "--set " + setting + "=" + value
}

// Node is the name by which other nodes, `hubbub nodes` and clients know this one: the setting node, and what tells this start from others.
func (g *Gateway) Node() string { return g.hub.Node() }

// Serve serves l until ctx ends. Then /readyz says 503, new clients are refused, sessions are told and closed in stages over
// Config.Shutdown.Window, what waits for them is written, and everything ends, after Config.Shutdown.Timeout at the latest.
// It returns nil after a complete shutdown, and closes l in any case.
func (g *Gateway) Serve(ctx context.Context, l net.Listener) error {
	return g.front.serve(ctx, l, g.handler)
}

// Shutdown refuses new conns with 503 and closes all others with 1001, until ctx ends. It is for those who bring their own
// http.Server; Serve does it by itself.
func (g *Gateway) Shutdown(ctx context.Context) error {
	g.front.leave(ctx)
	return g.front.close(ctx)
}

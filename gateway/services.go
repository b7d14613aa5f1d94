package gateway

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

// services is what a gateway is made of behind its front. It is immutable.
type services struct {
	hub    *hubbub.Hub
	auth   *auth.Authenticator
	rpc    *rpc.Server
	api    *httpapi.API
	apiKey string // the key of development mode; "" otherwise
}

// newServices starts them. The gateway's config and front are there.
func newServices(g *Gateway) (*services, error) {
	c, metrics := &g.cfg, g.front.metrics
	s := &services{}
	tickets := auth.NewTickets(auth.NewMemoryTickets(0, nil), nil)
	keys, err := s.apiKeys(c)
	if err != nil {
		return nil, err
	}
	options := c.Auth.Config
	options.Tickets, options.Dev, options.Logger = tickets, c.Dev, c.Logger
	if s.auth, err = auth.New(options); err != nil {
		return nil, err
	}
	domain := c.hubOptions(c.Logger)
	domain.Driver = memory.New(memory.Options{Grace: c.Presence.Grace, KeptPerSender: int(c.Limits.KeptPerUser)})
	if s.hub, err = hubbub.New(context.Background(), domain); err != nil {
		s.auth.Close()
		return nil, err
	}
	limits := newRequestLimits(c, metrics, time.Now)
	s.rpc = rpc.New(rpc.Options{
		Hub:       s.hub,
		Sockets:   g.front.sockets,
		Verify:    s.auth.Verify,
		Rate:      hubbub.Rate(c.Limits.RequestsPerSession),
		Reconnect: hubbub.Retry{Max: max(c.Shutdown.Window, time.Second)},
		Heartbeat: c.Heartbeat.Ping + c.Heartbeat.Timeout,
		Limit:     func(user string, from netip.Addr) *hubbub.Error { return limits.take(user, from) },
		Observe:   metrics.Requested,
		Delivered: metrics.Delivered,
		Skipped:   metrics.Skipped,
		Logger:    c.Logger,
	})
	s.api, err = httpapi.New(httpapi.Options{Hub: s.hub, Keys: keys, IssueTicket: tickets.Issue, Version: Version(), Logger: c.Logger})
	if err != nil {
		return nil, errors.Join(err, s.close(context.Background()))
	}
	metrics.Watch("sessions", "Sessions that are open.", func() float64 { return float64(s.hub.Len()) })
	metrics.Watch("rooms", "Rooms that sessions of this node are in.", func() float64 { return float64(s.hub.Rooms()) })
	return s, nil
}

// apiKeys are the configured ones, and one of its own in development mode.
func (s *services) apiKeys(c *Config) ([]httpapi.Key, error) {
	var keys []httpapi.Key
	for _, k := range c.API.Keys {
		keys = append(keys, k.key())
	}
	if !c.Dev {
		return keys, nil
	}
	secret, key, err := httpapi.NewKey("development", httpapi.Scopes()...)
	if err != nil {
		return nil, err
	}
	s.apiKey = secret
	return append(keys, key), nil
}

// DevKey is the key for the HTTP API that development mode has made; "" otherwise.
func (s *services) DevKey() string { return s.apiKey }

// close ends the services, after the conns were closed.
func (s *services) close(ctx context.Context) error {
	err := s.hub.Close(ctx)
	if s.rpc != nil {
		err = cmp.Or(err, s.rpc.Close(ctx))
	}
	s.auth.Close()
	return err
}

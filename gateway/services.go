package gateway

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
	"github.com/hubbub-dev/hubbub/gateway/hook"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

// services is what a gateway is made of behind its front. It is immutable.
type services struct {
	live
	keeping
	outward
	doorman
	rpc    *rpc.Server
	limits *requestLimits
	api    *httpapi.API
	apiKey string // the key of development mode; "" otherwise
}

// newServices starts them. The gateway's config and front are there.
func newServices(g *Gateway) (*services, error) {
	s := &services{}
	if err := s.start(&g.cfg, g.front); err != nil {
		return nil, errors.Join(err, s.close(context.Background()))
	}
	return s, nil
}

// start makes them in the order in which they need each other.
func (s *services) start(c *Config, f *front) error {
	var err error
	if s.live, err = startLive(c, f.metrics); err != nil {
		return err
	}
	tickets := s.live.tickets()
	options := c.Auth.Config
	options.Tickets, options.Dev, options.Logger = tickets, c.Dev, c.Logger
	if s.auth, err = auth.New(options); err != nil {
		return err
	}
	s.front, s.limits = f, newRequestLimits(c, f.metrics, time.Now)
	if s.outward, err = c.reach(f.metrics, s.refuseCall); err != nil {
		return err
	}
	if c.asksOn(hook.OnConnect) {
		s.connect, s.cookies = s.hooks.Connect, c.asksCookies()
	}
	if err := s.startHub(c, f); err != nil {
		return err
	}
	s.rpc = rpc.New(s.rpcOptions(c, f))
	if s.bff != nil {
		for name, method := range s.bff.Methods() {
			s.rpc.Register(name, method)
		}
	}
	if err := s.startAPI(c, tickets); err != nil {
		return err
	}
	if s.inbox != nil {
		s.inbox.Start()
	}
	return nil
}

// startHub makes the hub with what it stands on.
func (s *services) startHub(c *Config, f *front) (err error) {
	if s.keeping, err = keep(c, s.driver, f.metrics); err != nil {
		return err
	}
	domain := c.hubOptions(c.Logger)
	domain.Driver, domain.Version = s.driver, Version()
	s.keeping.options(c, &domain)
	s.outward.options(&domain)
	if s.hub, err = hubbub.New(context.Background(), domain); err != nil {
		return err
	}
	f.metrics.Watch("sessions", "Sessions that are open.", func() float64 { return float64(s.hub.Len()) })
	f.metrics.WatchNodes(s.hub.Nodes)
	if s.scratch != nil {
		f.metrics.Watch("redis_up", "Whether Redis took the last sign of life of this node, 1 or 0.", func() float64 { return oneIf(s.hub.Healthy() == nil) })
	}
	f.metrics.Watch("rooms", "Rooms that sessions of this node are in.", func() float64 { return float64(s.hub.Rooms()) })
	return nil
}

func (s *services) rpcOptions(c *Config, f *front) rpc.Options {
	return rpc.Options{
		Hub:       s.hub,
		Inbox:     s.inbox,
		Sockets:   f.sockets,
		Verify:    s.verify,
		Rate:      hubbub.Rate(c.Limits.RequestsPerSession),
		Reconnect: hubbub.Retry{Max: max(c.Shutdown.Window, time.Second)},
		Heartbeat: c.Heartbeat.Ping + c.Heartbeat.Timeout,
		Limit:     func(user string, from netip.Addr) *hubbub.Error { return s.limits.take(user, from) },
		Observe:   f.metrics.Requested,
		Delivered: f.metrics.Delivered,
		Skipped:   f.metrics.Skipped,
		Logger:    c.Logger,
	}
}

// startAPI makes the API for backends, and the rules for events, which lead to calls of it.
func (s *services) startAPI(c *Config, tickets *auth.Tickets) error {
	keys, err := s.apiKeys(c)
	if err != nil {
		return err
	}
	o := httpapi.Options{
		Hub: s.hub, Inbox: s.inbox, Keys: keys, KeyFile: c.API.File, Rate: hubbub.Rate(c.API.Rate), IssueTicket: tickets.Issue,
		Scratch: s.scratch, Version: Version(), Logger: c.Logger,
	}
	if c.reports() {
		o.Webhooks = s.webhooks
	}
	rules, err := c.rules()
	if err != nil {
		return err
	}
	if rules != nil {
		o.Events = rules
	}
	s.api, err = httpapi.New(o)
	return err
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

// healthy tells whether new clients can be served: what they need at once is who is online, which Redis may know, and the store. Those
// who are here stay in any case.
func (s *services) healthy() error {
	if err := s.hub.Healthy(); err != nil {
		return err
	}
	return s.keeping.healthy()
}

// close ends the services, after the conns were closed: those first that use others. Some may not have been started.
func (s *services) close(ctx context.Context) error {
	var errs []error
	if s.hub != nil {
		errs = append(errs, s.hub.Close(ctx))
	}
	if s.rpc != nil {
		errs = append(errs, s.rpc.Close(ctx))
	}
	s.outward.close()
	errs = append(errs, s.keeping.close(ctx))
	s.live.close()
	if s.auth != nil {
		s.auth.Close()
	}
	return errors.Join(errs...)
}

package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/bff"
	"github.com/hubbub-dev/hubbub/gateway/event"
	"github.com/hubbub-dev/hubbub/gateway/hook"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
)

// outward is whom the gateway asks: backends, and what asks them.
type outward struct {
	backends map[string]*backend.Backend
	hooks    *hook.Hooks // nil if there are none
	bff      *bff.BFF    // nil if there are no routes
}

// reach makes what a config says. It asks nobody yet. refuse answers calls over HTTP with errors.
func (c *Config) reach(m *Metrics, refuse func(http.ResponseWriter, *http.Request, error)) (outward, error) {
	out := outward{backends: map[string]*backend.Backend{}}
	for _, b := range c.Backends {
		o := b.config()
		o.Observe, o.Logger = m.Asked, c.Logger
		made, err := backend.New(o)
		if err != nil {
			return out, err
		}
		out.backends[b.Name] = made
	}
	var err error
	if len(c.Hooks) > 0 {
		rules := make([]hook.Rule, len(c.Hooks))
		for i := range c.Hooks {
			rules[i] = c.Hooks[i].rule()
		}
		out.hooks, err = hook.New(hook.Options{Rules: rules, Backends: out.backends, Observe: m.Decided, Logger: c.Logger})
		if err != nil {
			return out, err
		}
	}
	if len(c.BFF.Routes) > 0 {
		out.bff, err = bff.New(bff.Options{
			Routes: c.BFF.Routes, Backends: out.backends, Refuse: refuse, SignIn: signInParameters(c.Dev), Observe: m.Combined, Logger: c.Logger,
		})
	}
	return out, err
}

// options adds to the options of the domain what backends decide.
func (o *outward) options(domain *hubbub.Options) {
	if o.hooks != nil {
		domain.MayJoin, domain.MaySend = o.hooks.MayJoin(), o.hooks.MaySend()
	}
}

// close ends what is asked, and waits for it.
func (o *outward) close() {
	if o.bff != nil {
		o.bff.Close()
	}
	for _, b := range o.backends {
		b.Close()
	}
}

// asksOn tells whether there is a hook about something.
func (c *Config) asksOn(what string) bool {
	return slices.ContainsFunc(c.Hooks, func(h HookConfig) bool { return h.On == what })
}

// asksCookies tells whether a hook at the sign-in looks at cookies.
func (c *Config) asksCookies() bool {
	return slices.ContainsFunc(c.Hooks, func(h HookConfig) bool {
		return h.On == "connect" && slices.ContainsFunc(h.Headers, func(name string) bool { return strings.EqualFold(name, "Cookie") })
	})
}

// bffMethods are the names of the calls as methods of hubbub.v1.
func (c *Config) bffMethods() []string {
	var names []string
	for _, r := range c.BFF.Routes {
		names = append(names, "bff."+r.Name)
	}
	return names
}

// rules are those for events; nil if there are none.
func (c *Config) rules() (httpapi.Events, error) {
	if len(c.Events) == 0 {
		return nil, nil
	}
	rules, err := event.New(c.Events, c.known)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, typ string, data json.RawMessage) ([]httpapi.Call, error) {
		calls, err := rules.Calls(typ, data)
		if err != nil {
			return nil, err
		}
		all := make([]httpapi.Call, len(calls))
		for i, call := range calls {
			all[i] = httpapi.Call(call)
		}
		return all, nil
	}, nil
}

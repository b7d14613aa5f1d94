package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/bff"
	"github.com/hubbub-dev/hubbub/gateway/event"
	"github.com/hubbub-dev/hubbub/gateway/hook"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
	"github.com/hubbub-dev/hubbub/internal/settings"
)

// outward finds what is wrong with whom the gateway asks and tells. Whoever is to do it judges each element, which then needs no place
// of its own in the message.
func (c *checker) outward() {
	quiet := slog.New(slog.DiscardHandler)
	backends := map[string]*backend.Backend{}
	each(c, "backends", c.Backends, func(b BackendConfig) (string, error) {
		made, err := backend.New(b.config())
		if err == nil {
			backends[b.Name] = made
			made.Close()
		}
		return b.Name, err
	})
	for i, h := range c.Hooks {
		if h.Timeout >= c.Shutdown.Timeout {
			c.fail(fmt.Sprintf("hooks[%d].timeout", i), "this must be shorter than shutdown.timeout (%s)", settings.FormatDuration(c.Shutdown.Timeout))
		}
	}
	whole := len(backends) == len(c.Backends) // otherwise what is wrong there would be told once more
	var rules []hook.Rule                     // a rule can make those behind it useless
	each(c, "hooks", c.Hooks, func(h HookConfig) (string, error) {
		if !whole {
			return "", nil
		}
		_, err := hook.New(append(rules, h.rule()), backends, quiet)
		if err != nil {
			return "", errors.New(strings.TrimPrefix(err.Error(), fmt.Sprintf("hooks[%d]: ", len(rules))))
		}
		rules = append(rules, h.rule())
		return "", nil
	})
	each(c, "bff.routes", c.BFF.Routes, func(r bff.Route) (string, error) {
		if !whole {
			return r.Name, nil
		}
		made, err := bff.New(bff.Options{Routes: []bff.Route{r}, Backends: backends, Logger: quiet})
		if err == nil {
			made.Close()
		}
		return r.Name, err
	})
	each(c, "events", c.Events, func(r event.Rule) (string, error) {
		_, err := event.New([]event.Rule{r}, c.known)
		if err != nil {
			err = errors.New(strings.TrimPrefix(err.Error(), "rule 1 ")) // it was judged by itself, and its place is told
		}
		return "", err
	})
	each(c, "webhooks", c.Webhooks, func(h WebhookConfig) (string, error) {
		if !c.Dev && !h.AllowPrivate && h.near() {
			return h.Name, errors.New("its URL is one of this machine: to allow that set allow_private")
		}
		_, err := webhook.New(webhook.Options{Outbox: struct{ webhook.Outbox }{}, Targets: []webhook.Target{h.target(c.Dev)}, Logger: quiet})
		return h.Name, err
	})
}

// each judges the elements of a list that are well-formed. judge returns the element's name, which no other may have; "" for none.
func each[T any](c *checker, list string, elements []T, judge func(T) (name string, err error)) {
	seen := map[string]bool{}
	for i, e := range elements {
		at := fmt.Sprintf("%s[%d]", list, i)
		if slices.ContainsFunc(c.found, func(p settings.Problem) bool { return strings.HasPrefix(p.Key, at) }) {
			continue
		}
		name, err := judge(e)
		if err != nil {
			c.fail(at, "%v", err)
		}
		if name != "" && seen[name] {
			c.fail(at+".name", "two of them have the name %q", name)
		}
		seen[name] = true
	}
}

// known judges a call that a rule for events leads to.
func (c *Config) known(method, path string) error {
	if err := httpapi.CheckCall(method, path); err != nil || c.stores() {
		return err
	}
	for segment := range strings.SplitSeq(path, "/") {
		if slices.Contains([]string{"notices", "announcements", "inbox", "members"}, segment) {
			return fmt.Errorf("%s %s needs a store, and there is none, since store.path is off: set store.path to a file such as hubbub.db", method, path)
		}
	}
	return nil
}

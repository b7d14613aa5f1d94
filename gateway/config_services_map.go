package gateway

import (
	"net/netip"
	"net/url"

	"github.com/hubbub-dev/hubbub/gateway/backend"
	"github.com/hubbub-dev/hubbub/gateway/hook"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
)

// config is the backend's part of a filled config, as its package wants it.
func (b *BackendConfig) config() backend.Config {
	return backend.Config{
		Name:        b.Name,
		URL:         b.URL,
		Timeout:     b.Timeout,
		MaxResponse: int(b.MaxResponse),
		Retries:     b.Retries,
		Breaker:     backend.Breaker(b.Breaker),
		Headers:     b.Headers,
		Secret:      b.Secret,
		Concurrency: b.Concurrency,
	}
}

func (h *HookConfig) rule() hook.Rule {
	return hook.Rule{
		On:        h.On,
		Rooms:     h.Rooms,
		Backend:   h.Backend,
		Path:      h.Path,
		Timeout:   h.Timeout,
		OnFailure: h.OnFailure,
		Headers:   h.Headers,
	}
}

// target is the webhook's part of a filled config. In development mode receivers on the same machine need no permission.
func (h *WebhookConfig) target(dev bool) webhook.Target {
	return webhook.Target{
		Name:         h.Name,
		URL:          h.URL,
		Secrets:      h.Secrets,
		Events:       h.Events,
		Rooms:        h.Rooms,
		Headers:      h.Headers,
		Timeout:      h.Timeout,
		Concurrency:  h.Concurrency,
		RetryFor:     h.RetryFor,
		AllowPrivate: h.AllowPrivate || dev && h.near(),
	}
}

// near tells whether the URL is one of this machine.
func (h *WebhookConfig) near() bool {
	u, err := url.Parse(h.URL)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

package gateway

import (
	"time"

	"github.com/hubbub-dev/hubbub/gateway/bff"
)

// BackendConfig is a service behind the gateway, which hooks and combined calls ask.
type BackendConfig struct {
	Name        string            `koanf:"name"`
	URL         string            `koanf:"url"`
	Timeout     time.Duration     `koanf:"timeout"`
	MaxResponse Size              `koanf:"max_response"`
	Retries     int               `koanf:"retries"` // of safe methods
	Breaker     BreakerConfig     `koanf:"breaker"`
	Headers     map[string]string `koanf:"headers"` // of each request
	Secret      string            `koanf:"secret"`  // signs who asks
	Concurrency int               `koanf:"concurrency"`
}

// BreakerConfig says when a backend is left in peace.
type BreakerConfig struct {
	Failures int           `koanf:"failures"` // within the window
	Window   time.Duration `koanf:"window"`
	Open     time.Duration `koanf:"open"`
}

// HookConfig is a question to a backend that decides whether something may happen.
type HookConfig struct {
	On        string        `koanf:"on"`    // "connect", "room.join", "room.send" or "user.send"
	Rooms     []string      `koanf:"rooms"` // globs; empty means all
	Backend   string        `koanf:"backend"`
	Path      string        `koanf:"path"`
	Timeout   time.Duration `koanf:"timeout"`
	OnFailure string        `koanf:"on_failure"` // "refuse" or "allow"
	Headers   []string      `koanf:"headers"`    // of the handshake that are passed on
}

// BFFConfig is about calls of frontends that backends answer.
type BFFConfig struct {
	Routes []bff.Route `koanf:"routes"`
}

// WebhookConfig is somebody who is told what happens here.
type WebhookConfig struct {
	Name         string            `koanf:"name"`
	URL          string            `koanf:"url"`
	Secrets      []string          `koanf:"secrets"` // each signs
	Events       []string          `koanf:"events"`  // globs; empty means all
	Rooms        []string          `koanf:"rooms"`   // globs; empty means all
	Headers      map[string]string `koanf:"headers"`
	Timeout      time.Duration     `koanf:"timeout"`
	Concurrency  int               `koanf:"concurrency"`
	RetryFor     time.Duration     `koanf:"retry_for"`
	AllowPrivate bool              `koanf:"allow_private"`
}

package gateway

import "time"

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
	Routes []RouteConfig `koanf:"routes"`
}

// RouteConfig is one call. It has either Parts, or Proxy.
type RouteConfig struct {
	Name    string        `koanf:"name"`
	Doc     string        `koanf:"doc"`
	Method  string        `koanf:"method"` // "GET" or "POST"
	Auth    string        `koanf:"auth"`   // "required" or "optional"
	Params  []ParamConfig `koanf:"params"`
	Budget  time.Duration `koanf:"budget"`
	Cache   CacheConfig   `koanf:"cache"`
	Headers []string      `koanf:"headers"` // of the caller that are passed on
	Parts   []PartConfig  `koanf:"parts"`
	Proxy   CallConfig    `koanf:"proxy"` // empty means none
}

// ParamConfig is a parameter of a call.
type ParamConfig struct {
	Name     string `koanf:"name"`
	Type     string `koanf:"type"` // "string", "int", "number", "bool" or "json"
	Required bool   `koanf:"required"`
	Default  any    `koanf:"default"`
}

// CallConfig is a request to a backend. Its texts are templates.
type CallConfig struct {
	Backend string            `koanf:"backend"`
	Method  string            `koanf:"method"`
	Path    string            `koanf:"path"`
	Query   map[string]any    `koanf:"query"`
	Headers map[string]string `koanf:"headers"`
	Body    any               `koanf:"body"`
	Timeout time.Duration     `koanf:"timeout"` // 0 means that of the backend
	Pick    string            `koanf:"pick"`    // jq
	Cache   CacheConfig       `koanf:"cache"`
}

// PartConfig is one part of a combined call.
type PartConfig struct {
	Name       string `koanf:"name"`
	Required   bool   `koanf:"required"` // without it the whole call fails
	CallConfig `koanf:",squash"`
}

// CacheConfig says for whom and how long a result is kept.
type CacheConfig struct {
	By  string        `koanf:"by"` // "user" or "shared"; "" means that it is not
	TTL time.Duration `koanf:"ttl"`
}

// EventConfig says what to do when a backend tells that something has happened.
type EventConfig struct {
	Type string       `koanf:"type"` // glob
	When string       `koanf:"when"` // jq; "" means always
	Do   []StepConfig `koanf:"do"`
}

// StepConfig is a call of the HTTP API.
type StepConfig struct {
	Call string `koanf:"call"` // such as "POST /broadcast"
	Body any    `koanf:"body"`
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

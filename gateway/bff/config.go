package bff

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/hubbub-dev/hubbub/gateway/backend"
)

// Options configures a [BFF]. Options are read once, by [New].
type Options struct {
	// Routes are the calls that there are; nil means none.
	Routes []Route
	// Backends are whom the parts of the routes may name.
	Backends map[string]*backend.Backend
	// Refuse answers an HTTP request with an error, such as one that identify has returned; nil means an RFC 9457
	// problem with the status of the error's reason.
	Refuse func(http.ResponseWriter, *http.Request, error)
	// SignIn are the names of query parameters by which identify knows who calls, such as token: they are no params,
	// unless a route declares one of that name.
	SignIn []string
	// CacheSize bounds what all caches together hold, in bytes; 0 means 64 MiB. What is used least has to go.
	CacheSize int
	// Observe is called after each part, and with an empty Part after each call. It may be called concurrently. nil
	// means nothing.
	Observe func(Observation)
	// Now is the clock by which cached results expire; nil means time.Now.
	Now    func() time.Time
	Logger *slog.Logger // nil means slog.Default()
}

// Observation is what [Options.Observe] is told.
type Observation struct {
	Route  string
	Part   string // "" for the call as a whole, "proxy" for the one part of a proxy
	Status int    // the HTTP status that the part has in the reply, or that the call was answered with over HTTP
	Cached bool   // the backend was not asked
	Took   time.Duration
}

// Route is one call of the frontend: several parts that make one reply, or the proxy of one backend. It has either
// Parts or Proxy.
type Route struct {
	// Name is what clients call: bff.NAME in hubbub.v1 and /bff/NAME over HTTP. It has 1 to 64 letters, digits, dots, _
	// and -.
	Name string `koanf:"name"`
	// Doc says what the route is for. Nothing depends on it.
	Doc string `koanf:"doc"`
	// Method is "GET" for a call that changes nothing, which HTTP clients make by GET with a query or by POST with a
	// JSON object, or "POST" for POST only. "" means GET if all parts are called with GET or HEAD, otherwise POST.
	Method string `koanf:"method"`
	// Auth is "required" or "optional"; "" means required: callers that nobody knows are unauthorized, also
	// those who were let in anonymously.
	Auth string `koanf:"auth"`
	// Params are what callers may say; others are refused.
	Params []Param `koanf:"params"`
	// Budget is after how long the reply leaves, with or without the optional parts that are missing; 0 means 2 s.
	Budget time.Duration `koanf:"budget"`
	// Cache is how results of parts that are called with GET or HEAD and have no Cache of their own are kept.
	Cache Cache `koanf:"cache"`
	// Headers are the names of headers that are passed on from a caller over HTTP to each part. Calls over hubbub.v1
	// have none.
	Headers []string `koanf:"headers"`
	// Parts are called at the same time, but for those that need the data of others.
	Parts []Part `koanf:"parts"`
	// Proxy is the one part whose result is the result of the call. It needs no name.
	Proxy *Part `koanf:"proxy"`
}

// Param is something that callers may say.
type Param struct {
	// Name has 1 to 64 letters, digits, _ and -.
	Name string `koanf:"name"`
	// Type is "string", "int" (of 64 bits), "number", "bool" or "json" (anything); "" means string. In a query all are
	// written as text, JSON as JSON.
	Type string `koanf:"type"`
	// Required refuses calls without it.
	Required bool `koanf:"required"`
	// Default is what it is if the caller does not say it, as JSON would have it; nil means that it is missing then.
	Default any `koanf:"default"`
}

// Cache says how long a result may be told again without asking the backend, and to whom. Only successful results are
// kept.
type Cache struct {
	// By is "user", for results that depend on who calls, or "shared" for those that do not: such a part is called
	// without identity, and cannot refer to {user…}. "" means that nothing is kept.
	By string `koanf:"by"`
	// TTL is how long a result is kept; it must be set if By is.
	TTL time.Duration `koanf:"ttl"`
}

// Part is one request to a backend. Strings of Path, Query, Headers and Body may have references in braces, see the
// package comment.
type Part struct {
	// Name is the member of the reply. It has 1 to 64 letters, digits, _ and -.
	Name string `koanf:"name"`
	// Backend is one of Options.Backends.
	Backend string `koanf:"backend"`
	// Method is an HTTP method; "" means GET, or POST if there is a Body.
	Method string `koanf:"method"`
	// Path begins with / and is put after the backend's URL. Values in it are escaped and stay within their segment;
	// one that is missing or empty makes the part fail.
	Path string `koanf:"path"`
	// Query has a text, number or boolean for each parameter, or a list of them. A parameter whose value is missing is
	// left out.
	Query map[string]any `koanf:"query"`
	// Headers are sent to the backend. One whose value is missing is left out.
	Headers map[string]string `koanf:"headers"`
	// Body is sent as JSON; nil means none, but all params for a proxy whose method is POST, PUT or PATCH. A member
	// whose value is missing is left out, an item of a list is null.
	Body any `koanf:"body"`
	// Required makes the call fail if the part does.
	Required bool `koanf:"required"`
	// Timeout is how long the part may take; 0 means as long as the backend and the route allow.
	Timeout time.Duration `koanf:"timeout"`
	// Pick is a jq expression that makes the part's data of the backend's JSON; "" means the JSON as it is.
	Pick string `koanf:"pick"`
	// Cache is the part's own; its zero value means the route's.
	Cache Cache `koanf:"cache"`
}

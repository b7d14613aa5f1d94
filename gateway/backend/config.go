package backend

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/hubbub-dev/hubbub"
)

// MinSecret is the fewest bytes that Config.Secret may have.
const MinSecret = 32

// Config says where a backend is and how much is expected of it. Only Name and URL must be set. It is read once, by [New].
type Config struct {
	Name string // by which rules, routes, logs and errors call it; as [hubbub.CheckName]
	// URL is where it is, such as http://products:8080/v1: a scheme, a host, and maybe a path that goes before that of each call.
	URL     string
	Timeout time.Duration // of a call with its retries and its wait for a turn; 0 means 5 s
	// MaxResponse is how many bytes the body of a response may have; 0 means 1 MiB. A longer one is an error. The header may have
	// 64 KiB.
	MaxResponse int
	// Retries is how often GET and HEAD are repeated after a connection error or a 502, 503 or 504; 0 means once, negative never.
	Retries     int
	Breaker     Breaker
	Headers     map[string]string // that every call has; a call's own override them
	Secret      string            // signs identities, at least [MinSecret] bytes; "" means that they are not signed
	Concurrency int               // calls at a time, and conns that are kept for them; 0 means 256. More wait for their turn

	// Observe is told of each call, for figures: the status is 0 if there was none, and err is what Do returns. It is called
	// concurrently and must not block. nil means nobody.
	Observe func(backend string, status int, err error, took time.Duration)
	Logger  *slog.Logger     // nil means slog.Default()
	Now     func() time.Time // for the times in signed identities; nil means time.Now
}

// Breaker says when a backend that fails is left alone, so that callers need not wait for what will not come and the backend gets room
// to recover. A connection error, a timeout or a 5xx is a failure; any other reply is a success, and a call whose caller gave up is
// neither. A call counts at the time when it began.
type Breaker struct {
	// Failures is how many calls must have failed within the Window, and as many as succeeded there, to open it; 0 means 10,
	// negative means that it never opens.
	Failures int
	Window   time.Duration // 0 means 10 s; the Timeout is added to it, since calls that time out began before
	// Open is how long calls fail at once with [hubbub.Unavailable] and RetryAfter; 0 means 5 s. After it one call is let through:
	// if that fails, the time begins anew.
	Open time.Duration
}

func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 5*time.Second)
	c.MaxResponse = cmp.Or(c.MaxResponse, 1<<20)
	c.Retries = max(cmp.Or(c.Retries, 1), 0)
	c.Breaker.Failures = cmp.Or(c.Breaker.Failures, 10)
	c.Breaker.Window = cmp.Or(c.Breaker.Window, 10*time.Second)
	c.Breaker.Open = cmp.Or(c.Breaker.Open, 5*time.Second)
	c.Concurrency = cmp.Or(c.Concurrency, 256)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// check returns what is wrong with a Config that has its defaults. The URL and the values of headers may hold secrets, so no error
// repeats them.
func (c *Config) check() error {
	if err := hubbub.CheckName("name", c.Name); err != nil {
		return err
	}
	switch {
	case c.Timeout < 0 || c.Breaker.Window < 0 || c.Breaker.Open < 0:
		return errors.New("timeout, breaker.window and breaker.open must not be negative")
	case c.MaxResponse < 0:
		return errors.New("max_response must not be negative")
	case c.Concurrency < 0:
		return errors.New("concurrency must not be negative")
	case c.Secret != "" && len(c.Secret) < MinSecret:
		return fmt.Errorf("the secret has %d bytes; it needs at least %d random ones, such as openssl rand -base64 32 makes",
			len(c.Secret), MinSecret)
	}
	for name, value := range c.Headers {
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("the header %q cannot be sent: its name or its value has characters that headers must not have", name)
		}
		if dropped(http.CanonicalHeaderKey(name)) {
			return fmt.Errorf("the header %q is not for you to set: it belongs to the connection, or says who is asking", name)
		}
	}
	return nil
}

// location reads the URL: what connects, and the path that goes before each call's.
func (c *Config) location() (*url.URL, string, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, "", errors.New("the url cannot be read: write it as http://host:port or https://host/path")
	case u.User != nil:
		return nil, "", errors.New("the url holds a user or a password: set a header Authorization instead")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, "", errors.New("the url has a ? or a #: each call has a query of its own")
	}
	prefix := strings.TrimRight(u.EscapedPath(), "/")
	if prefix != "" {
		if err := CheckPath(prefix); err != nil {
			return nil, "", fmt.Errorf("the path of the url: %w", err)
		}
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, prefix, nil
}

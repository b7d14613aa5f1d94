package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"
)

// ErrNoKeys is what [New] returns without development mode: there is nothing yet that could tell who connects.
var ErrNoKeys = errors.New("only development mode exists so far: this version cannot check tokens yet, so it would let " +
	"anyone in under any name. Try it on your own machine with: hubbub serve --dev")

// Config says what a [Gateway] is made of. It is read once, by [New].
type Config struct {
	// Addr is the TCP address to listen on, "host:port"; "" means ":8080". Without a host it means every address of the
	// machine, in development mode the loopback address only. Port 0 takes any free port.
	Addr string
	// Dev is development mode: anyone connects under any name, pages of loopback hosts on any port and of the origin
	// "null" may connect, and the demo chat is at /. Without it New returns ErrNoKeys.
	Dev bool
	// ShutdownTimeout is how long Serve waits for requests and conns to end after its context has; 0 means 10 s. What is
	// left then is cut.
	ShutdownTimeout time.Duration
	// Logger gets what operators want to know; nil means slog.Default().
	Logger *slog.Logger
}

// withDefaults returns the config with every zero value replaced by what it means, or what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	if !c.Dev {
		return c, ErrNoKeys
	}
	if c.Addr == "" {
		c.Addr = ":8080"
	}
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return c, fmt.Errorf("address %q: write it as host:port or :port, for example :8080 or 192.0.2.7:8080", c.Addr)
	}
	if host == "" {
		c.Addr = net.JoinHostPort("127.0.0.1", port)
	}
	if c.ShutdownTimeout == 0 {
		c.ShutdownTimeout = 10 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c, nil
}

package redis

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// Options configures a [Driver]. Only Addrs must be set.
type Options struct {
	// Addrs are "host:port" of the server, of some nodes of a Cluster, or, with Master, of Sentinels.
	Addrs []string
	// Master is the name of the master that the Sentinels watch; "" means that there are none.
	Master string
	// Username and Password are those of an ACL user; a Password alone is that of the default user.
	Username, Password string
	// SentinelUsername and SentinelPassword are for the Sentinels.
	SentinelUsername, SentinelPassword string
	DB                                 int         // number of the database; a Cluster has only 0
	TLS                                *tls.Config // nil means without
	Prefix                             string      // of all keys and channels; "" means "hubbub:"; without braces

	Grace time.Duration // how long a user without a session is still online; 0 means 5 s, negative none
	Lease time.Duration // how long a node that does not renew is taken for alive; 0 or less means 10 s
	// LastSeen is how long it is remembered when a user who is offline was there; 0 or less means 30 days.
	LastSeen time.Duration
	// KeptPerSender is how many bytes one user may send into streams that are kept here within a day; 0 means 64 MiB, negative any number.
	// Whoever is over it is refused with TooLarge.
	KeptPerSender int
	// Now is for tests; nil means the clock of the server that has the leases, so that clocks of nodes need not agree.
	Now    func() time.Time
	Logger *slog.Logger // nil means slog.Default()
}

// Driver implements [hubbub.Driver], [hubbub.Poster], [hubbub.Ordered], [hubbub.Shared] and [hubbub.Scratch]. All methods may be called
// concurrently. What Redis does not answer is an [hubbub.Error] with the reason Unavailable. Make one with [Open].
type Driver struct {
	// Immutable after Open.
	options Options // with defaults
	client  rueidis.Client
}

// Open connects to Redis. It is an error if the server cannot be reached or is too old, or if the credentials are wrong. End the driver
// with Close.
func Open(ctx context.Context, o Options) (*Driver, error) {
	return nil, nil
}

// Close ends the connections. Nothing may be called afterwards.
func (d *Driver) Close() { d.client.Close() }

var _ hubbub.Driver

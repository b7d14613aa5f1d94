package redis

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
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
	// Answer is how long connecting, with TLS and the greeting, may take, and how long Redis may answer nothing, before it is taken for away;
	// 0 or less means 3 s.
	Answer time.Duration
	// Now is for tests; nil means the clock of the server that has the leases, so that clocks of nodes need not agree.
	Now    func() time.Time
	Logger *slog.Logger // nil means slog.Default()
}

// Driver implements [hubbub.Driver], [hubbub.Poster], [hubbub.Ordered], [hubbub.Shared] and [hubbub.Scratch]. All methods but Close may be
// called concurrently. What Redis does not answer is an [hubbub.Error] with the reason Unavailable. Make one with [Open].
type Driver struct {
	// Immutable after Open.
	options Options // with defaults
	client  rueidis.Client
	bus     *bus

	// Safe for concurrent use.
	offset   atomic.Int64 // of the server's time to this machine's, in nanoseconds
	dials    dials
	streams  streams
	registry registry
	counts   counts
}

// Open connects to Redis. It is an error if the server cannot be reached or is too old, or if the credentials are wrong. End the driver
// with Close.
func Open(ctx context.Context, o Options) (*Driver, error) {
	o.setDefaults()
	d := &Driver{options: o, dials: newDials()}
	client, err := rueidis.NewClient(d.clientOption())
	if err != nil {
		if client != nil {
			client.Close()
		}
		return nil, fmt.Errorf("open Redis: %w", d.explain(err))
	}
	d.client, d.bus = client, newBus(d)
	if err := d.begin(ctx); err != nil {
		d.Close()
		return nil, fmt.Errorf("open Redis: %w", err)
	}
	d.onDial(d.streams.taken.clear) // the notes may be lost
	d.onDial(func() { d.counts.reconnects.Add(1) })
	d.initRegistry()
	d.dials.open()
	return d, nil
}

// begin learns what has to be known before anything else.
func (d *Driver) begin(ctx context.Context) error {
	if err := d.check(ctx); err != nil {
		return err
	}
	if d.client.Mode() == rueidis.ClientModeCluster {
		if err := d.enterCluster(ctx); err != nil {
			return d.explain(err)
		}
	}
	if err := d.learnTime(ctx); err != nil {
		return d.explain(err)
	}
	return nil
}

// setDefaults puts the values that the zero values stand for. What means "none" stays negative.
func (o *Options) setDefaults() {
	if o.Prefix == "" {
		o.Prefix = "hubbub:"
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	if o.Lease <= 0 {
		o.Lease = 10 * time.Second
	}
	if o.LastSeen <= 0 {
		o.LastSeen = 30 * 24 * time.Hour
	}
	if o.KeptPerSender == 0 {
		o.KeptPerSender = 64 << 20
	}
	if o.Answer <= 0 {
		o.Answer = answerTime
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
}

// Close ends the connections. Nothing may be called afterwards.
func (d *Driver) Close() {
	d.bus.close()
	d.client.Close()
	d.streams.appends.running.Wait()
}

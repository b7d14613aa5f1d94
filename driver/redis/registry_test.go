package redis_test

import (
	"log/slog"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// quiet opens a driver that logs nothing, for tests in which things go wrong.
func quiet(t testing.TB, clock *drivertest.Clock, prefix string) *redis.Driver {
	return openWith(t, redis.Options{Addrs: []string{server.Addr}, Prefix: prefix, Grace: drivertest.Grace, Lease: drivertest.Lease,
		Now: clock.Now, Logger: slog.New(slog.DiscardHandler)})
}

func TestDriver(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Driver {
		d := quiet(t, clock, freshPrefix())
		clock.Advance(drivertest.Lease) // until then it reaps nothing
		return d
	})
}

func TestSharedDriver(t *testing.T) {
	t.Parallel()
	drivertest.RunShared(t, func(t *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		prefix := freshPrefix()
		a, b = quiet(t, clock, prefix), quiet(t, clock, prefix)
		clock.Advance(drivertest.Lease) // until then they reap nothing
		return a, b
	})
}

// TestSharedRegistryOfACluster is on a real Cluster: there each script must stay in one slot.
func TestSharedRegistryOfACluster(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t, 3, 0)
	drivertest.RunShared(t, func(t *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		prefix := freshPrefix()
		open := func() hubbub.Driver {
			return openWith(t, redis.Options{Addrs: c.Addrs(), Prefix: prefix, Grace: drivertest.Grace, Lease: drivertest.Lease,
				Now: clock.Now, Logger: slog.New(slog.DiscardHandler)})
		}
		a, b = open(), open()
		clock.Advance(drivertest.Lease)
		return a, b
	})
}

package redis_test

import (
	"log/slog"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// quiet opens a driver that logs nothing, for tests in which things go wrong: on the server of all tests, or on those with the addresses.
func quiet(t testing.TB, clock *drivertest.Clock, prefix string, addrs ...string) *redis.Driver {
	if len(addrs) == 0 {
		addrs = []string{server.Addr}
	}
	return openWith(t, redis.Options{Addrs: addrs, Prefix: prefix, Grace: drivertest.Grace, Lease: drivertest.Lease, Answer: patience,
		Now: clock.Now, Logger: slog.New(slog.DiscardHandler)})
}

func TestDriver(t *testing.T) {
	t.Parallel()
	parallel := drivertest.Parallel(t)
	drivertest.Run(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Driver {
		parallel(t)
		d := quiet(t, clock, freshPrefix())
		clock.Advance(drivertest.Lease) // until then it reaps nothing
		return d
	})
}

func TestSharedDriver(t *testing.T) {
	t.Parallel()
	parallel := drivertest.Parallel(t)
	drivertest.RunShared(t, func(t *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		parallel(t)
		prefix := freshPrefix()
		a, b = quiet(t, clock, prefix), quiet(t, clock, prefix)
		clock.Advance(drivertest.Lease) // until then they reap nothing
		return a, b
	})
}

// TestSharedDriverOfACluster is on a real Cluster: there each script must stay in one slot.
func TestSharedDriverOfACluster(t *testing.T) {
	t.Parallel()
	c, parallel := testkit.Cluster(t, 3, 0), drivertest.Parallel(t)
	drivertest.RunShared(t, func(t *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		parallel(t)
		prefix := freshPrefix()
		a, b = quiet(t, clock, prefix, c.Addrs()...), quiet(t, clock, prefix, c.Addrs()...)
		clock.Advance(drivertest.Lease)
		return a, b
	})
}

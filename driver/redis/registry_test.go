package redis_test

import (
	"log/slog"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

// quiet opens a driver that logs nothing, for tests in which things go wrong.
func quiet(t testing.TB, clock *drivertest.Clock, prefix string) *redis.Driver {
	return openWith(t, redis.Options{Addrs: []string{server.Addr}, Prefix: prefix, Grace: drivertest.Grace, Lease: drivertest.Lease,
		Now: clock.Now, Logger: slog.New(slog.DiscardHandler)})
}

func TestDriver(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Driver { return quiet(t, clock, freshPrefix()) })
}

func TestSharedDriver(t *testing.T) {
	t.Parallel()
	drivertest.RunShared(t, func(t *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		prefix := freshPrefix()
		return quiet(t, clock, prefix), quiet(t, clock, prefix)
	})
}

package redis_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

type conversations = hubbub.Conversations // whose name is that of a method, too

// registryDriver is the registry under test, with streams in memory.
type registryDriver struct {
	hubbub.Log
	conversations
	*redis.Driver
	memory *memory.Driver
}

func (d *registryDriver) Erase(ctx context.Context, user string) (bool, error) {
	if more, err := d.Driver.EraseUser(ctx, user); more || err != nil {
		return more, err
	}
	return d.memory.Erase(ctx, user)
}

func registryWith(t testing.TB, clock *drivertest.Clock, prefix string, m *memory.Driver, addrs ...string) *registryDriver {
	if len(addrs) == 0 {
		addrs = []string{server.Addr}
	}
	return &registryDriver{Log: m, conversations: m, memory: m, Driver: openWith(t, redis.Options{
		Addrs: addrs, Prefix: prefix, Grace: drivertest.Grace, Lease: drivertest.Lease, Now: clock.Now,
		Logger: slog.New(slog.DiscardHandler)})}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Driver {
		return registryWith(t, clock, freshPrefix(), memory.New(memory.Options{Now: clock.Now}))
	})
}

func TestSharedRegistry(t *testing.T) {
	t.Parallel()
	drivertest.RunShared(t, func(t *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		prefix, m := freshPrefix(), memory.New(memory.Options{Now: clock.Now})
		return registryWith(t, clock, prefix, m), registryWith(t, clock, prefix, m)
	})
}

// TestSharedRegistryOfACluster is on a real Cluster: there each script must stay in one slot.
func TestSharedRegistryOfACluster(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t, 3, 0)
	drivertest.RunShared(t, func(t *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		prefix, m := freshPrefix(), memory.New(memory.Options{Now: clock.Now})
		return registryWith(t, clock, prefix, m, c.Addrs()...), registryWith(t, clock, prefix, m, c.Addrs()...)
	})
}

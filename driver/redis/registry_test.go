package redis_test

import (
	"context"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/redis"
)

type conversations = hubbub.Conversations // whose name is that of a method, too

// registryDriver is the registry under test, with streams and a bus in memory.
type registryDriver struct {
	hubbub.Log
	conversations
	hubbub.Bus
	hubbub.Poster
	*redis.Driver
	memory *memory.Driver
}

func (d *registryDriver) Erase(ctx context.Context, user string) (bool, error) {
	if more, err := d.Driver.EraseUser(ctx, user); more || err != nil {
		return more, err
	}
	return d.memory.Erase(ctx, user)
}

func registryWith(t testing.TB, clock *drivertest.Clock, prefix string, m *memory.Driver) *registryDriver {
	return &registryDriver{Log: m, conversations: m, Bus: m, Poster: m, Driver: openAt(t, clock, prefix), memory: m}
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

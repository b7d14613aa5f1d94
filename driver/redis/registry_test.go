package redis_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

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

// settled is a clock that has gone on until what was opened at its beginning reaps.
func settled(clock *drivertest.Clock, d *registryDriver) *registryDriver {
	clock.Advance(drivertest.Lease)
	return d
}

// TestNobodyIsOfflineBeforeSessionsAreRestored has a server lose what was written last: that a user in the grace period is back.
func TestNobodyIsOfflineBeforeSessionsAreRestored(t *testing.T) {
	t.Parallel()
	clock := drivertest.NewClock()
	d := registryWith(t, clock, freshPrefix(), memory.New(memory.Options{Now: clock.Now}))
	const node = "n1"
	renew := func() {
		t.Helper()
		if _, err := d.Renew(t.Context(), hubbub.NodeStatus{Node: node}); err != nil {
			t.Fatal(err)
		}
	}
	offline := func() (n int) {
		t.Helper()
		renew()
		told, err := d.Reap(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range told {
			if tr.Kind == hubbub.UserOffline {
				n++
			}
		}
		return n
	}
	renew()
	came := map[string]string{}
	for _, user := range []string{"ann", "bob"} {
		opened, err := d.Open(t.Context(), hubbub.SessionRecord{ID: "s1 " + user, User: user, Node: node, Connected: clock.Now()}, hubbub.DeviceLimit{})
		if err != nil {
			t.Fatal(err)
		}
		came[user] = opened.Came
		if _, err := d.End(t.Context(), hubbub.Target{User: user}, hubbub.EndClosed); err != nil {
			t.Fatal(err)
		}
	}
	clock.Advance(drivertest.Grace + time.Second)
	d.Doubt()
	if n := offline(); n > 0 {
		t.Errorf("%d users are offline at once", n)
	}
	ann := hubbub.SessionRecord{ID: "s2", User: "ann", Node: node, Connected: clock.Now()}
	if _, err := d.Restore(t.Context(), ann, came["ann"], hubbub.DeviceLimit{}); err != nil {
		t.Fatal(err)
	}
	clock.Advance(drivertest.Lease)
	if n := offline(); n != 1 {
		t.Errorf("%d users are offline, and only bob is", n)
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(t *testing.T, clock *drivertest.Clock) hubbub.Driver {
		return settled(clock, registryWith(t, clock, freshPrefix(), memory.New(memory.Options{Now: clock.Now})))
	})
}

func TestSharedRegistry(t *testing.T) {
	t.Parallel()
	drivertest.RunShared(t, func(t *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		prefix, m := freshPrefix(), memory.New(memory.Options{Now: clock.Now})
		one, other := registryWith(t, clock, prefix, m), registryWith(t, clock, prefix, m)
		return settled(clock, one), other
	})
}

// TestSharedRegistryOfACluster is on a real Cluster: there each script must stay in one slot.
func TestSharedRegistryOfACluster(t *testing.T) {
	t.Parallel()
	c := testkit.Cluster(t, 3, 0)
	drivertest.RunShared(t, func(t *testing.T, clock *drivertest.Clock) (a, b hubbub.Driver) {
		prefix, m := freshPrefix(), memory.New(memory.Options{Now: clock.Now})
		one, other := registryWith(t, clock, prefix, m, c.Addrs()...), registryWith(t, clock, prefix, m, c.Addrs()...)
		return settled(clock, one), other
	})
}

package redis_test

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// server is the one Redis of all tests that do not need one of their own.
var server *testkit.RedisServer

func TestMain(m *testing.M) {
	// Tests that have servers of their own wait for them most of the time.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	// Of what rapid does a hundred times each step is a round trip here; -rapid.checks overrides it.
	if err := flag.Set("rapid.checks", "15"); err != nil {
		panic(err)
	}
	const rueidis = "github.com/redis/rueidis."
	goleak.VerifyTestMain(testkit.WithShared{M: m, Setup: func(t testing.TB) { server = testkit.NewRedis(t) }},
		// A client of a Cluster that is closed while it has just learnt of a change has goroutines that end some seconds later.
		goleak.IgnoreAnyFunction(rueidis+"(*call).DelayDo.func1"), goleak.IgnoreAnyFunction(rueidis+"(*clusterClient)._refresh.func2"),
		goleak.IgnoreAnyFunction(rueidis+"(*clusterClient).redirectOrNew.func1"))
}

var prefixes atomic.Int64

// freshPrefix is one that nobody has used before.
func freshPrefix() string { return fmt.Sprintf("t%d:", prefixes.Add(1)) }

// patience is how long tests wait for a Redis that nothing happens to: the machine may stand still for a while.
const patience = 30 * time.Second

// open opens a driver that knows nothing of the others and lives by the clock, or, without one, by the server's.
func open(t testing.TB, clock *drivertest.Clock) *redis.Driver {
	t.Helper()
	return openAt(t, clock, freshPrefix())
}

// openAt opens a driver with a prefix: one that shares what others have with the same.
func openAt(t testing.TB, clock *drivertest.Clock, prefix string) *redis.Driver {
	t.Helper()
	o := redis.Options{Addrs: []string{server.Addr}, Prefix: prefix, Grace: drivertest.Grace, Lease: drivertest.Lease, Answer: patience}
	if clock != nil {
		o.Now = clock.Now
	}
	return openWith(t, o)
}

// openWith opens a driver that is closed with the test.
func openWith(t testing.TB, o redis.Options) *redis.Driver {
	t.Helper()
	d, err := redis.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

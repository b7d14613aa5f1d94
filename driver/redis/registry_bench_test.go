package redis_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// benchDriver opens a driver on a server, by a clock or by the server's.
func benchDriver(b *testing.B, s *testkit.RedisServer, clock *drivertest.Clock) *redis.Driver {
	o := redis.Options{Addrs: []string{s.Addr}, Grace: drivertest.Grace, Lease: drivertest.Lease}
	if clock != nil {
		o.Now = clock.Now
	}
	return openWith(b, o)
}

// atOnce does n things, 64 at the same time.
func atOnce(n int, do func(i int)) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}

func confirmAll(b *testing.B, d *redis.Driver, all []hubbub.Transition) {
	atOnce(len(all), func(i int) {
		if n, err := d.Confirm(b.Context(), all[i].ID); n != 1 || err != nil {
			b.Errorf("confirming tells %v, %v", n, err)
		}
	})
}

// signIn opens n sessions of as many users on a node, each in a room, and confirms what was told.
func signIn(b *testing.B, d *redis.Driver, node string, n int) {
	renew := func() {
		if _, err := d.Renew(b.Context(), hubbub.NodeStatus{Node: node}); err != nil {
			b.Error(err)
		}
	}
	renew()
	atOnce(n, func(i int) {
		if i%1000 == 999 { // a busy machine may take longer than a lease
			renew()
		}
		user := fmt.Sprintf("%s-user%d", node, i)
		s := hubbub.SessionRecord{ID: fmt.Sprintf("%s-session%d", node, i), User: user, Device: "phone", Platform: "web", Node: node,
			Info: []byte(`{"name":"Somebody"}`), Connected: time.Now(), Issued: time.Now(), Token: "token" + user, Address: "192.0.2.1:1234"}
		o, err := d.Open(b.Context(), s, hubbub.DeviceLimit{Max: 1})
		if err != nil {
			b.Error(err)
			return
		}
		for _, t := range o.Transitions {
			if _, err := d.Confirm(b.Context(), t.ID); err != nil {
				b.Error(err)
			}
		}
		if _, _, err := d.Enter(b.Context(), fmt.Sprint("room", i%100), user, s.ID); err != nil {
			b.Error(err)
		}
	})
}

// BenchmarkSignIn opens a session, confirms what was told, and enters a room, 64 at the same time.
func BenchmarkSignIn(b *testing.B) {
	s := testkit.NewRedis(b)
	d := openWith(b, redis.Options{Addrs: []string{s.Addr}, Grace: drivertest.Grace, Lease: time.Hour})
	signIn(b, d, "warm", 1000)
	used := serverCPU(s)
	b.ResetTimer()
	signIn(b, d, "node", b.N)
	b.StopTimer()
	b.ReportMetric((serverCPU(s)-used)/float64(b.N)*1e6, "redis-cpu-us/op")
}

// BenchmarkReap reaps 15,000 sessions of a lost node, and then takes their users offline.
func BenchmarkReap(b *testing.B) {
	const n = 15_000
	for range b.N {
		b.StopTimer()
		s, clock := testkit.NewRedis(b), drivertest.NewClock()
		lost, other := benchDriver(b, s, clock), benchDriver(b, s, clock)
		signIn(b, lost, "lost", n)
		for _, step := range []time.Duration{drivertest.Lease / 2, drivertest.Lease/2 + time.Second} {
			clock.Advance(step)
			if _, err := other.Renew(b.Context(), hubbub.NodeStatus{Node: "other"}); err != nil {
				b.Fatal(err)
			}
		}
		reap := func(what string) {
			begin, used := time.Now(), serverCPU(s)
			b.StartTimer()
			all, err := other.Reap(b.Context())
			b.StopTimer()
			if err != nil || len(all) != n {
				b.Fatalf("%s: %d transitions, %v", what, len(all), err)
			}
			b.ReportMetric(time.Since(begin).Seconds(), what+"-s")
			b.ReportMetric(serverCPU(s)-used, what+"-redis-cpu-s")
			confirmAll(b, other, all)
		}
		reap("ends")
		clock.Advance(drivertest.Grace)
		reap("offline")
		b.StartTimer()
	}
}

// info is a number in what a server says about itself.
func info(s *testkit.RedisServer, field string) float64 {
	_, rest, _ := strings.Cut(fmt.Sprint(s.Do("INFO")), "\n"+field+":")
	text, _, _ := strings.Cut(rest, "\r")
	n, _ := strconv.ParseFloat(text, 64)
	return n
}

func serverCPU(s *testkit.RedisServer) float64 {
	return info(s, "used_cpu_user") + info(s, "used_cpu_sys")
}

// BenchmarkRest counts what two nodes with 20,000 sessions in all send while nothing happens.
func BenchmarkRest(b *testing.B) {
	const n, watch = 10_000, 30 * time.Second
	s := testkit.NewRedis(b)
	nodes := []string{"one", "other"}
	var drivers []*redis.Driver
	for _, node := range nodes {
		d := benchDriver(b, s, nil)
		signIn(b, d, node, n)
		drivers = append(drivers, d)
	}
	live := func(length time.Duration) { // as a hub does
		for end, step := time.Now().Add(length), drivertest.Lease/3; time.Now().Before(end); {
			for i, d := range drivers {
				r, err := d.Renew(b.Context(), hubbub.NodeStatus{Node: nodes[i]})
				if err != nil || r.Doubt {
					b.Fatal(r.Doubt, err)
				}
				if _, err := d.Reap(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			<-time.After(step)
		}
	}
	live(2 * drivertest.Lease)
	for range b.N {
		before := info(s, "total_commands_processed")
		begin := time.Now()
		live(watch)
		b.ReportMetric((info(s, "total_commands_processed")-before-2)/time.Since(begin).Seconds(), "commands/s")
	}
	b.ReportMetric(info(s, "used_memory")/2/n, "bytes/session")
}

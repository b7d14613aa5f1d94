package redis_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// BenchmarkPresent lists who is in a room with many people: a page of 50 from the middle, and the one name that tells that somebody is there.
func BenchmarkPresent(b *testing.B) {
	const room = "hall"
	s := testkit.NewRedis(b)
	d := openWith(b, redis.Options{Addrs: []string{s.Addr}, Grace: drivertest.Grace, Lease: time.Hour})
	if _, err := d.Renew(b.Context(), hubbub.NodeStatus{Node: "n"}); err != nil {
		b.Fatal(err)
	}
	in := 0
	for _, people := range []int{20_000, 100_000} {
		atOnce(people-in, func(i int) {
			user, id := fmt.Sprintf("user%06d", in+i), fmt.Sprint("session", in+i)
			r := hubbub.SessionRecord{ID: id, User: user, Device: "phone", Platform: "web", Node: "n", Info: []byte(`{"name":"Somebody"}`),
				Connected: time.Now(), Issued: time.Now(), Token: "token" + user, Address: "192.0.2.1:1234"}
			_, err := d.Open(b.Context(), r, hubbub.DeviceLimit{Max: 1})
			if err == nil {
				_, _, err = d.Enter(b.Context(), room, user, id)
			}
			if err != nil {
				b.Error(err)
			}
		})
		in = people
		for _, limit := range []int{50, 1} {
			b.Run(fmt.Sprintf("%d/page=%d", people, limit), func(b *testing.B) {
				used := serverCPU(s)
				for range b.N {
					page, err := d.Online(b.Context(), hubbub.Filter{Room: room}, fmt.Sprintf("user%06d", people/2), limit)
					if err != nil || page.Total != people || len(page.Users) != limit {
						b.Fatalf("%d of %d, %v", len(page.Users), page.Total, err)
					}
				}
				b.ReportMetric((serverCPU(s)-used)/float64(b.N)*1e6, "redis-cpu-us/op")
			})
		}
	}
	b.ReportMetric(info(s, "used_memory")/float64(in), "bytes/session")
}

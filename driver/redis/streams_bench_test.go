package redis_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// usage is what the server of all tests has spent on scripts, in seconds, and in all.
func usage(b *testing.B) (scripts, all float64) {
	b.Helper()
	for _, line := range strings.Split(fmt.Sprint(server.Do("INFO", "everything")), "\r\n") {
		var seconds float64
		var calls, us int64
		switch {
		case strings.HasPrefix(line, "cmdstat_evalsha:"):
			fmt.Sscanf(line, "cmdstat_evalsha:calls=%d,usec=%d", &calls, &us)
			scripts += float64(us) / 1e6
		case strings.HasPrefix(line, "used_cpu_user:"), strings.HasPrefix(line, "used_cpu_sys:"):
			_, text, _ := strings.Cut(line, ":")
			fmt.Sscan(text, &seconds)
			all += seconds
		}
	}
	return scripts, all
}

// BenchmarkPost posts room messages of 128 bytes with the usual history. How many wait at once decides how much a call to Redis costs each.
func BenchmarkPost(b *testing.B) {
	for _, rooms := range []int{1, 1000} {
		for _, at := range []int{1, 64, 512} {
			b.Run(fmt.Sprintf("rooms=%d/callers=%d", rooms, at), func(b *testing.B) {
				c := &chat{TB: b, Driver: open(b, nil), keep: hubbub.Retention{Messages: 1000, Bytes: 4 << 20, Age: 24 * time.Hour}}
				scripts, all := usage(b)
				var n atomic.Int64
				b.ResetTimer()
				b.SetParallelism((at + 1) / 2)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						i := n.Add(1)
						d := c.draft(hubbub.RoomStream(fmt.Sprint("room", i%int64(rooms))), fmt.Sprint("user", i%100), strings.Repeat("x", 126))
						if _, err := c.Post(b.Context(), d); err != nil {
							b.Error(err)
						}
					}
				})
				b.StopTimer()
				scripts2, all2 := usage(b)
				b.ReportMetric((scripts2-scripts)/float64(b.N)*1e6, "script-µs/op")
				b.ReportMetric((all2-all)/float64(b.N)*1e6, "redis-µs/op")
			})
		}
	}
}

// BenchmarkConversations lists the newest of somebody who talks with 10,000 others.
func BenchmarkConversations(b *testing.B) {
	c := &chat{TB: b, Driver: open(b, nil)}
	var wg sync.WaitGroup
	for w := range 50 {
		wg.Go(func() {
			for i := w; i < 10_000; i += 50 {
				c.say(hubbub.PairStream("ann", fmt.Sprint("peer", i)), "ann", i)
			}
		})
	}
	wg.Wait()
	for b.Loop() {
		page, err := c.Conversations(b.Context(), "ann", "", 50)
		if err != nil || len(page.Conversations) != 50 {
			b.Fatalf("%d are listed, %v", len(page.Conversations), err)
		}
	}
}

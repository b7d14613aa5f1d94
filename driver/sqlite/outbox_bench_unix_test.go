//go:build unix

package sqlite_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// BenchmarkOutbox takes items of 1,000 orders through their whole life: put some at a time, claimed 256 at once and settled so. The
// first has put all before it claims any, as when a target was away.
func BenchmarkOutbox(b *testing.B) {
	for _, atOnce := range []int{1, 16, 256} {
		for _, backlog := range []bool{false, true} {
			b.Run(fmt.Sprintf("put=%d/backlog=%v", atOnce, backlog), func(b *testing.B) { liveInOutbox(b, atOnce, backlog) })
		}
	}
}

func liveInOutbox(b *testing.B, atOnce int, backlog bool) {
	s := open(b, sqlite.Options{})
	payload := []byte(`{"type":"session.connected","data":{"text":"` + strings.Repeat("x", 300) + `"}}`)
	next := 0
	put := func(until int) {
		for next < until {
			items := make([]hubbub.OutboxItem, min(atOnce, until-next))
			for i := range items {
				items[i] = hubbub.OutboxItem{ID: fmt.Sprintf("item-%020d", next), Target: "hook", Order: fmt.Sprintf("user %d", next*7919%1000),
					Payload: payload, Time: time.Now()}
				next++
			}
			if err := s.Put(b.Context(), items); err != nil {
				b.Fatal(err)
			}
		}
	}
	const most = 256
	began := cpu()
	b.ResetTimer()
	if backlog {
		put(b.N)
	}
	for done := 0; done < b.N; {
		put(min(b.N, done+most))
		claimed, err := s.Claim(b.Context(), "hook", most, time.Minute)
		if err != nil || len(claimed) == 0 {
			b.Fatalf("claimed %d, %v", len(claimed), err)
		}
		settled := make([]hubbub.Settlement, len(claimed))
		for i, item := range claimed {
			settled[i] = hubbub.Settlement{Target: "hook", ID: item.ID}
		}
		if err := s.Settle(b.Context(), settled); err != nil {
			b.Fatal(err)
		}
		done += len(claimed)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "items/s")
	b.ReportMetric(float64((cpu()-began).Microseconds())/float64(b.N), "cpu-µs/item")
}

// cpu is the time that the process has spent until now.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

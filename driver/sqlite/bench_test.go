package sqlite_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// BenchmarkAppend is private messages of 64 senders, each of whom sends the next when the one before is on the disk: with
// commits that they share, and with one commit for each.
func BenchmarkAppend(b *testing.B) {
	for _, grouped := range []bool{true, false} {
		o := sqlite.Options{}
		if !grouped {
			o.MaxBatch = 1
		}
		for _, senders := range []int{64, 1} {
			b.Run(fmt.Sprintf("grouped=%v/senders=%d", grouped, senders), func(b *testing.B) { appendFrom(b, o, senders) })
		}
	}
}

func appendFrom(b *testing.B, o sqlite.Options, senders int) {
	s := open(b, o)
	data := json.RawMessage(`{"text":"` + fmt.Sprintf("%0100d", 0) + `"}`)
	var next atomic.Int64
	var slowest atomic.Int64
	before := s.Stats()
	b.ResetTimer()
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			stream := hubbub.PairStream(fmt.Sprint("user", sender), fmt.Sprint("peer", sender))
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				began := time.Now()
				_, err := s.Append(b.Context(), hubbub.Draft{
					Key: fmt.Sprint(i), Author: "device",
					Message: hubbub.Message{
						ID: fmt.Sprint("message", i), Stream: stream, Data: data, Time: time.Now(),
						From: hubbub.Sender{User: stream.Pair[1], Device: "device", Info: json.RawMessage(`{"name":"Ann"}`)},
					},
				})
				if err != nil {
					b.Error(err)
					return
				}
				for took := int64(time.Since(began)); took > slowest.Load(); {
					slowest.Store(took)
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	after := s.Stats()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	b.ReportMetric(float64(after.Writes-before.Writes)/float64(after.Commits-before.Commits), "writes/commit")
	b.ReportMetric(float64(slowest.Load())/1e6, "slowest-ms")
}

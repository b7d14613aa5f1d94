package postgres_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

// BenchmarkAppend has 64 senders append to one stream, to one each, and to one through two stores, as two nodes do.
func BenchmarkAppend(b *testing.B) {
	for _, bench := range []struct {
		name          string
		streams, many int
	}{{"one stream", 1, 1}, {"64 streams", 64, 1}, {"one stream, two nodes", 1, 2}} {
		b.Run(bench.name, func(b *testing.B) {
			url := server.Database(b, server.template)
			var stores []*postgres.Store
			for range bench.many {
				stores = append(stores, openWith(b, postgres.Options{URL: url, KeptPerSender: -1}))
			}
			var senders atomic.Int64
			data := json.RawMessage(fmt.Sprintf(`"%0128d"`, 1))
			b.SetParallelism(32) // times two processors
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				me := int(senders.Add(1))
				for n := 0; p.Next(); n++ {
					_, err := stores[me%len(stores)].Append(b.Context(), hubbub.Draft{
						Key: fmt.Sprint(n), Author: fmt.Sprint(me), Retention: hubbub.Retention{Messages: 10_000},
						Message: hubbub.Message{ID: fmt.Sprint(me, "-", n), Data: data, From: hubbub.Sender{User: fmt.Sprint("user", me)},
							Stream: hubbub.RoomStream(fmt.Sprint("room", me%bench.streams))}})
					if err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}

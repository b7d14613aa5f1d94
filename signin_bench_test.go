package hubbub_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
	"github.com/hubbub-dev/hubbub/driver/sqlite"
)

// BenchmarkSignIn has users sign in who were here before, 32 at a time, over a store on the disk, until all of it is told.
func BenchmarkSignIn(b *testing.B) {
	store, err := sqlite.Open(b.Context(), sqlite.Options{Path: b.TempDir() + "/hubbub.db"})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	for _, name := range []string{"first", "again"} {
		b.Run(name, func(b *testing.B) {
			h, err := hubbub.New(b.Context(), hubbub.Options{Driver: memory.New(memory.Options{}), Store: store,
				Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			b.SetParallelism(16) // of 2 cores
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := arrive(context.Background(), h, as(fmt.Sprint("user-", n.Add(1)))); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "µs-until-in/op")
			if err := h.Close(context.Background()); err != nil {
				b.Error(err)
			}
		})
	}
}

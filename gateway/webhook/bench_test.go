package webhook_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/webhook"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// BenchmarkDeliver measures deliveries to one local target in this process, from the sqlite store: of what waits already, and of
// what is put there meanwhile.
func BenchmarkDeliver(b *testing.B) {
	for _, users := range []int{10, 100, 10_000} {
		b.Run(fmt.Sprintf("waiting/users=%d", users), func(b *testing.B) { benchDeliver(b, users, false) })
		b.Run(fmt.Sprintf("coming/users=%d", users), func(b *testing.B) { benchDeliver(b, users, true) })
	}
}

func benchDeliver(b *testing.B, users int, coming bool) {
	var got atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		got.Add(1)
	}))
	defer server.Close()
	store := openStore(b, time.Now)
	s, err := webhook.New(webhook.Options{Outbox: store, Logger: slog.New(slog.DiscardHandler), Targets: []webhook.Target{
		{Name: "bench", URL: server.URL, Secrets: []string{secret}, AllowPrivate: true},
	}})
	if err != nil {
		b.Fatal(err)
	}
	put := func() {
		var items []hubbub.OutboxItem
		for i := range b.N {
			items = append(items, s.Report(hubbub.Transition{ID: fmt.Sprint("id", i), Kind: hubbub.SessionConnected,
				User: fmt.Sprint("user", i%users), Time: time.Now(), Session: hubbub.SessionRecord{
					ID: "3nQZV1sJbq0aXwTg", Device: "d1", Platform: "web", Info: []byte(`{"name":"Ann"}`), Connected: time.Now()}})...)
			if len(items) == 50 || i == b.N-1 {
				if err := store.Put(b.Context(), items); err != nil {
					b.Error(err)
				}
				items = nil
			}
		}
	}
	if !coming {
		put()
	}
	commits := store.Stats().Commits
	b.ResetTimer()
	s.Start()
	if coming {
		put()
	}
	testkit.Eventually(b, "all to be delivered", func() bool { return got.Load() >= int64(b.N) })
	b.ReportMetric(float64(got.Load())/b.Elapsed().Seconds(), "delivered/s")
	b.ReportMetric(float64(b.N)/float64(store.Stats().Commits-commits), "delivered/commit")
	b.StopTimer()
	if err := s.Close(b.Context()); err != nil {
		b.Error(err)
	}
}

package postgres_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

var payload = []byte(`{"type":"session.connected","data":{"text":"` + strings.Repeat("x", 300) + `"}}`)

// BenchmarkClaimAndSettle has 64 workers on two stores deliver what waits in 1,000 orders, each up to as many items at a time as it says. With
// a backlog there are a million items in 100,000 orders.
func BenchmarkClaimAndSettle(b *testing.B) {
	for _, atOnce := range []int{1, 16} {
		b.Run(fmt.Sprint("claim=", atOnce), func(b *testing.B) { claimAndSettle(b, openTwo(b, nil), atOnce, true) })
	}
	b.Run("claim=16/backlog", func(b *testing.B) {
		url := server.Database(b, server.template)
		fill(b, url)
		stores := [2]*postgres.Store{openWith(b, postgres.Options{URL: url}), openWith(b, postgres.Options{URL: url})}
		claimAndSettle(b, stores, 16, false)
	})
}

// fill makes the backlog of a target that was away.
func fill(b *testing.B, url string) {
	c, err := pgx.Connect(b.Context(), url)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close(b.Context())
	for _, text := range []string{
		`INSERT INTO hubbub.outbox (time, state, target, id, line, payload)
			SELECT 1, CASE WHEN n <= 100000 THEN 1 ELSE 0 END, 'hook', 'item' || n, 'user ' || n % 100000, repeat('x', 300)::bytea
			FROM generate_series(1, 1000000) AS n`,
		`INSERT INTO hubbub.outbox_lines SELECT 'hook', 'user ' || n FROM generate_series(0, 99999) AS n`,
		`ANALYZE`,
	} {
		if _, err := c.Exec(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
}

func claimAndSettle(b *testing.B, stores [2]*postgres.Store, atOnce int, put bool) {
	for n := 0; put && n < b.N; {
		items := make([]hubbub.OutboxItem, min(1000, b.N-n))
		for i := range items {
			items[i] = hubbub.OutboxItem{ID: fmt.Sprintf("item-%020d", n), Target: "hook", Order: fmt.Sprintf("user %d", n*7919%1000), Payload: payload}
			n++
		}
		if err := stores[0].Put(b.Context(), items); err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	var done atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for done.Load() < int64(b.N) {
				items, err := stores[i%2].Claim(b.Context(), "hook", atOnce, time.Minute)
				if err != nil {
					b.Error(err)
					return
				}
				settled := make([]hubbub.Settlement, len(items))
				for i, item := range items {
					settled[i] = hubbub.Settlement{Target: "hook", ID: item.ID}
				}
				if err := stores[i%2].Settle(b.Context(), settled); err != nil {
					b.Error(err)
					return
				}
				done.Add(int64(len(items)))
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(done.Load())/b.Elapsed().Seconds(), "items/s")
}

// BenchmarkRecord has two nodes tell of 15,000 sessions that a third one has lost, 500 transitions at a time, each with an item.
func BenchmarkRecord(b *testing.B) {
	const sessions = 15_000
	for range b.N {
		b.StopTimer()
		stores := openTwo(b, nil)
		s := hubbub.SessionRecord{Node: "lost", Device: "phone", Platform: "web", Connected: time.Now()}
		record(b, stores, sessions, func(i int) []hubbub.Transition {
			s := s
			s.ID, s.User = fmt.Sprint("s", i), fmt.Sprint("user", i)
			return []hubbub.Transition{{ID: "c" + s.ID, Kind: hubbub.SessionConnected, User: s.User, Session: s, Time: time.Now()}}
		})
		b.StartTimer()
		lost, err := stores[0].Lost(b.Context(), []string{"lost"}, time.Now())
		if err != nil || len(lost) != 2*sessions {
			b.Fatalf("lost are %d, %v", len(lost), err)
		}
		b.ReportMetric(b.Elapsed().Seconds(), "s/Lost")
		record(b, stores, sessions, func(i int) []hubbub.Transition { return lost[2*i : 2*i+2] })
	}
}

func record(b *testing.B, stores [2]*postgres.Store, n int, of func(i int) []hubbub.Transition) {
	var wg sync.WaitGroup
	for node, s := range stores {
		wg.Go(func() {
			var ts []hubbub.Transition
			for i := node; i < n; i += 2 {
				if ts = append(ts, of(i)...); len(ts) < 500 && i+2 < n {
					continue
				}
				items := make([]hubbub.OutboxItem, len(ts))
				for k, one := range ts {
					items[k] = hubbub.OutboxItem{ID: one.ID, Target: "hook", Order: "user " + one.User, Payload: payload}
				}
				if err := s.Record(b.Context(), ts, items); err != nil {
					b.Error(err)
				}
				ts = nil
			}
		})
	}
	wg.Wait()
}

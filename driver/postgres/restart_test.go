package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// records is where a store logs to.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *records) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

func (r *records) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *records) wait(t testing.TB, text string) {
	t.Helper()
	testkit.Eventually(t, "the log to say "+text, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return strings.Contains(r.text.String(), text)
	})
}

// TestRestartUnderLoad kills a server while many write to it, and starts it again. What was answered is there, once, in an order without
// holes; who has a key finds out about the rest; and all go on by themselves.
func TestRestartUnderLoad(t *testing.T) {
	t.Parallel()
	own := testkit.Postgres(t)
	o := postgres.Options{URL: own.URL("postgres"), MaxConns: 4, Exclusive: true, Logger: slog.New(slog.DiscardHandler)}
	s := openWith(t, o)
	const senders = 16
	room := hubbub.RoomStream("lobby")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var mu sync.Mutex
	accepted, refused := map[string]hubbub.Position{}, 0
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				d := hubbub.Draft{Key: fmt.Sprint(n), Author: fmt.Sprint(i), Message: hubbub.Message{
					ID: fmt.Sprint(i, "-", n), Stream: room, From: hubbub.Sender{User: fmt.Sprint("u", i)}, Data: json.RawMessage("1")}}
				for {
					began := time.Now()
					a, err := s.Append(t.Context(), d) // also after the end of ctx, so that each is known in the end
					if err == nil {
						mu.Lock()
						accepted[d.Message.ID] = a.Message.Position
						mu.Unlock()
						break
					}
					if e := hubbub.AsError(err); e.Reason != hubbub.Unavailable || time.Since(began) > 20*time.Second {
						t.Errorf("after %v the answer is %v", time.Since(began), err)
						return
					}
					mu.Lock()
					refused++
					mu.Unlock()
					_, _ = s.After(t.Context(), room, hubbub.Position{}, 1)
				}
			}
		})
	}
	count := func() (yes, no int) {
		mu.Lock()
		defer mu.Unlock()
		return len(accepted), refused
	}
	for range 2 {
		before, fails := count()
		testkit.Eventually(t, "messages", func() bool { yes, _ := count(); return yes > before+50 })
		own.Kill()
		testkit.Eventually(t, "refusals", func() bool { _, no := count(); return no > fails+20 })
		if err := own.Start(); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := count()
	testkit.Eventually(t, "messages", func() bool { yes, _ := count(); return yes > before+50 })
	stop()
	wg.Wait()
	compare(t, s, room, accepted)
}

// compare fails the test unless a stream has exactly what was accepted.
func compare(t *testing.T, s *postgres.Store, room hubbub.Stream, accepted map[string]hubbub.Position) {
	t.Helper()
	var at hubbub.Position
	found := 0
	for more := true; more; {
		page, err := s.After(t.Context(), room, at, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			found++
			if accepted[m.ID] != m.Position || m.Position.Offset != uint64(found) {
				t.Fatalf("message %d is %s at %v, and was accepted at %v", found, m.ID, m.Position, accepted[m.ID])
			}
			at = m.Position
		}
		more = page.More
	}
	if found != len(accepted) {
		t.Fatalf("%d messages are there, and %d were accepted", found, len(accepted))
	}
}

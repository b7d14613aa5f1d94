package httpapi_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

func TestRepliesAreRemembered(t *testing.T) {
	secret, key := newKey(t, "other", httpapi.Admin)
	s := start(t, set{api: httpapi.Options{Keys: []httpapi.Key{key}}})
	ann := s.sit(hubbub.Identity{User: "ann", Device: "phone"})
	const body = `{"data": 1}`
	first := ok[httpapi.Sent](s, "POST", "/broadcast", body, "Idempotency-Key", "k")
	for _, header := range [][]string{{"Idempotency-Key", "k"}, {"Idempotency-Key", `"k"`}} {
		if again := ok[httpapi.Sent](s, "POST", "/broadcast", body, header...); again != first {
			t.Errorf("%v answers %v, want %v", header, again, first)
		}
	}
	s.refuse(refused{409, hubbub.Conflict, "another call"}, "POST", "/broadcast", `{"data": 2}`, "Idempotency-Key", "k")
	s.refuse(refused{409, hubbub.Conflict, "another call"}, "POST", "/users/ann/messages", body, "Idempotency-Key", "k")
	s.refuse(refused{422, hubbub.Invalid, "64"}, "POST", "/broadcast", body, "Idempotency-Key", strings.Repeat("k", 65))
	s.refuse(refused{422, hubbub.Invalid, "control"}, "POST", "/broadcast", body, "Idempotency-Key", "a\tb")
	// What the caller did wrong stays wrong, whatever is right now.
	s.refuse(refused{404, hubbub.NotFound, "not online"}, "POST", "/users/bob/messages", body, "Idempotency-Key", "b")
	s.sit(hubbub.Identity{User: "bob", Device: "phone"})
	s.refuse(refused{404, hubbub.NotFound, "not online"}, "POST", "/users/bob/messages", body, "Idempotency-Key", "b")
	if sent := ok[httpapi.Sent](s, "POST", "/broadcast", `{"data": 3}`, "Idempotency-Key", "k", "Authorization", "Bearer "+secret); sent == first {
		t.Error("another API key gets the reply of the first")
	}
	for _, want := range []string{"broadcast 1", "broadcast 3"} {
		if got := ann.gets(t); got != want {
			t.Errorf("ann gets %s, want %s", got, want)
		}
	}
}

// heldDriver fails to say how users are, or waits before it does.
type heldDriver struct {
	hubbub.Driver
	calls atomic.Int32
	wait  chan struct{}
}

func (d *heldDriver) Presences(ctx context.Context, users []string) ([]hubbub.Presence, error) {
	if d.calls.Add(1) == 1 {
		return nil, errors.New("not today")
	}
	<-d.wait
	return d.Driver.Presences(ctx, users)
}

// TestIdempotencyKeyOfCallsInFlight sends a call many times at once, after it has failed.
func TestIdempotencyKeyOfCallsInFlight(t *testing.T) {
	d := &heldDriver{wait: make(chan struct{})}
	s := start(t, set{broken: func(inner hubbub.Driver) hubbub.Driver { d.Driver = inner; return d }})
	const body = `{"users": ["ann"], "data": 1}`
	s.refuse(refused{503, hubbub.Unavailable, ""}, "POST", "/messages", body, "Idempotency-Key", "k")
	var replies sync.Map
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			replies.Store(ok[httpapi.SentToUsers](s, "POST", "/messages", body, "Idempotency-Key", "k").ID, true)
		})
	}
	testkit.Eventually(t, "the call", func() bool { return d.calls.Load() == 2 })
	close(d.wait)
	all.Wait()
	n := 0
	replies.Range(func(any, any) bool { n++; return true })
	if n != 1 || d.calls.Load() != 2 {
		t.Errorf("the call was made %d times, with %d ids", d.calls.Load()-1, n)
	}
}

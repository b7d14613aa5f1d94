package httpapi_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/httpapi"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// scratch keeps things for ever, for the APIs of a test.
type scratch struct {
	mu     sync.Mutex
	values map[string][]byte
	away   atomic.Bool
	deaf   atomic.Bool // Put works, but its answer is lost
}

var errAway = &hubbub.Error{Reason: hubbub.Unavailable, Message: "the nodes' memory is away; try again"}

func (s *scratch) Put(_ context.Context, name string, value []byte, _ time.Duration) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away.Load() {
		return nil, errAway
	}
	before := s.values[name]
	if before == nil {
		s.values[name] = value
	}
	if s.deaf.Swap(false) {
		return nil, errAway
	}
	return before, nil
}

func (s *scratch) Set(_ context.Context, name string, value []byte, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away.Load() {
		return errAway
	}
	s.values[name] = value
	return nil
}

func (s *scratch) Take(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away.Load() {
		return nil, errAway
	}
	value := s.values[name]
	delete(s.values, name)
	return value, nil
}

// TestRepliesOfOtherNodes sends the same calls to two APIs.
func TestRepliesOfOtherNodes(t *testing.T) {
	shared := &scratch{values: map[string][]byte{}}
	one := start(t, set{api: httpapi.Options{Scratch: shared}})
	other := start(t, set{api: httpapi.Options{Scratch: shared}})
	bob := other.sit(hubbub.Identity{User: "bob", Device: "phone"})
	const body = `{"data": 1}`
	first := ok[httpapi.Sent](one, "POST", "/broadcast", body, "Idempotency-Key", "k")
	for _, s := range []*stand{other, one, other} {
		if again := ok[httpapi.Sent](s, "POST", "/broadcast", body, "Idempotency-Key", "k"); again != first {
			t.Errorf("repeated it answers %v, want %v", again, first)
		}
	}
	other.refuse(refused{409, hubbub.Conflict, "another call"}, "POST", "/broadcast", `{"data": 2}`, "Idempotency-Key", "k")
	// What was wrong for good at one node is at the other, where it would not be.
	one.refuse(refused{404, hubbub.NotFound, "not online"}, "POST", "/users/bob/messages", body, "Idempotency-Key", "b")
	other.refuse(refused{404, hubbub.NotFound, "not online"}, "POST", "/users/bob/messages", body, "Idempotency-Key", "b")
	ok[httpapi.Sent](other, "POST", "/broadcast", `{"data": 3}`, "Idempotency-Key", "c")
	if got := bob.gets(t); got != "broadcast 3" {
		t.Errorf("bob gets %s, though what was made at the other node is not made again", got)
	}
}

// TestCallsInFlightAtOtherNodes sends a call to two APIs while it is being made, after it has failed.
func TestCallsInFlightAtOtherNodes(t *testing.T) {
	shared := &scratch{values: map[string][]byte{}}
	d := &heldDriver{wait: make(chan struct{})}
	one := start(t, set{api: httpapi.Options{Scratch: shared}, broken: func(inner hubbub.Driver) hubbub.Driver { d.Driver = inner; return d }})
	other := start(t, set{api: httpapi.Options{Scratch: shared, Timeout: 50 * time.Millisecond}})
	patient := start(t, set{api: httpapi.Options{Scratch: shared}})
	const body = `{"users": ["ann"], "data": 1}`
	one.refuse(refused{503, hubbub.Unavailable, ""}, "POST", "/messages", body, "Idempotency-Key", "k")
	ids := make(chan string, 2)
	var all sync.WaitGroup
	all.Go(func() { ids <- ok[httpapi.SentToUsers](one, "POST", "/messages", body, "Idempotency-Key", "k").ID })
	testkit.Eventually(t, "the call", func() bool { return d.calls.Load() == 2 })
	other.refuse(refused{503, hubbub.Unavailable, "being made for too long"}, "POST", "/messages", body, "Idempotency-Key", "k")
	all.Go(func() { ids <- ok[httpapi.SentToUsers](patient, "POST", "/messages", body, "Idempotency-Key", "k").ID })
	close(d.wait)
	all.Wait()
	if a, b := <-ids, <-ids; a != b || d.calls.Load() != 2 {
		t.Errorf("the call was made %d times, and answered %s and %s", d.calls.Load()-1, a, b)
	}
}

// TestNodesCannotAgree has what the nodes share fail.
func TestNodesCannotAgree(t *testing.T) {
	shared := &scratch{values: map[string][]byte{}}
	s := start(t, set{api: httpapi.Options{Scratch: shared}})
	const body = `{"data": 1}`
	shared.away.Store(true)
	s.refuse(refused{503, hubbub.Unavailable, "away"}, "POST", "/broadcast", body, "Idempotency-Key", "k")
	ok[httpapi.Sent](s, "POST", "/broadcast", body) // without a key there is nothing to agree on
	shared.away.Store(false)
	shared.deaf.Store(true)
	s.refuse(refused{503, hubbub.Unavailable, "away"}, "POST", "/broadcast", body, "Idempotency-Key", "k")
	ok[httpapi.Sent](s, "POST", "/broadcast", body, "Idempotency-Key", "k")
	if strings.Contains(s.log.String(), "not kept for other nodes") {
		t.Error("it says that a reply is not kept, which is")
	}
}

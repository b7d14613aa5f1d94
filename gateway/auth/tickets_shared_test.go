package auth_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/auth"
)

// scratch keeps things for ever, for all nodes of a test.
type scratch struct {
	mu     sync.Mutex
	values map[string][]byte
}

func (s *scratch) Put(context.Context, string, []byte, time.Duration) ([]byte, error) {
	panic("tickets have no use for it")
}

func (s *scratch) Set(_ context.Context, name string, value []byte, _ time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[name] = value
	return nil
}

func (s *scratch) Take(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value := s.values[name]
	delete(s.values, name)
	return value, nil
}

func TestTicketsOfOtherNodes(t *testing.T) {
	clock := newClock()
	shared := &scratch{values: map[string][]byte{}}
	node := func() *auth.Tickets { return auth.NewTickets(auth.NewSharedTickets(shared, clock.Now), clock.Now) }
	one, other := node(), node()
	for _, want := range []hubbub.Identity{
		{User: "ann", Issued: clock.Now()},
		{User: "bob", Device: "d1", Platform: "ios", Info: json.RawMessage(`{"name":"Bob"}`), Attrs: map[string]string{"plan": "pro"},
			Rooms: hubbub.Permissions{Join: []string{"a*"}, Send: []string{"b"}}, Issued: clock.Now(), Expires: clock.Now().Add(time.Hour),
			Token: "t", Anonymous: true},
	} {
		ticket, _, err := one.Issue(t.Context(), want, 0)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range shared.values {
			if strings.Contains(name+string(value), ticket) {
				t.Error("whoever reads what nodes share can sign in with it")
			}
		}
		got, err := other.Redeem(t.Context(), ticket)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Issued.Equal(want.Issued) || !got.Expires.Equal(want.Expires) {
			t.Errorf("issued %s, expires %s; want %s and %s", got.Issued, got.Expires, want.Issued, want.Expires)
		}
		got.Issued, got.Expires = want.Issued, want.Expires
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		for _, node := range []*auth.Tickets{one, other} {
			if _, err := node.Redeem(t.Context(), ticket); reason(err) != hubbub.Unauthorized {
				t.Errorf("again: %v", err)
			}
		}
	}
	late, _, err := one.Issue(t.Context(), hubbub.Identity{User: "ann"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	clock.Add(time.Minute)
	if _, err := other.Redeem(t.Context(), late); reason(err) != hubbub.Unauthorized {
		t.Errorf("after its time: %v", err)
	}
}

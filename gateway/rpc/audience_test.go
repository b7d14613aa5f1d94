package rpc_test

import (
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/gateway/rpc"
)

// TestOneOfManySessionsJoins has a user whose sessions are all left out of what is told, and more than there are in the room.
func TestOneOfManySessionsJoins(t *testing.T) {
	var counts []int
	count := func(n int) { counts = append(counts, n) }
	inBubble(t, hubbub.Options{}, rpc.Options{Delivered: count}, func(t *testing.T, s *server) {
		s.connect(t, "user=bob&device=d1")
		s.connect(t, "user=bob&device=d2")
		c := s.connect(t, "user=bob&device=d3")
		c.call("room.join", `{"room":"lobby"}`)
		c.call("typing", `{"room":"lobby"}`)
		for _, n := range counts {
			if n < 0 {
				t.Errorf("an event was given to %d conns", n)
			}
		}
		if len(counts) == 0 {
			t.Error("nothing was counted")
		}
	})
}

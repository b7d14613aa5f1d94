package postgres_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres"
)

// TestSeveralNodesShareAStream has two stores append to one stream while both trim and erase somebody else, and everybody reads: each key
// makes one message, each process is told of its messages in their order, and no reader sees an offset before those below it.
func TestSeveralNodesShareAStream(t *testing.T) {
	t.Parallel()
	url := server.take(t)
	room := hubbub.RoomStream("lobby")
	const nodes, senders, each = 2, 8, 40
	var wg, readers sync.WaitGroup
	done := make(chan struct{})
	var mu sync.Mutex
	ids := map[string]string{} // by key
	fresh := 0
	for node := range nodes {
		s := openWith(t, postgres.Options{URL: url, MaxConns: 6})
		last := uint64(0) // guarded by the promise that Accepted is called in order, which the race detector looks at
		accepted := func(a hubbub.Appended) {
			if a.Message.Position.Offset <= last {
				t.Errorf("node %d is told of %d after %d", node, a.Message.Position.Offset, last)
			}
			last = a.Message.Position.Offset
		}
		for i := range senders {
			wg.Go(func() {
				for n := range each {
					key := fmt.Sprint(i, "-", n) // also used by the other node
					a, err := s.Append(t.Context(), hubbub.Draft{Key: key, Author: "all", Accepted: accepted, Message: hubbub.Message{
						ID: fmt.Sprint(node, key), Stream: room, From: hubbub.Sender{User: "ann"}, Data: json.RawMessage("1")}})
					mu.Lock()
					if id, known := ids[key]; err != nil || known && id != a.Message.ID {
						t.Errorf("%s is %s and %s, %v", key, id, a.Message.ID, err)
					}
					ids[key] = a.Message.ID
					if !a.Repeated {
						fresh++
					}
					mu.Unlock()
				}
			})
		}
		wg.Go(func() { disturb(t, s, node, 10) })
		readers.Go(func() { follow(t, s, room, done) })
	}
	wg.Wait()
	close(done)
	readers.Wait()
	if fresh != senders*each {
		t.Errorf("%d messages are new, want %d", fresh, senders*each)
	}
}

// TestTwoNodesBeginAStream has two stores use the same key in streams that are not there yet.
func TestTwoNodesBeginAStream(t *testing.T) {
	t.Parallel()
	o := postgres.Options{URL: server.take(t), MaxConns: 4}
	stores := []*postgres.Store{openWith(t, o), openWith(t, o)}
	for i := range 50 {
		ids := make([]string, len(stores))
		var wg sync.WaitGroup
		for node, s := range stores {
			wg.Go(func() {
				a, err := s.Append(t.Context(), hubbub.Draft{Key: "k", Author: "ann", Message: hubbub.Message{
					ID: fmt.Sprint(node), Stream: hubbub.RoomStream(fmt.Sprint("room", i)), Data: json.RawMessage("1")}})
				if err != nil {
					t.Error(err)
				}
				ids[node] = a.Message.ID
			})
		}
		wg.Wait()
		if ids[0] != ids[1] {
			t.Fatalf("the key of room %d is two messages", i)
		}
	}
}

// disturb drops and erases what a node has nothing to do with.
func disturb(t *testing.T, s *postgres.Store, node, times int) {
	pair := hubbub.PairStream("bob", fmt.Sprint("cid", node))
	for range times {
		for _, keep := range []int{0, 1} {
			_, err := s.Append(t.Context(), hubbub.Draft{Retention: hubbub.Retention{Messages: keep}, Message: hubbub.Message{
				Stream: pair, From: hubbub.Sender{User: "bob"}, Data: json.RawMessage("1")}})
			if err != nil {
				t.Error(err)
			}
		}
		if _, err := s.Trim(t.Context(), 10); err != nil {
			t.Error(err)
		}
		if _, err := s.Erase(t.Context(), "bob"); err != nil {
			t.Error(err)
		}
	}
}

// follow reads a stream as it grows.
func follow(t *testing.T, s *postgres.Store, room hubbub.Stream, done chan struct{}) {
	var at hubbub.Position
	for ended := false; ; {
		page, err := s.After(t.Context(), room, at, 50)
		if err != nil || !page.Complete {
			t.Errorf("after %v the page is %+v, %v", at, page, err)
			return
		}
		for _, m := range page.Messages {
			if m.Position.Offset != at.Offset+1 {
				t.Errorf("after %v comes %v", at, m.Position)
			}
			at = m.Position
		}
		if ended && !page.More {
			return
		}
		select {
		case <-done:
			ended = true
		default:
		}
	}
}

// TestSeveralNodesOpenAtOnce has them all make the tables.
func TestSeveralNodesOpenAtOnce(t *testing.T) {
	t.Parallel()
	url := server.Database(t, "")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := postgres.Open(t.Context(), postgres.Options{URL: url, Schema: `odd "name"; of`, MaxConns: 2})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, err := s.SetMember(t.Context(), "room", hubbub.Member{User: "ann", Role: hubbub.RoleOwner}, false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

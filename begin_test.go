package hubbub_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

// far is a driver that accepts what was begun when the test says so, and publishes it after who has sent it was told.
type far struct {
	hubbub.Driver
	mu    sync.Mutex
	begun []func() hubbub.Posted
}

// BeginPost implements [hubbub.Pipeline].
func (f *far) BeginPost(ctx context.Context, d hubbub.Draft, done func(hubbub.Appended, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.begun = append(f.begun, func() hubbub.Posted {
		a, err := f.Append(ctx, d)
		done(a, err)
		return hubbub.Posted{Message: a.Message, Previous: a.Previous}
	})
}

// accept accepts all that was begun, and has the bus bring it.
func (f *far) accept() (brought <-chan error) {
	f.mu.Lock()
	begun := f.begun
	f.begun = nil
	f.mu.Unlock()
	var posted []hubbub.Posted
	for _, accept := range begun {
		posted = append(posted, accept())
	}
	result := make(chan error, 1)
	go func() {
		var err error
		for _, p := range posted {
			err = errors.Join(err, f.Publish(context.Background(), hubbub.Topic{Kind: hubbub.TopicRoom, Name: p.Message.Stream.Room}, p))
		}
		result <- err
	}()
	return result
}

// TestOrderWhereNothingIsKept has messages with a key, which is kept, and without one begun in turns.
func TestOrderWhereNothingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &far{Driver: memory.New(memory.Options{})}
		h := start(t, hubbub.Options{Driver: d, Rooms: []hubbub.RoomRule{{Match: "*", History: hubbub.HistoryNone}}})
		ann := open(t, h, "ann")
		ann.join(t, "lobby", nil)
		for i, key := range []string{"k1", "", "k2", ""} {
			m := text(string(rune('a' + i)))
			m.Key = key
			ann.BeginSendRoom(t.Context(), "lobby", m, func(_ hubbub.Message, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := <-d.accept(); err != nil {
			t.Error(err)
		}
		if got := heard(ann); len(got) != 4 || got[0] != `"a"` || got[1] != `"b"` || got[2] != `"c"` || got[3] != `"d"` {
			t.Errorf("ann heard %s", got)
		}
	})
}

// narrow is a transport whose audiences have room for nothing while it is full, and whoever delivers to them then waits.
type narrow struct {
	wire
	full    atomic.Bool
	emptied chan struct{}
	waits   chan struct{} // somebody does
}

type narrowAudience struct {
	hubbub.Audience
	of *narrow
}

func (n *narrow) Audience(name string, slow hubbub.SlowPolicy) hubbub.Audience {
	return narrowAudience{n.wire.Audience(name, slow), n}
}

// HasRoom implements hubbub.Roomy.
func (a narrowAudience) HasRoom(int) bool { return !a.of.full.Load() }

func (a narrowAudience) Deliver(e hubbub.Event, except []hubbub.Conn) {
	if a.of.full.Load() {
		a.of.waits <- struct{}{}
		<-a.of.emptied
	}
	a.Audience.Deliver(e, except)
}

// TestAFullRoomKeepsNobodyWaiting says that who tells what has become of messages, of all rooms, does not wait for those who are to get one:
// neither when their audience is full nor while somebody else waits for it.
func TestAFullRoomKeepsNobodyWaiting(t *testing.T) {
	d := &far{Driver: memory.New(memory.Options{})}
	h := start(t, hubbub.Options{Driver: d})
	full := &narrow{emptied: make(chan struct{}), waits: make(chan struct{}, 10)}
	l := &line{}
	s, err := h.Open(t.Context(), hubbub.Arrival{Identity: as("ann"), Conn: l, Transport: full})
	if err != nil {
		t.Fatal(err)
	}
	ann := client{s, l}
	ann.join(t, "lobby", nil)
	full.full.Store(true)
	for i := range 2 {
		var told atomic.Bool
		ann.BeginSendRoom(t.Context(), "lobby", text(string(rune('a'+i))), func(_ hubbub.Message, err error) {
			if err != nil {
				t.Error(err)
			}
			told.Store(true)
		})
		accepted := make(chan (<-chan error), 1)
		go func() { accepted <- d.accept() }()
		select {
		case <-accepted:
		case <-time.After(10 * time.Second):
			close(full.emptied)
			t.Fatalf("message %d waits for its audience", i)
		}
		if !told.Load() {
			t.Errorf("nobody was told of message %d", i)
		}
		if i == 0 {
			<-full.waits // the bus has brought it
		}
	}
	full.full.Store(false)
	close(full.emptied)
	deadline := time.Now().Add(10 * time.Second)
	for {
		l.mu.Lock()
		var got []string
		for _, e := range l.events {
			if p, ok := e.(hubbub.Posted); ok {
				got = append(got, string(p.Message.Data))
			}
		}
		l.mu.Unlock()
		if len(got) == 2 && got[0] == `"a"` && got[1] == `"b"` {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("ann heard %s", got)
		}
		time.Sleep(time.Millisecond)
	}
}

package hubbub_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

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

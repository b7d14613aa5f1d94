package hubbub_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/memory"
)

// hooked is a driver that does something before a call is passed on, where a hook is set; an error of it is the call's.
// Poster is not passed on.
type hooked struct {
	hubbub.Driver
	open, before, presences, subscribe func() error
	released                           atomic.Int32 // calls of Release
}

func call(hook func() error) error {
	if hook == nil {
		return nil
	}
	return hook()
}

func (d *hooked) Open(ctx context.Context, s hubbub.SessionRecord, l hubbub.DeviceLimit) (hubbub.Opened, error) {
	if err := call(d.open); err != nil {
		return hubbub.Opened{}, err
	}
	return d.Driver.Open(ctx, s, l)
}

func (d *hooked) Before(ctx context.Context, s hubbub.Stream, p hubbub.Position, limit int) (hubbub.Page, error) {
	if err := call(d.before); err != nil {
		return hubbub.Page{}, err
	}
	return d.Driver.Before(ctx, s, p, limit)
}

func (d *hooked) Presences(ctx context.Context, users []string) ([]hubbub.Presence, error) {
	if err := call(d.presences); err != nil {
		return nil, err
	}
	return d.Driver.Presences(ctx, users)
}

func (d *hooked) Subscribe(ctx context.Context, t hubbub.Topic, s hubbub.Subscriber) (func(), error) {
	if err := call(d.subscribe); err != nil {
		return nil, err
	}
	return d.Driver.Subscribe(ctx, t, s)
}

func (d *hooked) Release(ctx context.Context, node string) ([]hubbub.Transition, error) {
	d.released.Add(1)
	return d.Driver.Release(ctx, node)
}

var errAway = errors.New("the driver is away")

// TestConnIsLostWhileItJoins holds up the history until the conn is gone: nothing of the room may be left behind.
func TestConnIsLostWhileItJoins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &hooked{Driver: memory.New(memory.Options{})}
		h := start(t, hubbub.Options{Driver: d})
		ann := open(t, h, "ann")
		d.before = func() error {
			ann.Closed()
			return nil
		}
		// Whether the call fails does not matter: nobody waits for its answer.
		_ = ann.Join(t.Context(), "lobby", hubbub.JoinOptions{}, func(hubbub.JoinResult) {})
		synctest.Wait()
		if n := h.Rooms(); n != 0 {
			t.Errorf("the hub holds %d rooms, and has no session", n)
		}
		err := ann.Join(t.Context(), "lobby", hubbub.JoinOptions{}, func(hubbub.JoinResult) {})
		wantReason(t, err, hubbub.NotFound)
		err = ann.Watch(t.Context(), []string{"bob"}, func([]hubbub.Presence) {})
		wantReason(t, err, hubbub.NotFound)
		wantReason(t, errorOf(ann.Refresh(t.Context(), as("ann"))), hubbub.NotFound)
	})
}

func errorOf(_ []string, err error) error { return err }

// bell is a line that tells when it is closed.
type bell struct {
	line
	closing chan struct{}
}

func (b *bell) Close(why hubbub.EndReason, retry hubbub.Retry) {
	b.line.Close(why, retry)
	close(b.closing)
}

// TestHubIsClosedWhileASessionOpens closes the hub in the middle of Open, which succeeds or fails afterwards.
func TestHubIsClosedWhileASessionOpens(t *testing.T) {
	for _, c := range []struct {
		early bool // in the first call of the driver rather than the second
		fails error
	}{{true, nil}, {true, errAway}, {false, nil}, {false, errAway}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) { closeDuringOpen(t, c.early, c.fails) })
	}
}

func closeDuringOpen(t *testing.T, early bool, fails error) {
	d := &hooked{Driver: memory.New(memory.Options{})}
	h, err := hubbub.New(t.Context(), hubbub.Options{Driver: d})
	if err != nil {
		t.Fatal(err)
	}
	conn := &bell{closing: make(chan struct{})}
	closed := make(chan error, 1)
	during := func() error {
		go func() { closed <- h.Close(context.Background()) }()
		<-conn.closing
		return fails
	}
	if early {
		d.subscribe = during
	} else {
		d.open = during
	}
	s, err := h.Open(t.Context(), hubbub.Arrival{Identity: as("ann"), Conn: conn, Transport: wire{}})
	ann := client{s, &conn.line}
	if !errors.Is(err, fails) {
		t.Errorf("Open: %v, want %v", err, fails)
	}
	if err == nil {
		ann.Closed()
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if why := ann.closed(); why != hubbub.EndDraining {
		t.Errorf("the conn was closed: %q", why)
	}
	records, err := d.SessionsOf(t.Context(), "ann")
	if err != nil || len(records) != 0 || h.Len() != 0 {
		t.Errorf("left: %v, %v, and %d sessions of the hub", records, err, h.Len())
	}
}

// TestClosingTellsWhatHasEnded lets the receiver of transitions work with its context, as one that writes to a database does.
func TestClosingTellsWhatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var took []string
		h, err := hubbub.New(t.Context(), hubbub.Options{
			Driver: memory.New(memory.Options{}),
			OnTransition: func(ctx context.Context, tr hubbub.Transition) error {
				select {
				case <-time.After(time.Millisecond):
				case <-ctx.Done():
					return ctx.Err()
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, fmt.Sprint(tr.Kind, " ", tr.Why))
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		open(t, h, "ann")
		if err := h.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		want := "[session.connected  user.online  session.disconnected draining]"
		if got := fmt.Sprint(took); got != want {
			t.Errorf("told\n%s, want\n%s", got, want)
		}
	})
}

// TestFailedStartGivesTheLeaseBack makes the second step of New fail.
func TestFailedStartGivesTheLeaseBack(t *testing.T) {
	d := &hooked{Driver: memory.New(memory.Options{}), subscribe: func() error { return errAway }}
	if _, err := hubbub.New(t.Context(), hubbub.Options{Driver: d}); !errors.Is(err, errAway) {
		t.Errorf("New: %v", err)
	}
	if n := d.released.Load(); n != 1 {
		t.Errorf("the lease was given back %d times", n)
	}
}

// TestFailedJoinIsToldInFull has the history fail: those in the room must not hear of somebody leaving who never came.
func TestFailedJoinIsToldInFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &hooked{Driver: memory.New(memory.Options{})}
		h := start(t, hubbub.Options{Driver: d})
		ann, bob := open(t, h, "ann"), open(t, h, "bob")
		bob.join(t, "lobby", nil)
		bob.say(t, "lobby", "anybody?")
		d.before = func() error { return errAway }
		err := ann.Join(t.Context(), "lobby", hubbub.JoinOptions{}, func(hubbub.JoinResult) { t.Error("replied") })
		if !errors.Is(err, errAway) {
			t.Errorf("Join: %v", err)
		}
		came, left := told[hubbub.Joined](bob), told[hubbub.Left](bob)
		if len(came) != len(left) {
			t.Errorf("Bob was told %d times that Ann came, and %d times that she left", len(came), len(left))
		}
		d.before = nil
		ann.join(t, "lobby", nil)
		if r := bob.join(t, "lobby", nil); r.Present != 2 {
			t.Errorf("%d are in the room", r.Present)
		}
	})
}

// TestPresenceIsToldWhenTheDriverIsBack has the driver fail at the moment when a watched user comes.
func TestPresenceIsToldWhenTheDriverIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &hooked{Driver: memory.New(memory.Options{})}
		h := start(t, hubbub.Options{Driver: d})
		bob := open(t, h, "bob")
		if err := bob.Watch(t.Context(), []string{"ann"}, func([]hubbub.Presence) {}); err != nil {
			t.Fatal(err)
		}
		var away atomic.Bool
		away.Store(true)
		d.presences = func() error {
			if away.Load() {
				return errAway
			}
			return nil
		}
		open(t, h, "ann")
		pass(time.Second)
		away.Store(false)
		pass(10 * time.Second)
		if changed := told[hubbub.PresenceChanged](bob); len(changed) != 1 || !changed[0].Presence.Online {
			t.Errorf("Bob was told %+v", changed)
		}
	})
}

// TestUnwatchDuringWatch ends the watching of a user while another call begins it: the calls take effect one after the
// other, so that nothing is left of the watch.
func TestUnwatchDuringWatch(t *testing.T) {
	d := &hooked{Driver: memory.New(memory.Options{})}
	h := start(t, hubbub.Options{Driver: d})
	ann := open(t, h, "ann")
	ended := make(chan struct{})
	d.presences = func() error {
		d.presences = nil
		go func() {
			ann.Unwatch([]string{"bob"})
			close(ended)
		}()
		select {
		case <-ended: // it must not be, but if it is the test fails at once
		case <-time.After(20 * time.Millisecond):
		}
		return nil
	}
	if err := ann.Watch(t.Context(), []string{"bob"}, func([]hubbub.Presence) {}); err != nil {
		t.Fatal(err)
	}
	<-ended
	var again bool
	d.subscribe = func() error {
		again = true
		return nil
	}
	if err := ann.Watch(t.Context(), []string{"bob"}, func([]hubbub.Presence) {}); err != nil || !again {
		t.Errorf("Ann still watched Bob, %v", err)
	}
}

// TestRefreshDuringSends is for the race detector.
func TestRefreshDuringSends(t *testing.T) {
	h := start(t, hubbub.Options{Rooms: []hubbub.RoomRule{{Match: "*", Rate: hubbub.Rate{PerSecond: 1e6, Burst: 1e6}}}})
	ann := open(t, h, "ann")
	ann.join(t, "lobby", nil)
	var both sync.WaitGroup
	both.Go(func() {
		for range 300 {
			ann.say(t, "lobby", "hello")
		}
	})
	both.Go(func() {
		for range 300 {
			if left, err := ann.Refresh(t.Context(), as("ann")); err != nil || len(left) > 0 {
				t.Errorf("Refresh: %v, %v", left, err)
			}
		}
	})
	both.Wait()
}

// lossy is a driver that publishes only what its filter lets through.
type lossy struct {
	hubbub.Driver
	lets func(hubbub.Posted) bool
}

func (d *lossy) Publish(ctx context.Context, t hubbub.Topic, e hubbub.Event) error {
	if p, ok := e.(hubbub.Posted); ok && !d.lets(p) {
		return nil
	}
	return d.Driver.Publish(ctx, t, e)
}

// TestPrivateMessagesAfterAGap loses more of a pair than is kept: what is kept arrives, and last of all the newest.
func TestPrivateMessagesAfterAGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := func(p hubbub.Posted) bool {
			var n int
			return json.Unmarshal(p.Message.Data, &n) == nil && (n == 0 || n == 9)
		}
		d := &lossy{memory.New(memory.Options{}), lost}
		h := start(t, hubbub.Options{Driver: d, Private: hubbub.PrivateRule{Retention: hubbub.Retention{Messages: 3}}})
		ann, bob := open(t, h, "ann"), open(t, h, "bob")
		for n := range 10 {
			if _, err := ann.SendUser(t.Context(), "bob", hubbub.Outgoing{Data: json.RawMessage(fmt.Sprint(n))}); err != nil {
				t.Fatal(err)
			}
		}
		if got := fmt.Sprint(heard(bob)); got != "[0 7 8 9]" {
			t.Errorf("Bob got %s", got)
		}
	})
}

package hubbub_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/fleet"
)

// TestWhoComesBackAfterAnEndThatTheRegistryHasLost: it takes the user for online, and the store does not.
func TestWhoComesBackAfterAnEndThatTheRegistryHasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, told := newArchive(), &herald{}
		_, a, b := nodes(t, hubbub.Options{Store: store, OnTransition: told.tell, Grace: grace})
		phone := open(t, a.Hub, "ann")
		pass(time.Second)
		online := told.id(hubbub.UserOnline)
		phone.Closed()
		pass(time.Second)
		offline := hubbub.Transition{ID: hubbub.TransitionID(hubbub.UserOffline, "ann", online), Kind: hubbub.UserOffline, User: "ann",
			Time: time.Now()}
		if err := store.Record(t.Context(), []hubbub.Transition{offline}, nil); err != nil { // by a node whose decision is lost
			t.Fatal(err)
		}
		laptop := open(t, b.Hub, "ann")
		pass(time.Second)
		if id := told.id(hubbub.UserOnline); id == online {
			t.Error("ann, who was told to be offline, comes back, and nobody is told")
		}
		again := told.id(hubbub.UserOnline)
		laptop.Closed()
		pass(grace + lease)
		if got, want := told.id(hubbub.UserOffline), hubbub.TransitionID(hubbub.UserOffline, "ann", again); got != want {
			t.Errorf("ann, who has left again, is told to be offline by %q, want %q", got, want)
		}
		want := "session.connected, user.online, session.disconnected closed, " +
			"session.connected, user.online, session.disconnected closed, user.offline"
		if got := told.told("ann"); got != want {
			t.Errorf("told was %s, want %s", got, want)
		}
	})
}

// TestNobodyIsOfflineWithASessionThatTheRegistryHasLost: its node restores it, or it ends with the node.
func TestNobodyIsOfflineWithASessionThatTheRegistryHasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		_, _, b := nodes(t, hubbub.Options{Store: store, Grace: grace})
		phone := open(t, b.Hub, "ann")
		pass(3 * lease)
		lost := hubbub.SessionRecord{ID: "lost", User: "ann", Node: "c"}
		err := store.Record(t.Context(), []hubbub.Transition{{ID: "connected", Kind: hubbub.SessionConnected, User: "ann", Session: lost}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		store.open("c")
		store.questions()
		phone.Closed()
		pass(grace + lease)
		want := "session.connected ann, user.online ann, session.connected ann, session.disconnected ann closed"
		if got := store.story(); got != want {
			t.Fatalf("told was %s, want %s", got, want)
		}
		store.mu.Lock()
		store.lost = []hubbub.Transition{
			{ID: "disconnected", Kind: hubbub.SessionDisconnected, User: "ann", Session: lost, Why: hubbub.EndNodeLost, Time: time.Now()},
			{ID: hubbub.TransitionID(hubbub.UserOffline, "ann", hubbub.TransitionID(hubbub.UserOnline, "ann", phone.ID())),
				Kind: hubbub.UserOffline, User: "ann", Time: time.Now()}}
		store.mu.Unlock()
		pass(2 * lease)
		want += ", session.disconnected ann node_lost, user.offline ann"
		if got := store.story(); got != want {
			t.Errorf("told was %s, want %s", got, want)
		}
		if asked := store.questions(); asked == "[]" {
			t.Error("the store was not asked who is lost")
		}
	})
}

// repeating is a driver that tells again, once, what was handed over long ago, as one does that has lost that it was confirmed.
type repeating struct {
	*fleet.Driver
	mu    sync.Mutex
	again []hubbub.Transition
}

func (r *repeating) Reap(ctx context.Context) ([]hubbub.Transition, error) {
	all, err := r.Driver.Reap(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	all, r.again = append(r.again, all...), nil
	return all, err
}

// TestWhatIsToldAgainChangesNothing: also if the user has come again since then, or has come and gone.
func TestWhatIsToldAgainChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		d := &repeating{Driver: newFleet().Driver()}
		h := start(t, hubbub.Options{Driver: d, Node: "a", Store: store, Grace: grace})
		phone := open(t, h, "ann")
		pass(time.Second)
		phone.Closed()
		pass(grace + lease)
		store.mu.Lock()
		before := slices.Clone(store.recorded)
		store.mu.Unlock()
		repeat := func() {
			t.Helper()
			d.mu.Lock()
			d.again = slices.Clone(before)
			d.mu.Unlock()
			pass(lease / 3)
		}
		want := "session.connected, user.online, session.disconnected closed, user.offline"
		repeat()
		if got := store.told("ann"); got != want {
			t.Errorf("told was %s, want %s", got, want)
		}
		laptop := open(t, h, "ann")
		repeat()
		want += ", session.connected, user.online"
		if got := store.told("ann"); got != want {
			t.Errorf("told was %s, want %s", got, want)
		}
		laptop.Closed()
		repeat()
		want += ", session.disconnected closed"
		if got := store.told("ann"); got != want {
			t.Errorf("told in the grace was %s, want %s", got, want)
		}
		pass(grace + lease)
		want += ", user.offline"
		if got := store.told("ann"); got != want {
			t.Errorf("told was %s, want %s", got, want)
		}
	})
}

// TestWhatIsAddedIsToldAgain has who is told fail once, when the store knows already what was added to a decision.
func TestWhatIsAddedIsToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, told := newArchive(), &herald{}
		fails := false
		_, a, _ := nodes(t, hubbub.Options{Store: store, Grace: grace, OnTransition: func(ctx context.Context, tr hubbub.Transition) error {
			if fails && tr.Kind == hubbub.UserOnline {
				fails = false
				return errors.New("cannot hear it now")
			}
			return told.tell(ctx, tr)
		}})
		phone := open(t, a.Hub, "ann")
		pass(time.Second)
		phone.Closed()
		pass(time.Second)
		offline := hubbub.Transition{ID: hubbub.TransitionID(hubbub.UserOffline, "ann", told.id(hubbub.UserOnline)), Kind: hubbub.UserOffline,
			User: "ann", Time: time.Now()}
		if err := store.Record(t.Context(), []hubbub.Transition{offline}, nil); err != nil { // by a node whose decision is lost
			t.Fatal(err)
		}
		fails = true
		laptop := open(t, a.Hub, "ann")
		pass(time.Second)
		want := hubbub.TransitionID(hubbub.UserOnline, "ann", laptop.ID())
		if got := told.id(hubbub.UserOnline); fails || got != want {
			t.Errorf("ann, who is back, was told to be online by %q, want %q", got, want)
		}
	})
}

// told is what was recorded of a user, each transition once.
func (a *archive) told(user string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := herald{all: a.recorded}
	return h.told(user)
}

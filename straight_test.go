package hubbub_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
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

package hubbub_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/fleet"
)

// TestWhatTheStoreKnowsToHaveEndedIsNotRestored: the registry has lost it.
func TestWhatTheStoreKnowsToHaveEndedIsNotRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		f, a, _ := nodes(t, hubbub.Options{Store: store})
		ann, bob, cid := open(t, a.Hub, "ann"), open(t, a.Hub, "bob"), open(t, a.Hub, "cid")
		pass(lease)
		end := func(c client, why hubbub.EndReason) {
			t.Helper()
			err := store.Record(t.Context(), []hubbub.Transition{{Kind: hubbub.SessionDisconnected, User: c.Identity().User,
				Session: hubbub.SessionRecord{ID: c.ID()}, Why: why}}, nil)
			if err != nil {
				t.Fatal(err)
			}
		}
		end(ann, hubbub.EndReplaced)
		f.Empty()
		pass(lease)
		if why := ann.closed(); why != hubbub.EndReplaced {
			t.Errorf("ann, who was replaced as the store knows, is closed for %q", why)
		}
		end(bob, hubbub.EndNodeLost) // was on its way when the sessions were restored
		pass(2 * lease)
		if why := bob.closed(); why != hubbub.EndNodeLost {
			t.Errorf("bob, who was taken for lost, is closed for %q", why)
		}
		if why := cid.closed(); why != "" {
			t.Errorf("cid is closed for %q", why)
		}
	})
}

// endless is a store that does not answer which sessions have ended while it is away.
type endless struct {
	*archive
	away bool
}

func (f *endless) Endings(ctx context.Context, ids []string) (map[string]hubbub.EndReason, error) {
	f.mu.Lock()
	away := f.away
	f.mu.Unlock()
	if away {
		return nil, hubbub.Errorf(hubbub.Unavailable, "the store is away")
	}
	return f.archive.Endings(ctx, ids)
}

// TestAnEndThatReachesTheStoreAfterItWasAway has it be away when it is asked for the second time: who has ended a session meanwhile cannot tell
// it before it is back either, and perhaps does so after it was asked.
func TestAnEndThatReachesTheStoreAfterItWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &endless{archive: newArchive()}
		f, a, _ := nodes(t, hubbub.Options{Store: store})
		ann, cid := open(t, a.Hub, "ann"), open(t, a.Hub, "cid")
		pass(lease)
		f.Empty()
		pass(lease)
		store.mu.Lock()
		store.away = true
		store.mu.Unlock()
		pass(lease) // with the second question
		store.mu.Lock()
		store.away = false
		store.mu.Unlock()
		pass(lease)
		err := store.Record(t.Context(), []hubbub.Transition{{Kind: hubbub.SessionDisconnected, User: "ann",
			Session: hubbub.SessionRecord{ID: ann.ID()}, Why: hubbub.EndNodeLost}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		pass(2 * lease)
		if why := ann.closed(); why != hubbub.EndNodeLost {
			t.Errorf("ann, who was taken for lost, is closed for %q", why)
		}
		if why := cid.closed(); why != "" {
			t.Errorf("cid is closed for %q", why)
		}
	})
}

// TestWhoIsJoiningWhileTheStoreKnowsTheEnd: a session that the registry does not know is looked up before it is restored.
func TestWhoIsJoiningWhileTheStoreKnowsTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		f, a, _ := nodes(t, hubbub.Options{Store: store, Rooms: []hubbub.RoomRule{{Match: "*"}}})
		ann := open(t, a.Hub, "ann")
		pass(lease)
		err := store.Record(t.Context(), []hubbub.Transition{{Kind: hubbub.SessionDisconnected, User: "ann",
			Session: hubbub.SessionRecord{ID: ann.ID()}, Why: hubbub.EndLoggedOut}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		f.Empty()
		err = ann.Join(t.Context(), "lobby", hubbub.JoinOptions{}, func(hubbub.JoinResult) {})
		wantReason(t, err, hubbub.Unavailable)
		if why := ann.closed(); why != hubbub.EndLoggedOut {
			t.Errorf("ann is closed for %q", why)
		}
	})
}

// TestWhatWasEndedStaysSoWithoutAStore: the node that has ended sessions tells the registry again, however often that loses everything.
func TestWhatWasEndedStaysSoWithoutAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a, b := nodes(t, hubbub.Options{Devices: hubbub.DeviceLimit{Max: 1}})
		ann, bob := open(t, a.Hub, "ann/phone"), open(t, a.Hub, "bob/phone")
		pass(lease)
		a.driver.Cut(false)
		if n, err := b.End(t.Context(), hubbub.Target{User: "ann"}, hubbub.EndLoggedOut); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		open(t, b.Hub, "bob/laptop").Closed() // and is gone again
		pass(lease / 2)
		f.Empty()
		pass(lease / 2)
		f.Empty()
		pass(lease / 2)
		again := open(t, b.Hub, "ann/laptop")
		a.driver.Heal(a.Node())
		pass(2 * lease)
		if why := ann.closed(); why != hubbub.EndLoggedOut {
			t.Errorf("ann, who was logged out, is closed for %q", why)
		}
		if why := bob.closed(); why != hubbub.EndReplaced {
			t.Errorf("bob, who was replaced, is closed for %q", why)
		}
		if why := again.closed(); why != "" {
			t.Errorf("ann, who came again, is closed for %q", why)
		}
	})
}

// TestWhatIsEndedBeforeItIsRestored: it is ended at a time when the registry does not know it.
func TestWhatIsEndedBeforeItIsRestored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, a, b := nodes(t, hubbub.Options{})
		ann := open(t, a.Hub, "ann/phone")
		pass(lease)
		a.driver.Cut(false)
		f.Empty()
		pass(lease / 2)
		here := open(t, b.Hub, "ann/laptop")
		if n, err := here.EndSessions(t.Context(), hubbub.Target{Except: here.ID()}); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		a.driver.Heal(a.Node())
		pass(2 * lease)
		if why := ann.closed(); why != hubbub.EndLoggedOut {
			t.Errorf("ann's other session is closed for %q", why)
		}
		if why := here.closed(); why != "" {
			t.Errorf("ann's own session is closed for %q", why)
		}
	})
}

// unanswering is a driver of which the answer to one end is lost: it was done.
type unanswering struct {
	*fleet.Driver
	once     sync.Once
	restored atomic.Int32
}

func (u *unanswering) Restore(ctx context.Context, s hubbub.SessionRecord, was hubbub.Opened, l hubbub.DeviceLimit) (hubbub.Restored, error) {
	u.restored.Add(1)
	return u.Driver.Restore(ctx, s, was, l)
}

func (u *unanswering) End(ctx context.Context, t hubbub.Target, why hubbub.EndReason) ([]hubbub.Transition, error) {
	all, err := u.Driver.End(ctx, t, why)
	u.once.Do(func() { all, err = nil, hubbub.Errorf(hubbub.Unavailable, "the answer is lost") })
	return all, err
}

// TestAnEndWhoseAnswerIsLostIsTheOnlyOne: when the node tells it again the user has been offline for long, and does not come online for it.
func TestAnEndWhoseAnswerIsLostIsTheOnlyOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		d := &unanswering{Driver: newFleet().Driver()}
		h := start(t, hubbub.Options{Driver: d, Node: "a", Store: store, Grace: grace})
		phone := open(t, h, "ann")
		pass(lease)
		phone.Closed()
		pass(grace + 2*lease)
		if n := d.restored.Load(); n > 0 {
			t.Errorf("the session, which the store knows to have ended, was restored %d times", n)
		}
		if got, want := store.told("ann"), "session.connected, user.online, session.disconnected closed, user.offline"; got != want {
			t.Errorf("told was %s, want %s", got, want)
		}
	})
}

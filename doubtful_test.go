package hubbub_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/internal/fleet"
)

// looks is how often the store was asked whether credentials were revoked.
func (a *archive) looks() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.looked
}

// keepOnly has the store know of revocations that the registry does not know.
func (a *archive) keepOnly(all ...hubbub.Revocation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.revoked = append(a.revoked, all...)
	for _, r := range all {
		if r == (hubbub.Revocation{User: r.User}) {
			a.blocks[r.User] = time.Time{}
		}
	}
}

// empty loses everything but the leases of some nodes, none of which has heard that there is doubt.
func empty(t *testing.T, f *fleet.Fleet, all ...node) {
	t.Helper()
	f.Empty()
	for _, n := range all {
		if _, err := n.driver.Renew(t.Context(), hubbub.NodeStatus{Node: n.Node()}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhoWasRevokedIsKeptOutWhileTheRegistryIsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		f, a, b := nodes(t, hubbub.Options{Store: store})
		store.keepOnly(hubbub.Revocation{User: "ann"}, hubbub.Revocation{User: "bob", Device: "phone"})
		phone := open(t, b.Hub, "cid/phone")
		if n := store.looks(); n != 0 {
			t.Fatalf("without a doubt the store was asked %d times", n)
		}
		empty(t, f, a, b)
		for _, n := range []node{a, b} {
			for _, name := range []string{"ann", "bob/phone"} {
				wantReason(t, n.Check(t.Context(), as(name)), hubbub.Unauthorized)
				_, err := arrive(t.Context(), n.Hub, as(name))
				wantReason(t, err, hubbub.Unauthorized)
			}
		}
		open(t, b.Hub, "bob/laptop")
		if got := a.sessions(t, "ann"); len(got) != 0 {
			t.Errorf("who is blocked has the sessions %q", got)
		}
		pass(lease)
		before := store.looks()
		_, err := arrive(t.Context(), b.Hub, as("ann"))
		wantReason(t, err, hubbub.Unauthorized)
		open(t, a.Hub, "dan")
		if n := store.looks(); n != before || phone.closed() != "" {
			t.Errorf("when the doubt is over the store was asked %d times; closed is %q", n-before, phone.closed())
		}
	})
}

// unlucky loses everything while a session is opened, once.
type unlucky struct {
	*fleet.Driver
	fleet *fleet.Fleet
	loses bool
}

func (u *unlucky) Open(ctx context.Context, s hubbub.SessionRecord, l hubbub.DeviceLimit) (hubbub.Opened, error) {
	if u.loses {
		u.loses = false
		u.fleet.Empty()
		if _, err := u.Renew(ctx, hubbub.NodeStatus{Node: s.Node}); err != nil {
			return hubbub.Opened{}, err
		}
	}
	return u.Driver.Open(ctx, s, l)
}

// TestADoubtThatBeginsWhileASessionIsOpened has what was revoked be lost between the question whether it was and the decision.
func TestADoubtThatBeginsWhileASessionIsOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, told := newArchive(), &herald{}
		f := newFleet()
		d := &unlucky{Driver: f.Driver(), fleet: f, loses: true}
		h := start(t, hubbub.Options{Driver: d, Store: store, OnTransition: told.tell, Grace: grace})
		store.keepOnly(hubbub.Revocation{User: "ann"})
		_, err := arrive(t.Context(), h, as("ann"))
		wantReason(t, err, hubbub.Unauthorized)
		if n := (node{h, d.Driver}).sessions(t, "ann"); len(n) != 0 || h.Len() != 0 {
			t.Errorf("the registry knows %q, the node %d sessions", n, h.Len())
		}
		pass(lease + grace)
		if got := told.told("ann"); got != "session.connected, user.online, session.disconnected revoked, user.offline" {
			t.Errorf("of ann is told %q", got)
		}
	})
}

// speechless is a store that does not say what was revoked while it is away.
type speechless struct {
	*archive
	away bool
}

func (s *speechless) KeptAgainst(ctx context.Context, r hubbub.SessionRecord) (bool, error) {
	if s.away {
		<-ctx.Done()
		return false, ctx.Err()
	}
	return s.archive.KeptAgainst(ctx, r)
}

func TestNobodyIsLetInWhenNobodyKnowsWhatWasRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &speechless{archive: newArchive(), away: true}
		f, a, _ := nodes(t, hubbub.Options{Store: store})
		open(t, a.Hub, "ann")
		empty(t, f, a)
		began := time.Now()
		_, err := arrive(t.Context(), a.Hub, as("bob"))
		wantReason(t, err, hubbub.Unavailable)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v to say so", took)
		}
		store.away = false
		open(t, a.Hub, "bob")
	})
}

// rival is a store in which another node blocks somebody, once, while this one is about to take back a block that there was not.
type rival struct {
	*archive
	then func()
}

func (r *rival) KeptBlock(ctx context.Context, user string) (bool, time.Time, error) {
	if ctx.Err() != nil {
		return false, time.Time{}, ctx.Err()
	}
	blocked, until, err := r.archive.KeptBlock(ctx, user)
	if then := r.then; then != nil {
		r.then = nil
		then()
	}
	return blocked, until, err
}

// TestABlockIsMatchedAlsoIfTheCallerHasGone has a node take back a block of the registry that the store had not when it looked, while the
// client goes away that has made it look.
func TestABlockIsMatchedAlsoIfTheCallerHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, store := newFleet(), newArchive()
		a := join(t, f, "a", hubbub.Options{Store: store})
		ctx, leave := context.WithCancel(t.Context())
		b := join(t, f, "b", hubbub.Options{Store: &rival{store, func() {
			blocks(0)(t, a.Hub)
			leave()
		}}})
		if err := b.driver.Revoke(t.Context(), hubbub.Revocation{User: "ann"}); err != nil {
			t.Fatal(err)
		}
		_ = b.Check(ctx, as("ann"))
		wantReason(t, a.Check(t.Context(), as("ann")), hubbub.Unauthorized)
	})
}

// TestWhoGotInWhileItWasLostIsEnded has a node that is not in doubt let somebody in, since another node was told of what was revoked by a server
// of which another one had taken the place.
func TestWhoGotInWhileItWasLostIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newArchive()
		_, a, b := nodes(t, hubbub.Options{Store: store})
		store.keepOnly(hubbub.Revocation{User: "ann"}, hubbub.Revocation{User: "bob", Device: "phone"})
		ann, phone, laptop, cid := open(t, b.Hub, "ann"), open(t, b.Hub, "bob/phone"), open(t, b.Hub, "bob/laptop"), open(t, b.Hub, "cid")
		a.driver.Doubt(a.Node())
		pass(lease)
		if ann.closed() != hubbub.EndRevoked || phone.closed() != hubbub.EndRevoked || laptop.closed() != "" || cid.closed() != "" {
			t.Errorf("closed are %q, %q, %q and %q", ann.closed(), phone.closed(), laptop.closed(), cid.closed())
		}
		_, err := arrive(t.Context(), b.Hub, as("ann"))
		wantReason(t, err, hubbub.Unauthorized)
	})
}

// deposed is a driver in doubt whose first answer about what was revoked is of a server of which another one has taken the place.
type deposed struct {
	*fleet.Driver
	once sync.Once
}

func (d *deposed) Doubtful(string) bool { return true }

func (d *deposed) Revoked(ctx context.Context, s hubbub.SessionRecord) (revoked bool, err error) {
	d.once.Do(func() { revoked = true })
	if revoked {
		return true, nil
	}
	return d.Driver.Revoked(ctx, s)
}

// TestADeposedServerKeepsNobodyOut has it say that somebody is revoked who is not any more.
func TestADeposedServerKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, hubbub.Options{Driver: &deposed{Driver: newFleet().Driver()}, Node: "a", Store: newArchive()})
		if err := h.Check(t.Context(), hubbub.Identity{User: "ann"}); err != nil {
			t.Errorf("ann is refused: %v", err)
		}
	})
}

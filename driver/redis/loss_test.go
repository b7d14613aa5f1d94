package redis_test

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/drivertest"
	"github.com/hubbub-dev/hubbub/driver/redis"
	"github.com/hubbub-dev/hubbub/internal/testkit"
)

// hubOf is what a hub knows of its own sessions, and does when there is doubt.
type hubOf struct {
	*redis.Driver
	t        *testing.T
	node     string
	clock    *drivertest.Clock
	sessions map[string]hubbub.SessionRecord
	came     map[string]string
	told     *tale
}

func newHub(t *testing.T, s *testkit.RedisServer, node string, clock *drivertest.Clock, told *tale) *hubOf {
	d := openWith(t, redis.Options{Addrs: []string{s.Addr}, Grace: drivertest.Grace, Lease: drivertest.Lease, Now: clock.Now,
		Logger: slog.New(slog.DiscardHandler)})
	h := &hubOf{d, t, node, clock, map[string]hubbub.SessionRecord{}, map[string]string{}, told}
	h.renew()
	return h
}

// open opens a session that is in a room.
func (h *hubOf) open(user, id string) {
	h.t.Helper()
	s := recordOf(user, "phone", id, h.node, h.clock)
	o, err := h.Open(h.t.Context(), s, hubbub.DeviceLimit{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.told.hear(o.Transitions)
	h.confirm(o.Transitions)
	h.sessions[id], h.came[id] = s, o.Came
	h.enter(id)
}

func (h *hubOf) enter(id string) {
	h.t.Helper()
	if _, _, err := h.Enter(h.t.Context(), "lobby", h.sessions[id].User, id); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hubOf) confirm(all []hubbub.Transition) {
	for _, t := range all {
		if _, err := h.Confirm(h.t.Context(), t.ID); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *hubOf) end(id string, why hubbub.EndReason) {
	h.t.Helper()
	all, err := h.End(h.t.Context(), hubbub.Target{User: h.sessions[id].User, Session: id}, why)
	if err != nil {
		h.t.Fatal(err)
	}
	h.told.hear(all)
	h.confirm(all)
	delete(h.sessions, id)
}

// renew renews, when the server answers, and restores if there is doubt.
func (h *hubOf) renew() (doubt bool) {
	h.t.Helper()
	var r hubbub.Renewal
	testkit.Eventually(h.t, "a renewal", func() (ok bool) {
		var err error
		r, err = h.Renew(h.t.Context(), hubbub.NodeStatus{Node: h.node})
		return err == nil
	})
	for id := range r.Ended {
		delete(h.sessions, id)
	}
	if r.Doubt {
		h.restore()
	}
	return r.Doubt
}

// restore restores what the node has, and ends what it does not have.
func (h *hubOf) restore() {
	h.t.Helper()
	all, err := h.Remind(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	h.told.hear(all)
	h.confirm(all)
	for id, s := range h.sessions {
		r, err := h.Restore(h.t.Context(), s, hubbub.Opened{Came: h.came[id]}, hubbub.DeviceLimit{})
		if err != nil {
			h.t.Fatal(err)
		}
		h.told.hear(r.Transitions)
		h.confirm(r.Transitions)
		if r.Ended != "" {
			delete(h.sessions, id)
			continue
		}
		h.enter(id)
	}
	for after, more := "", true; more; more = after != "" {
		some, next, err := h.SessionsOn(h.t.Context(), h.node, after)
		if err != nil {
			h.t.Fatal(err)
		}
		for _, s := range some {
			if _, ok := h.sessions[s.ID]; !ok {
				h.sessions[s.ID] = s
				h.end(s.ID, hubbub.EndClosed)
			}
		}
		after = next
	}
	h.Restored(h.node)
}

func (h *hubOf) reap() {
	h.t.Helper()
	all, err := h.Reap(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	h.told.hear(all)
	h.confirm(all)
}

// pass lets some time pass, in which all nodes do what they always do.
func pass(clock *drivertest.Clock, steps int, all ...*hubOf) {
	for range steps {
		clock.Advance(drivertest.Lease / 2)
		for _, h := range all {
			h.renew()
			h.reap()
		}
	}
}

// are fails the test unless these users are online, and in the room.
func (h *hubOf) are(want ...string) {
	h.t.Helper()
	for _, f := range []hubbub.Filter{{}, {Room: "lobby"}} {
		page, err := h.Online(h.t.Context(), f, "", 100)
		if err != nil {
			h.t.Fatal(err)
		}
		var names []string
		for _, p := range page.Users {
			names = append(names, p.User)
		}
		if !slices.Equal(names, want) || page.Total != len(want) {
			h.t.Fatalf("with the filter %+v online are %v of %d, want %v", f, names, page.Total, want)
		}
	}
}

// TestEmptied empties the registry below two nodes: both restore what they have, and nobody goes.
func TestEmptied(t *testing.T) {
	t.Parallel()
	s, clock, told := testkit.NewRedis(t), drivertest.NewClock(), &tale{t: t, known: map[string]bool{}}
	a, b := newHub(t, s, "a", clock, told), newHub(t, s, "b", clock, told)
	for i := range 8 {
		[]*hubOf{a, b}[i%2].open(fmt.Sprint("u", i/3), fmt.Sprint("s", i))
	}
	pass(clock, 3, a, b)
	s.Do("FLUSHALL")
	if !a.renew() {
		t.Fatal("a does not doubt that the registry is what it was")
	}
	a.reap() // nobody is lost who has not had time to come back
	if !b.renew() {
		t.Fatal("b does not doubt that the registry is what it was")
	}
	pass(clock, 8, a, b)
	a.are("u0", "u1", "u2")
	if len(told.all) != 8+3 {
		t.Fatalf("told was %v", told.all)
	}
	for id := range a.sessions {
		a.end(id, hubbub.EndClosed)
	}
	for range b.sessions { // b is lost
		pass(clock, 1, a)
	}
	pass(clock, 4, a)
	a.are()
	told.check("emptied")
}

// TestEndsAreToldAgain empties the registry after a node has ended sessions of another one, which has not heard of it.
func TestEndsAreToldAgain(t *testing.T) {
	t.Parallel()
	s, clock, told := testkit.NewRedis(t), drivertest.NewClock(), &tale{t: t, known: map[string]bool{}}
	a, b := newHub(t, s, "a", clock, told), newHub(t, s, "b", clock, told)
	for i, user := range []string{"ann", "bob", "cid", "dan"} {
		a.open(user, fmt.Sprint("s", i))
	}
	pass(clock, 1, a, b)
	for _, user := range []string{"ann", "bob"} {
		all, err := b.End(t.Context(), hubbub.Target{User: user}, hubbub.EndLoggedOut)
		if err != nil || len(all) != 1 {
			t.Fatalf("the end of %s is %v, %v", user, all, err)
		}
		told.hear(all)
	}
	for range 2 {
		s.Do("FLUSHALL")
		b.renew()
	}
	if all, err := b.End(t.Context(), hubbub.Target{User: "cid", Except: "other"}, hubbub.EndLoggedOut); err != nil || len(all) != 0 {
		t.Fatalf("of cid nothing is known: %v, %v", all, err)
	}
	s.Do("FLUSHALL")
	clock.Advance(time.Second)
	b.renew()
	b.open("bob", "s4") // came after that
	a.renew()           // before the other one tells it again
	b.renew()
	pass(clock, 8, a, b)
	a.are("bob", "dan")
	if len(a.sessions) != 1 {
		t.Fatalf("the node still has %v", a.sessions)
	}
}

// TestLostTail has the server lose what it was told last, as a replica does that was promoted too early.
func TestLostTail(t *testing.T) {
	t.Parallel()
	s, clock, told := testkit.NewRedis(t), drivertest.NewClock(), &tale{t: t, known: map[string]bool{}}
	a, b := newHub(t, s, "a", clock, told), newHub(t, s, "b", clock, told)
	a.open("ann", "a1")
	a.open("bob", "b1")
	b.open("cid", "c1")
	pass(clock, 1, a, b)
	s.Do("SAVE")
	a.open("dan", "d1")
	b.open("eve", "e1")
	a.end("b1", hubbub.EndClosed)
	s.Kill()
	s.Start()
	if !a.renew() || !b.renew() {
		t.Fatal("a node does not doubt that the registry is what it was")
	}
	pass(clock, 8, a, b)
	a.are("ann", "cid", "dan", "eve")
	for _, h := range []*hubOf{a, b} {
		for id := range h.sessions {
			h.end(id, hubbub.EndClosed)
		}
	}
	pass(clock, 4, a, b)
	a.are()
	told.check("lost tail")
}

// TestDoubtBeginsWithTheConnection has a restart lose that somebody was blocked, and no renewal notice it.
func TestDoubtBeginsWithTheConnection(t *testing.T) {
	t.Parallel()
	s, clock, told := testkit.NewRedis(t), drivertest.NewClock(), &tale{t: t, known: map[string]bool{}}
	a := newHub(t, s, "a", clock, told)
	a.open("ann", "a1")
	a.renew()
	s.Do("SAVE")
	if err := a.Revoke(t.Context(), hubbub.Revocation{User: "bob"}); err != nil {
		t.Fatal(err)
	}
	if a.Doubtful(a.node) {
		t.Fatal("there is doubt although nothing has happened")
	}
	s.Kill()
	s.Start()
	var err error
	testkit.Eventually(t, "an answer", func() bool {
		_, err = a.Open(t.Context(), recordOf("bob", "phone", "b1", a.node, clock), hubbub.DeviceLimit{})
		return err == nil || hubbub.AsError(err).Reason != hubbub.Unavailable
	})
	if err != nil {
		t.Fatalf("the block was not lost: %v", err)
	}
	if !a.Doubtful(a.node) {
		t.Error("somebody was let in by what has lost the block, and there is no doubt")
	}
	if !a.renew() || a.Doubtful(a.node) { // restores
		t.Error("there is doubt after all was restored")
	}
}

// TestManySessions has a user with hundreds of sessions, which end at once.
func TestManySessions(t *testing.T) {
	t.Parallel()
	s, clock, told := testkit.NewRedis(t), drivertest.NewClock(), &tale{t: t, known: map[string]bool{}}
	a := newHub(t, s, "a", clock, told)
	const n = 300
	for i := range n {
		a.open("ann", fmt.Sprint("s", i))
	}
	if all, err := a.SessionsOf(t.Context(), "ann"); err != nil || len(all) != n || all[n-1].ID != fmt.Sprint("s", n-1) {
		t.Fatalf("ann has %d sessions, %v", len(all), err)
	}
	a.are("ann")
	all, err := a.End(t.Context(), hubbub.Target{User: "ann"}, hubbub.EndLoggedOut)
	if err != nil || len(all) != n || len(all[n-1].Left) != 1 {
		t.Fatalf("%d sessions have ended, %v", len(all), err)
	}
	told.hear(all)
	a.confirm(all)
	pass(clock, 4, a)
	a.are()
	told.check("many sessions")
}

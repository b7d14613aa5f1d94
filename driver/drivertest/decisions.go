package drivertest

import (
	"fmt"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// decisionTests are for drivers that are [hubbub.Ordered].
func decisionTests() []test[*rig] {
	return []test[*rig]{
		{"decisions are told before they are returned", decisionsTold},
		{"decisions about a user are told in their order", decisionsInOrder},
	}
}

// court takes down what was decided, in the order in which it is told.
type court struct {
	mu    sync.Mutex
	all   []hubbub.Transition
	known map[string]bool
}

func (r *rig) court() *court {
	c := &court{known: map[string]bool{}}
	r.Driver.(hubbub.Ordered).OnDecision(func(all []hubbub.Transition) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, t := range all {
			if c.known[t.ID] {
				r.Errorf("%s %s was decided twice", t.Kind, t.ID)
			}
			c.known[t.ID] = true
			c.all = append(c.all, t)
		}
	})
	return c
}

// knows fails the test unless all of these were told before.
func (c *court) knows(r *rig, all []hubbub.Transition) {
	r.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range all {
		if !c.known[t.ID] {
			r.Errorf("%s %s is returned, but was not told", t.Kind, t.ID)
		}
	}
}

// heard returns the story of what was told since it was asked last.
func (c *court) heard() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.all
	c.all = nil
	return story(all)
}

func decisionsTold(r *rig) {
	c := r.court()
	expect := func(all []hubbub.Transition, want string) {
		r.Helper()
		c.knows(r, all)
		if got := c.heard(); got != want || story(all) != want {
			r.Fatalf("told is %q and returned %q, want %q", got, story(all), want)
		}
	}
	r.renew()
	one := hubbub.DeviceLimit{Max: 1}
	expect(r.open("ann phone s1", one).Transitions, "+s1, online ann")
	expect(r.open("ann laptop s2", one).Transitions, "-s1 signed_in_elsewhere, +s2")
	expect(r.end(hubbub.Target{User: "ann", Session: "s9"}, hubbub.EndClosed), "")
	expect(r.end(hubbub.Target{User: "ann"}, hubbub.EndClosed), "-s2 closed")
	r.pass(Grace + time.Second)
	expect(r.reap(), "offline ann")
	r.open("bob phone s3", one)
	c.heard()
	r.clock.Advance(Lease + Grace + time.Second)
	all := r.reap()
	c.knows(r, all)
	if got := c.heard(); got != "-s3 node_lost, offline bob" {
		r.Fatalf("of what was reaped is told %q", got)
	}
	r.clock.Advance(Lease + time.Second)
	if all = r.reap(); len(all) == 0 || c.heard() != "" {
		r.Fatalf("what is told again is decided again, or is not told: %v", all)
	}
	r.renew()
	r.open("ann phone s4", one)
	c.heard()
	released, err := r.Release(r.Context(), nodeA)
	r.must(err)
	expect(released, "-s4 draining")
}

// decisionsInOrder has sessions of few users come and go at the same time, while nodes are lost and users are reaped.
func decisionsInOrder(r *rig) {
	const workers, each = 8, 60
	c := r.court()
	r.renew()
	atOnce(workers, func(i int) {
		for n := range each {
			user := fmt.Sprint("user", n%3)
			s := r.record(fmt.Sprintf("%s d%d s%d-%d", user, i, i, n))
			o, err := r.Open(r.Context(), s, hubbub.DeviceLimit{Max: 3})
			if err != nil {
				r.Errorf("%v", err)
			}
			c.knows(r, o.Transitions)
			ends, err := r.End(r.Context(), hubbub.Target{User: user, Session: s.ID}, hubbub.EndClosed)
			if err != nil {
				r.Errorf("%v", err)
			}
			c.knows(r, ends)
			if i == 0 {
				r.clock.Advance(Grace / 2)
				r.renew()
			}
			reaped, err := r.Reap(r.Context())
			if err != nil {
				r.Errorf("%v", err)
			}
			c.knows(r, reaped)
		}
	})
	online, open, sessions := map[string]bool{}, map[string]bool{}, map[string]int{}
	for _, t := range c.all {
		id, comes, of := t.User, t.Kind == hubbub.UserOnline, online
		if t.Kind == hubbub.SessionConnected || t.Kind == hubbub.SessionDisconnected {
			id, comes, of = t.Session.ID, t.Kind == hubbub.SessionConnected, open
			sessions[t.User] += map[bool]int{true: 1, false: -1}[comes]
		}
		if of[id] == comes || t.Kind == hubbub.UserOffline && sessions[t.User] > 0 {
			r.Fatalf("%s of %s is told with %d sessions, and it was so before: %v", t.Kind, id, sessions[t.User], of[id] == comes)
		}
		of[id] = comes
	}
}

func blockTests() []test[*rig] {
	return []test[*rig]{
		{"blocks are taken back alone", blocks},
		{"who was erased from the registry", erasedSessions},
	}
}

func blocks(r *rig) {
	now := r.clock.Now()
	blocked := func(user string, want bool, until time.Time) {
		r.Helper()
		got, at, err := r.Blocked(r.Context(), user)
		if got != want || !at.Equal(until) || err != nil {
			r.Fatalf("%s is blocked: %v until %v, %v; want %v until %v", user, got, at, err, want, until)
		}
	}
	unblock := func(user string, want bool) {
		r.Helper()
		if got, err := r.Unblock(r.Context(), user); got != want || err != nil {
			r.Fatalf("unblocking %s tells %v, %v", user, got, err)
		}
	}
	revoke := func(v hubbub.Revocation) { r.Helper(); r.must(r.Revoke(r.Context(), v)) }
	old, fresh := r.record("ann phone s1"), r.record("ann laptop s1")
	old.Issued, fresh.Issued = now.Add(-time.Hour), now.Add(time.Second)
	blocked("ann", false, time.Time{})
	unblock("ann", false)
	revoke(hubbub.Revocation{User: "ann", Before: now})
	blocked("ann", false, time.Time{})
	revoke(hubbub.Revocation{User: "ann", Until: now.Add(2 * time.Hour)})
	revoke(hubbub.Revocation{User: "ann", Until: now.Add(time.Hour)})
	revoke(hubbub.Revocation{User: "ann", Token: "t", Until: now.Add(time.Hour)})
	blocked("ann", true, now.Add(2*time.Hour))
	blocked("bob", false, time.Time{})
	if !r.revoked(old) || !r.revoked(fresh) {
		r.Fatalf("a blocked user may come in")
	}
	unblock("ann", true)
	unblock("ann", false)
	blocked("ann", false, time.Time{})
	token := fresh
	token.Token = "t"
	if !r.revoked(old) || r.revoked(fresh) || !r.revoked(token) {
		r.Fatalf("unblocked, and revoked are %v, %v, %v", r.revoked(old), r.revoked(fresh), r.revoked(token))
	}
	revoke(hubbub.Revocation{User: "ann", Until: now.Add(time.Hour)})
	revoke(hubbub.Revocation{User: "bob"})
	blocked("bob", true, time.Time{})
	r.clock.Advance(time.Hour)
	blocked("ann", false, time.Time{})
	unblock("ann", false)
	blocked("bob", true, time.Time{})
	if r.revoked(fresh) {
		r.Fatalf("a block holds beyond its time")
	}
}

func erasedSessions(r *rig) {
	erase := func(user string) { r.Helper(); eraseAll(&r.base, r.Driver, user) }
	r.renew()
	r.must(r.Revoke(r.Context(), hubbub.Revocation{User: "blocked"}))
	erase("blocked")
	if blocked, _, err := r.Blocked(r.Context(), "blocked"); !blocked || err != nil {
		r.Fatalf("who was erased is blocked no more, %v", err)
	}
	for _, user := range []string{"gone", "grace", "online", "back"} {
		r.open(user+" phone "+user, hubbub.DeviceLimit{})
	}
	r.end(hubbub.Target{User: "gone"}, hubbub.EndClosed)
	r.pass(Grace + time.Second)
	r.reap()
	r.end(hubbub.Target{User: "grace"}, hubbub.EndClosed)
	r.end(hubbub.Target{User: "back"}, hubbub.EndClosed)
	for _, user := range []string{"gone", "grace", "online", "back"} {
		erase(user)
	}
	if p := r.presence("gone"); p.Online || !p.LastSeen.IsZero() {
		r.Fatalf("who was erased is %+v", p)
	}
	r.count(3, 1)
	r.tells(r.open("back phone back2", hubbub.DeviceLimit{}).Transitions, "+back2") // in the grace
	r.end(hubbub.Target{User: "online"}, hubbub.EndClosed)
	r.end(hubbub.Target{User: "back"}, hubbub.EndClosed)
	left := r.clock.Now()
	r.pass(Grace + time.Second)
	var offline []hubbub.Transition
	for _, t := range r.reap() {
		if t.Kind == hubbub.UserOffline && t.User != "gone" {
			offline = append(offline, t)
		}
	}
	if len(offline) != 3 {
		r.Fatalf("offline go %v", offline)
	}
	r.count(0, 0)
	for user, seen := range map[string]time.Time{"grace": {}, "online": {}, "back": left} {
		if p := r.presence(user); p.Online || !p.LastSeen.Equal(seen) {
			r.Fatalf("%s is %+v", user, p)
		}
	}
	r.open("online phone s9", hubbub.DeviceLimit{})
	r.count(1, 1)
	erase("online")
	r.clock.Advance(Lease + Grace + time.Second) // the node is lost, and nobody has reaped
	_, err := r.Renew(r.Context(), hubbub.NodeStatus{Node: nodeB})
	r.must(err)
	r.tells(r.open("online phone s10 b", hubbub.DeviceLimit{}).Transitions, "-s9 node_lost, offline online, +s10, online online")
	r.count(1, 1)
}

package drivertest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// RunShared tests what several nodes have in common: drivers returns two instances that are a [hubbub.Shared] on one server, which knows
// nothing yet. They have the [Grace] and [Lease] of this package and live by the clock. It is called for each test, and cleans up
// after itself with t.Cleanup. What each of them does alone is tested by [Run].
func RunShared(t *testing.T, drivers func(t *testing.T, clock *Clock) (a, b hubbub.Driver)) {
	both := func(tb *testing.T, clock *Clock) *sharedRig {
		one, other := drivers(tb, clock)
		on := func(d hubbub.Driver) *rig {
			return &rig{streamRig{base: base{tb, clock}, streams: d, forgets: true}, d}
		}
		r := &sharedRig{base{tb, clock}, on(one), on(other)}
		r.begin(r.a, nodeA)
		r.begin(r.b, nodeB)
		return r
	}
	run(t, both, nodeTests(), doubtTests(), restoreTests(), acrossTests(), reapAcrossTests(), decisionAcrossTests(), busAcrossTests())
	one, _ := drivers(t, NewClock())
	if _, ok := one.(hubbub.Poster); ok {
		run(t, both, postAcrossTests())
	}
	if _, ok := one.(hubbub.Scratch); ok {
		run(t, both, scratchTests())
	}
}

// sharedRig is two instances under test: of node a and of node b.
type sharedRig struct {
	base
	a, b *rig
}

func (r *rig) shared() hubbub.Shared { return r.Driver.(hubbub.Shared) }

// renewal renews the lease of one node.
func (r *rig) renewal(node string) hubbub.Renewal {
	r.Helper()
	renewal, err := r.Renew(r.Context(), hubbub.NodeStatus{Node: node})
	r.must(err)
	return renewal
}

// begin takes the first lease of a node. Whether an instance says then that it is in doubt is its own affair: there is nothing to restore.
func (r *sharedRig) begin(on *rig, node string) {
	r.Helper()
	if !on.renewal(node).Doubt {
		return
	}
	on.shared().Restored(node)
	if on.renewal(node).Doubt {
		r.Fatalf("%s is in doubt although it has restored all", node)
	}
}

// renew keeps both nodes alive, each by its own instance.
func (r *sharedRig) renew() {
	r.Helper()
	if r.a.renewal(nodeA).Doubt || r.b.renewal(nodeB).Doubt {
		r.Fatalf("a node is in doubt without a reason")
	}
}

// pass lets time pass, in which both nodes live.
func (r *sharedRig) pass(d time.Duration) {
	r.Helper()
	for d > 0 {
		step := min(d, Lease/2)
		r.clock.Advance(step)
		r.renew()
		d -= step
	}
}

// loseA lets a lease pass in which only node b renews.
func (r *sharedRig) loseA() {
	r.Helper()
	for _, step := range []time.Duration{Lease / 2, Lease / 2, time.Second} {
		r.clock.Advance(step)
		r.b.renewal(nodeB)
	}
}

// reapAll reaps until it has the transitions that make a story, of as many words in any order, or has reaped more often than any instance
// needs to look everywhere.
func (r *rig) reapAll(want ...string) []hubbub.Transition {
	r.Helper()
	var all []hubbub.Transition
	told := map[string]bool{}
	for range 1024 {
		for _, t := range r.reap() {
			all = append(all, t)
			told[story([]hubbub.Transition{t})] = true
		}
		if !slices.ContainsFunc(want, func(word string) bool { return !told[word] }) {
			break
		}
	}
	if len(told) != len(want) || len(all) != len(want) {
		r.Fatalf("reaped is %q, want %q in any order", story(all), want)
	}
	return all
}

func nodeTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"nodes are listed as they said they are", nodesListed},
		{"the sessions of a node are listed", sessionsOn},
	}
}

// lists fails the test unless both instances list these nodes.
func (r *sharedRig) lists(want ...string) {
	r.Helper()
	for _, on := range []*rig{r.a, r.b} {
		all, err := on.shared().Nodes(r.Context())
		r.must(err)
		var names []string
		for _, n := range all {
			names = append(names, n.Node)
		}
		if !slices.Equal(names, want) {
			r.Fatalf("listed are the nodes %q, want %q", names, want)
		}
	}
}

func nodesListed(r *sharedRig) {
	want := hubbub.NodeStatus{Node: nodeB, Version: "1.2.3", Started: r.clock.Now().Add(-time.Hour), Sessions: 20_000, Rooms: 12,
		CPU: 1.25, Memory: 5 << 30}
	_, err := r.b.Renew(r.Context(), want)
	r.must(err)
	for _, on := range []*rig{r.a, r.b} {
		all, err := on.shared().Nodes(r.Context())
		r.must(err)
		if len(all) != 2 || all[0].Node != nodeA || all[0].Sessions != 0 {
			r.Fatalf("listed are %+v", all)
		}
		got := all[1]
		sameTime := got.Started.Equal(want.Started)
		if got.Started = want.Started; got != want || !sameTime {
			r.Fatalf("listed is %+v, want %+v", all[1], want)
		}
	}
	want.Sessions = 7
	_, err = r.b.Renew(r.Context(), want)
	r.must(err)
	if all, err := r.a.shared().Nodes(r.Context()); err != nil || all[1].Sessions != 7 {
		r.Fatalf("after another renewal listed are %+v, %v", all, err)
	}
	r.a.renewal("node-0") // in ascending order, whoever has come first
	r.lists("node-0", nodeA, nodeB)
	r.loseA()
	r.lists(nodeB)
	_, err = r.b.Release(r.Context(), nodeB)
	r.must(err)
	r.lists()
}

func sessionsOn(r *sharedRig) {
	const n = 330
	want := map[string]string{} // users by their sessions
	for i := range n {
		id, user := fmt.Sprint("s", i), fmt.Sprint("u", i/2)
		if i%3 == 0 {
			r.b.open(fmt.Sprintf("%s d%d %s b", user, i, id), hubbub.DeviceLimit{})
			continue
		}
		r.a.open(fmt.Sprintf("%s d%d %s", user, i, id), hubbub.DeviceLimit{})
		want[id] = user
	}
	r.b.end(hubbub.Target{User: "u5"}, hubbub.EndLoggedOut)
	delete(want, "s10")
	delete(want, "s11")
	for _, on := range []*rig{r.a, r.b} {
		left := len(want)
		found := map[string]bool{}
		for after, pages := "", 0; ; pages++ {
			some, next, err := on.shared().SessionsOn(r.Context(), nodeA, after)
			r.must(err)
			for _, s := range some {
				if want[s.ID] != s.User || s.User == "" || s.Node != nodeA || found[s.ID] {
					r.Fatalf("listed is the session %+v, and again: %v", s, found[s.ID])
				}
				found[s.ID] = true
				left--
			}
			if after = next; next == "" {
				break
			}
			if pages > 10_000 {
				r.Fatalf("the list of sessions does not end")
			}
		}
		if left != 0 {
			r.Fatalf("%d of %d sessions are not listed", left, len(want))
		}
	}
	some, _, err := r.a.shared().SessionsOn(r.Context(), "nobody", "")
	if len(some) != 0 || err != nil {
		r.Fatalf("of a node that never was listed are %v, %v", some, err)
	}
}

func doubtTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"there is no doubt while a node lives", noDoubt},
		{"a node whose lease has run out is in doubt until it has restored", doubtAfterLoss},
		{"a node that was reaped is in doubt", doubtAfterReaping},
		{"a doubt that comes while a node restores is said again", doubtTwice},
	}
}

func noDoubt(r *sharedRig) {
	r.a.open("ann phone s1", hubbub.DeviceLimit{})
	r.pass(3 * Lease)
	r.a.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	r.pass(3 * Lease)
}

// doubts fails the test unless the renewals of node a say this, one after the other.
func (r *sharedRig) doubts(want ...bool) {
	r.Helper()
	for i, doubt := range want {
		if got := r.a.renewal(nodeA).Doubt; got != doubt {
			r.Fatalf("renewal %d says doubt %v, want %v", i, got, doubt)
		}
	}
}

func doubtAfterLoss(r *sharedRig) {
	r.loseA()
	r.doubts(true, true, true)
	if r.b.renewal(nodeB).Doubt {
		r.Fatalf("node b is in doubt since node a is")
	}
	r.a.shared().Restored(nodeB) // which is another node
	r.doubts(true)
	r.a.shared().Restored(nodeA)
	r.doubts(false, false)
	r.loseA()
	r.doubts(true)
	r.a.shared().Restored(nodeA)
	r.doubts(false)
}

func doubtAfterReaping(r *sharedRig) {
	r.a.open("ann phone s1", hubbub.DeviceLimit{})
	r.loseA()
	r.b.reap()
	r.doubts(true)
	r.a.shared().Restored(nodeA)
	r.doubts(false)
	r.a.open("ann phone s2", hubbub.DeviceLimit{})
	r.b.are("ann", "s2")
}

func doubtTwice(r *sharedRig) {
	r.loseA()
	r.doubts(true)
	r.loseA()
	r.b.reap()
	r.doubts(true, true)
	r.a.shared().Restored(nodeA) // of the first one
	r.doubts(true, true)
	r.a.shared().Restored(nodeA)
	r.doubts(false, false)
}

func acrossTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"what one instance decides the other one knows", decidedAcross},
		{"a node hears what the other one has ended", hearsAcross},
		{"rooms across two instances", roomsAcross},
		{"revocations across two instances", revokedAcross},
		{"streams across two instances", streamsAcross},
		{"logins on both instances at once", loginsOnBoth},
		{"refused logins on both instances at once", refusedOnBoth},
		{"a session is ended once by both at once", endedByBoth},
	}
}

func decidedAcross(r *sharedRig) {
	one := hubbub.DeviceLimit{Max: 1}
	r.a.tells(r.a.open("ann phone s1", one).Transitions, "+s1, online ann")
	r.b.are("ann", "s1")
	if p := r.b.presence("ann"); !p.Online || len(p.Devices) != 1 || string(p.Info) != `{"of":"s1"}` {
		r.Fatalf("ann is %+v", p)
	}
	_, err := r.b.Open(r.Context(), r.b.record("ann phone s1 b"), one)
	r.refused(err, hubbub.Conflict)
	o := r.b.open("ann laptop s2 b", one)
	r.b.tells(o.Transitions, "-s1 signed_in_elsewhere, +s2")
	if !slices.Equal(ids(o.Replaced), []string{"s1"}) || o.Came != "s1" {
		r.Fatalf("opened is %+v", o)
	}
	r.refused(r.a.Update(r.Context(), r.a.record("ann phone s1")), hubbub.NotFound)
	s := r.a.record("ann laptop s2")
	s.Info = []byte(`{"new":1}`)
	r.must(r.a.Update(r.Context(), s))
	if p := r.b.presence("ann"); string(p.Info) != `{"new":1}` {
		r.Fatalf("ann is %+v", p)
	}
	all, err := r.b.SessionsOf(r.Context(), "ann")
	r.must(err)
	if len(all) != 1 || all[0].Node != nodeB || string(all[0].Info) != `{"new":1}` {
		r.Fatalf("ann has the sessions %+v", all)
	}
	r.clock.Advance(time.Second) // counts may be as old
	r.a.count(1, 1)
	r.b.count(1, 1)
	r.a.tells(r.a.end(hubbub.Target{User: "ann"}, hubbub.EndLoggedOut), "-s2 logged_out")
	r.b.tells(r.b.end(hubbub.Target{User: "ann"}, hubbub.EndLoggedOut), "")
	r.b.tells(r.b.open("ann tablet s3 b", one).Transitions, "+s3") // in the grace
	r.pass(2 * Grace)
	r.a.are("ann", "s3")
}

func hearsAcross(r *sharedRig) {
	r.a.open("ann phone s1", hubbub.DeviceLimit{})
	r.a.open("bob phone s2", hubbub.DeviceLimit{})
	r.b.open("ann phone s3 b", hubbub.DeviceLimit{})
	r.b.end(hubbub.Target{User: "ann"}, hubbub.EndRevoked)
	if ended := r.a.renewal(nodeA).Ended; len(ended) != 1 || ended["s1"] != hubbub.EndRevoked {
		r.Fatalf("node a is told that %v have ended", ended)
	}
	if ended := r.a.renewal(nodeA).Ended; len(ended) != 0 {
		r.Fatalf("node a is told again that %v have ended", ended)
	}
	ended := r.b.renewal(nodeB).Ended // of its own ones it may hear, too
	delete(ended, "s3")
	if len(ended) != 0 {
		r.Fatalf("node b is told that %v have ended", ended)
	}
}

func roomsAcross(r *sharedRig) {
	r.a.open("ann phone s1", hubbub.DeviceLimit{})
	r.b.open("ann laptop s2 b", hubbub.DeviceLimit{})
	r.b.open("bob phone s3 b", hubbub.DeviceLimit{})
	r.a.enter("lobby", "ann", "s1", true, 1)
	r.b.enter("lobby", "bob", "s3", true, 2)
	r.b.enter("lobby", "ann", "s2", false, 2)
	for _, on := range []*rig{r.a, r.b} {
		if page := on.online(hubbub.Filter{Room: "lobby"}, "", 10); page.Total != 2 || page.Users[0].User != "ann" {
			r.Fatalf("in the room are %+v", page)
		}
	}
	r.a.leave("lobby", "ann", "s1", false, 2)
	ended := r.a.end(hubbub.Target{User: "ann", Session: "s2"}, hubbub.EndLoggedOut)
	r.a.tells(ended, "-s2 logged_out")
	if left := ended[0].Left; len(left) != 1 || left[0].Room != "lobby" || left[0].User != "ann" || left[0].Count != 1 {
		r.Fatalf("ann has left %+v", left)
	}
	_, _, err := r.b.Enter(r.Context(), "lobby", "ann", "s2")
	r.refused(err, hubbub.NotFound)
	r.b.leave("lobby", "bob", "s3", true, 0)
	page, err := r.a.Occupied(r.Context(), "", 10)
	if len(page.Rooms) != 0 || err != nil {
		r.Fatalf("occupied are %+v, %v", page, err)
	}
}

func revokedAcross(r *sharedRig) {
	r.must(r.a.Revoke(r.Context(), hubbub.Revocation{User: "ann", Until: r.clock.Now().Add(time.Hour)}))
	_, err := r.b.Open(r.Context(), r.b.record("ann phone s1 b"), hubbub.DeviceLimit{})
	r.refused(err, hubbub.Unauthorized)
	if blocked, until, err := r.b.Blocked(r.Context(), "ann"); !blocked || !until.Equal(r.clock.Now().Add(time.Hour)) || err != nil {
		r.Fatalf("ann is blocked: %v until %v, %v", blocked, until, err)
	}
	if was, err := r.b.Unblock(r.Context(), "ann"); !was || err != nil {
		r.Fatalf("unblocking tells %v, %v", was, err)
	}
	r.a.open("ann phone s1", hubbub.DeviceLimit{})
}

func streamsAcross(r *sharedRig) {
	for i := range 6 {
		on := []*rig{r.a, r.b}[i%2]
		on.say(lobby, i, hubbub.Retention{})
	}
	for _, on := range []*rig{r.a, r.b} {
		on.expect(on.after(lobby, hubbub.Position{}, 10), false, true, 0, 1, 2, 3, 4, 5)
	}
	first := r.a.append(r.a.keyed(6, "k", hubbub.Retention{}))
	again := r.b.append(r.b.keyed(6, "k", hubbub.Retention{}))
	if !again.Repeated || again.Message.Position != first.Message.Position {
		r.Fatalf("the same key made %+v on the other instance, first %+v", again, first)
	}
	changed, err := r.b.MarkRead(r.Context(), "bob", lobby, first.Message.Position)
	if !changed || err != nil {
		r.Fatalf("marking as read tells %v, %v", changed, err)
	}
	if changed, err = r.a.MarkRead(r.Context(), "bob", lobby, first.Message.Position); changed || err != nil {
		r.Fatalf("marking as read again tells %v, %v", changed, err)
	}
}

// loginBoth opens n sessions of ann at once, each with a device of its own, on both instances in turn.
func (r *sharedRig) loginBoth(n int, l hubbub.DeviceLimit) *loginResult {
	r.Helper()
	res := &loginResult{accepted: map[string]bool{}, replaced: map[string]int{}, generated: map[uint64]bool{}, told: map[string]int{}}
	atOnce(n, func(i int) {
		on := []*rig{r.a, r.b}[i%2]
		s := on.record(alternate(i))
		o, err := on.Open(r.Context(), s, l)
		res.mu.Lock()
		defer res.mu.Unlock()
		if err != nil {
			res.refused++
			if hubbub.AsError(err).Reason != hubbub.Conflict {
				r.Errorf("%v", err)
			}
			return
		}
		res.accepted[s.ID], res.generated[o.Generation] = true, true
		for _, old := range o.Replaced {
			res.replaced[old.ID]++
		}
		for _, t := range o.Transitions {
			res.told[story([]hubbub.Transition{t})]++
		}
	})
	return res
}

func loginsOnBoth(r *sharedRig) {
	n := r.a.crowd()
	for _, most := range []int{1, 3} {
		r.renew()
		res := r.loginBoth(n, hubbub.DeviceLimit{Max: most})
		left := r.a.sessions("ann")
		if len(left) != most || len(res.accepted) != n || len(res.generated) != n {
			r.Fatalf("of %d logins, %d accepted in %d generations, %d are left; want %d", n, len(res.accepted), len(res.generated),
				len(left), most)
		}
		if other := r.b.sessions("ann"); !slices.Equal(left, other) {
			r.Fatalf("one instance has %v, the other one %v", left, other)
		}
		for id := range res.accepted {
			gone := 1
			if slices.Contains(left, id) {
				gone = 0
			}
			if res.replaced[id] != gone || res.told["+"+id] != 1 || res.told["-"+id+" signed_in_elsewhere"] != gone {
				r.Errorf("%s was replaced %d times, want %d; told was %v", id, res.replaced[id], gone, res.told)
			}
		}
		if most == 1 && res.told["online ann"] != 1 {
			r.Errorf("ann came online %d times", res.told["online ann"])
		}
		r.b.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	}
}

func refusedOnBoth(r *sharedRig) {
	n := r.a.crowd()
	res := r.loginBoth(n, hubbub.DeviceLimit{Max: 3, Refuse: true})
	if left := r.a.sessions("ann"); len(left) != 3 || len(res.accepted) != 3 || res.refused != n-3 || len(res.replaced) != 0 {
		r.Fatalf("%d accepted, %d refused, replaced %v, left %v; want 3", len(res.accepted), res.refused, res.replaced, left)
	}
}

func endedByBoth(r *sharedRig) {
	const n = 40
	for i := range n {
		r.a.open(fmt.Sprintf("ann d%d s%d", i, i), hubbub.DeviceLimit{})
	}
	var mu sync.Mutex
	told := map[string]int{}
	atOnce(4*n, func(i int) {
		on := []*rig{r.a, r.b}[i%2]
		all, err := on.End(r.Context(), hubbub.Target{User: "ann", Session: fmt.Sprint("s", i/4)}, hubbub.EndLoggedOut)
		if err != nil {
			r.Errorf("%v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, t := range all {
			told[story([]hubbub.Transition{t})]++
		}
	})
	for i := range n {
		if times := told[fmt.Sprintf("-s%d logged_out", i)]; times != 1 {
			r.Errorf("s%d ended %d times", i, times)
		}
	}
	r.a.are("ann")
	r.b.are("ann")
}

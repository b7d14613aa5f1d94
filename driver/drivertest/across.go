package drivertest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func acrossTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"what one instance decides the other one knows", decidedAcross},
		{"a node hears what the other one has ended", hearsAcross},
		{"rooms across two instances", roomsAcross},
		{"revocations across two instances", revokedAcross},
		{"streams across two instances", streamsAcross},
		{"who is erased on one instance takes part anew on the other one", erasedAcross},
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

func erasedAcross(r *sharedRig) {
	both := hubbub.PairStream("ann", "bob")
	for i, s := range []hubbub.Stream{both, lobby} {
		r.a.tell("ann", s, i)
	}
	(&eraseRig{r.b.streamRig, r.b.Driver}).erase("ann")
	for _, on := range []*rig{r.a, r.b} {
		if of, peer := on.talks("ann", 10), on.talks("bob", 10); len(of)+len(peer) != 0 {
			r.Fatalf("after ann was erased she has the conversations %+v, and bob %+v", of, peer)
		}
	}
	r.a.tell("ann", both, 2) // on the instance that knew her
	for _, on := range []*rig{r.a, r.b} {
		for _, user := range []string{"ann", "bob"} {
			if c := on.talks(user, 10); len(c) != 1 || string(c[0].Last.Data) != "2" {
				r.Fatalf("%s has the conversations %+v", user, c)
			}
		}
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

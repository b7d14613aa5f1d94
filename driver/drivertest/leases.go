package drivertest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func leaseTests() []test[*rig] {
	return []test[*rig]{
		{"grace keeps a user online", graceKeeps},
		{"grace begins with the last session", graceOfLast},
		{"a user who comes back too late was offline", backTooLate},
		{"the sessions of a lost node end once", lostNode},
		{"a lost node has no sessions before it is reaped", lostBeforeReaping},
		{"a lost node gives way", lostGivesWay},
		{"a node that comes back hears what it has lost", comesBack},
		{"a node hears what others have ended", hearsEnds},
		{"releasing a node ends its sessions", releasing},
		{"several reapers at once", reapersAtOnce},
		{"transitions are told until they are confirmed", toldUntilConfirmed},
		{"a transition is confirmed once", confirmedOnce},
	}
}

func graceKeeps(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	r.clock.Advance(time.Second)
	r.confirm(r.end(hubbub.Target{User: "ann", Session: "s1"}, hubbub.EndClosed))
	end := r.clock.Now()
	r.clock.Advance(Grace - time.Second)
	p := r.presence("ann")
	if !p.Online || len(p.Devices) != 0 || !p.LastSeen.Equal(end) || string(p.Info) != `{"of":"s1"}` {
		r.Fatalf("in the grace period ann is %+v", p)
	}
	for _, t := range r.reap() {
		if t.Kind == hubbub.UserOffline {
			r.Fatalf("ann went offline in the grace period")
		}
	}
	r.tells(r.open("ann phone s2", hubbub.DeviceLimit{}).Transitions, "+s2")
	r.pass(2 * Grace)
	for _, t := range r.reap() {
		if t.Kind == hubbub.UserOffline {
			r.Fatalf("ann went offline, although she was back in time")
		}
	}
	if p := r.presence("ann"); !p.Online || !p.LastSeen.IsZero() {
		r.Fatalf("ann is %+v", p)
	}
}

func graceOfLast(r *rig) {
	r.renew()
	r.confirm(r.open("ann phone s1", hubbub.DeviceLimit{}).Transitions)
	r.confirm(r.open("ann laptop s2 b", hubbub.DeviceLimit{}).Transitions)
	r.confirm(r.end(hubbub.Target{User: "ann", Session: "s1"}, hubbub.EndClosed))
	r.pass(2 * Grace)
	r.tells(r.reap(), "")
	r.confirm(r.end(hubbub.Target{User: "ann", Session: "s2"}, hubbub.EndClosed))
	end := r.clock.Now()
	r.pass(Grace + time.Millisecond)
	offline := r.reap()
	r.tells(offline, "offline ann")
	r.confirm(offline)
	r.tells(r.reap(), "")
	if p := r.presence("ann"); p.Online || !p.LastSeen.Equal(end) || p.Info != nil {
		r.Fatalf("ann is %+v", p)
	}
	r.tells(r.open("ann phone s3", hubbub.DeviceLimit{}).Transitions, "+s3, online ann")
}

func backTooLate(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	r.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)
	r.clock.Advance(Grace + time.Millisecond)
	if p := r.presence("ann"); p.Online {
		r.Fatalf("ann is %+v after the grace period", p)
	}
	r.tells(r.open("ann phone s2", hubbub.DeviceLimit{}).Transitions, "offline ann, +s2, online ann")
}

// lose lets a lease pass in which only node b renews, and returns when the lease of node a has ended.
func (r *rig) lose(beyond time.Duration) time.Time {
	r.Helper()
	r.renew()
	end := r.clock.Now().Add(Lease)
	for _, step := range []time.Duration{Lease / 2, Lease / 2, beyond} {
		r.clock.Advance(step)
		_, err := r.Renew(r.Context(), hubbub.NodeStatus{Node: nodeB})
		r.must(err)
	}
	return end
}

func lostNode(r *rig) {
	r.renew()
	r.confirm(r.open("ann phone s1", hubbub.DeviceLimit{}).Transitions)
	r.confirm(r.open("ann laptop s2 b", hubbub.DeviceLimit{}).Transitions)
	r.confirm(r.open("bob phone s3", hubbub.DeviceLimit{}).Transitions)
	end := r.lose(time.Second)
	told := r.reap()
	r.confirm(told)
	kinds := map[string]int{}
	for _, t := range told {
		kinds[story([]hubbub.Transition{t})]++
	}
	if len(told) != 2 || kinds["-s1 node_lost"] != 1 || kinds["-s3 node_lost"] != 1 {
		r.Fatalf("what has changed is %s", story(told))
	}
	if p := r.presence("bob"); !p.Online || !p.LastSeen.Equal(end) {
		r.Fatalf("bob is %+v; his grace runs from the end of the lease, %v", p, end)
	}
	r.tells(r.reap(), "")
	r.are("ann", "s2")
	r.clock.Advance(Grace)
	told = r.reap()
	r.tells(told, "offline bob")
	r.confirm(told)
	_, err := r.Open(r.Context(), r.record("bob phone s4"), hubbub.DeviceLimit{})
	r.refused(err, hubbub.Unavailable)
	r.tells(r.end(hubbub.Target{User: "bob"}, hubbub.EndClosed), "")
}

func lostBeforeReaping(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	r.open("ann laptop s2 b", hubbub.DeviceLimit{})
	r.open("bob phone s3", hubbub.DeviceLimit{})
	end := r.lose(time.Second)
	r.are("ann", "s2")
	r.are("bob")
	if p := r.presence("ann"); len(p.Devices) != 1 || p.Devices[0].Device != "laptop" {
		r.Fatalf("ann is %+v", p)
	}
	if p := r.presence("bob"); !p.Online || len(p.Devices) != 0 || !p.LastSeen.Equal(end) {
		r.Fatalf("bob is %+v; his grace runs from the end of the lease, %v", p, end)
	}
	r.count(2, 1)
	r.clock.Advance(Grace)
	if p := r.presence("bob"); p.Online {
		r.Fatalf("bob is %+v", p)
	}
	r.count(1, 1)
	if page := r.online(hubbub.Filter{}, "", 10); page.Total != 1 || len(page.Users) != 1 {
		r.Fatalf("online are %+v", page)
	}
	if reaped := story(r.reap()); !strings.Contains(reaped, "-s3 node_lost, offline bob") {
		r.Fatalf("what has changed is %q", reaped)
	}
}

func lostGivesWay(r *rig) {
	r.renew()
	l := hubbub.DeviceLimit{Max: 1, Sessions: 1, Refuse: true}
	r.open("ann phone s1", l)
	r.lose(time.Second)
	o := r.open("ann laptop s2 b", l)
	r.tells(o.Transitions, "-s1 node_lost, +s2")
	if len(o.Replaced) != 0 {
		r.Fatalf("replaced are %v, which had ended", ids(o.Replaced))
	}
	r.renew() // node a comes back
	r.are("ann", "s2")
}

func comesBack(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	r.open("bob phone s2", hubbub.DeviceLimit{})
	r.lose(time.Second)
	r.reap()
	ended := r.renew()
	if len(ended) != 2 || ended["s1"] != hubbub.EndNodeLost || ended["s2"] != hubbub.EndNodeLost {
		r.Fatalf("the node is told that %v have ended", ended)
	}
	r.refused(r.Update(r.Context(), r.record("ann phone s1")), hubbub.NotFound)
	r.open("ann phone s3", hubbub.DeviceLimit{})
	r.are("ann", "s3")
}

func hearsEnds(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	r.open("ann laptop s2 b", hubbub.DeviceLimit{})
	r.open("ann tablet s3", hubbub.DeviceLimit{})
	r.end(hubbub.Target{User: "ann", Session: "s1"}, hubbub.EndLoggedOut)
	renewal, err := r.Renew(r.Context(), hubbub.NodeStatus{Node: nodeA})
	r.must(err)
	ended := renewal.Ended
	if len(ended) != 1 || ended["s1"] != hubbub.EndLoggedOut {
		r.Fatalf("node a is told that %v have ended", ended)
	}
	renewal, err = r.Renew(r.Context(), hubbub.NodeStatus{Node: nodeB})
	r.must(err)
	ended = renewal.Ended
	if len(ended) != 0 {
		r.Fatalf("node b is told that %v have ended", ended)
	}
}

func releasing(r *rig) {
	r.renew()
	r.open("ann phone s1", hubbub.DeviceLimit{})
	r.open("ann laptop s2 b", hubbub.DeviceLimit{})
	_, _, err := r.Enter(r.Context(), "lobby", "ann", "s1")
	r.must(err)
	told, err := r.Release(r.Context(), nodeA)
	r.must(err)
	r.tells(told, "-s1 draining")
	if !told[0].Time.Equal(r.clock.Now()) || len(told[0].Left) != 1 {
		r.Fatalf("s1 ended like this: %+v", told[0])
	}
	again, err := r.Release(r.Context(), nodeA)
	r.must(err)
	r.tells(again, "")
	_, err = r.Open(r.Context(), r.record("ann phone s3"), hubbub.DeviceLimit{})
	r.refused(err, hubbub.Unavailable)
	r.are("ann", "s2")
	_, err = r.Release(r.Context(), "a node that never was")
	r.must(err)
}

func reapersAtOnce(r *rig) {
	r.renew()
	const users, reapers = 120, 8
	for i := range users {
		r.confirm(r.open(fmt.Sprintf("u%d d s%d", i, i), hubbub.DeviceLimit{}).Transitions)
	}
	r.lose(Grace + time.Second)
	var mu sync.Mutex
	told := map[string]int{}
	var all []hubbub.Transition
	atOnce(reapers, func(int) {
		for range 2 {
			mine, err := r.Reap(r.Context())
			if err != nil {
				r.Errorf("%v", err)
			}
			mu.Lock()
			all = append(all, mine...)
			for _, t := range mine {
				told[story([]hubbub.Transition{t})]++
			}
			mu.Unlock()
		}
	})
	for i := range users {
		lost, offline := told[fmt.Sprintf("-s%d node_lost", i)], told[fmt.Sprintf("offline u%d", i)]
		if lost != 1 || offline != 1 {
			r.Errorf("s%d ended %d times, u%d went offline %d times", i, lost, i, offline)
		}
	}
	r.confirm(all)
	r.clock.Advance(2 * Lease)
	r.tells(r.reap(), "")
	r.count(0, 0)
}

func toldUntilConfirmed(r *rig) {
	r.renew()
	told := r.open("ann phone s1", hubbub.DeviceLimit{}).Transitions
	_, _, err := r.Enter(r.Context(), "lobby", "ann", "s1")
	r.must(err)
	told = append(told, r.end(hubbub.Target{User: "ann"}, hubbub.EndClosed)...)
	r.confirm(told[:1])
	r.clock.Advance(Grace - time.Second)
	r.tells(r.reap(), "") // before the grace and the lease have passed
	for range 3 {
		r.clock.Advance(Lease + time.Second)
		again := map[string]hubbub.Transition{}
		for _, t := range r.reap() {
			if t.Kind != hubbub.UserOffline {
				again[t.ID] = t
			}
		}
		if len(again) != 2 {
			r.Fatalf("told again are %+v, want %s", again, story(told[1:]))
		}
		for _, t := range told[1:] {
			same := again[t.ID]
			if same.Kind != t.Kind || same.User != t.User || same.Why != t.Why || !same.Time.Equal(t.Time) ||
				same.Session.ID != t.Session.ID || len(same.Left) != 0 {
				r.Fatalf("told was %+v, and again %+v", t, same)
			}
		}
	}
	r.confirm(told[1:])
	r.clock.Advance(Lease + time.Second)
	for _, t := range r.reap() {
		if t.Kind != hubbub.UserOffline {
			r.Fatalf("told after it was confirmed: %+v", t)
		}
	}
}

func confirmedOnce(r *rig) {
	r.renew()
	told := r.open("ann phone s1", hubbub.DeviceLimit{}).Transitions
	told = append(told, r.open("bob phone s2", hubbub.DeviceLimit{}).Transitions...)
	all := []string{"", "x"}
	for _, t := range told {
		all = append(all, t.ID, t.ID)
	}
	var mu sync.Mutex
	first := 0
	atOnce(50, func(i int) {
		ids := []string{told[i%4].ID}
		if i%5 == 0 {
			ids = all
		}
		n, err := r.Confirm(r.Context(), ids...)
		if err != nil {
			r.Errorf("%v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		first += n
	})
	if first != 4 || len(told) != 4 {
		r.Fatalf("%d transitions were confirmed %d times", len(told), first)
	}
	for _, id := range []string{"", "x", told[0].ID + "0", told[0].ID} {
		if n, err := r.Confirm(r.Context(), id); n != 0 || err != nil {
			r.Fatalf("confirming %q: %v, %v", id, n, err)
		}
	}
}

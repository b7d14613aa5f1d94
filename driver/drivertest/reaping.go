package drivertest

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func reapAcrossTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"both reap a lost node at once, and each session once", reapedByBoth},
		{"a lost node gives way on the other one", lostGivesWayAcross},
		{"what a lost node has not told the other one tells", toldForTheLost},
		{"the grace that a lost node has begun the other one ends", graceOfTheLost},
		{"a transition is confirmed once by both", confirmedByBoth},
		{"a released node is told of once", releasedAcross},
	}
}

// others keeps both nodes alive for longer than a lease, while all other nodes are lost.
func (r *sharedRig) others(beyond time.Duration) {
	r.Helper()
	r.pass(Lease + beyond)
}

func reapedByBoth(r *sharedRig) {
	const users = 120
	r.a.renewal("node-c-1")
	for i := range users {
		s := r.a.record(fmt.Sprintf("u%d d s%d", i, i))
		s.Node = "node-c-1"
		o, err := r.a.Open(r.Context(), s, hubbub.DeviceLimit{})
		r.must(err)
		r.a.confirm(o.Transitions)
	}
	r.others(Grace + time.Second)
	var mu sync.Mutex
	told := map[string]int{}
	var all []hubbub.Transition
	reap := func(i int) {
		on := []*rig{r.a, r.b}[i%2]
		mine, err := on.Reap(r.Context())
		if err != nil {
			r.Errorf("%v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, mine...)
		for _, t := range mine {
			told[story([]hubbub.Transition{t})]++
		}
	}
	for round := 0; len(told) < 2*users && round < 512; round++ {
		atOnce(4, reap)
	}
	for i := range users {
		lost, offline := told[fmt.Sprintf("-s%d node_lost", i)], told[fmt.Sprintf("offline u%d", i)]
		if lost != 1 || offline != 1 {
			r.Errorf("s%d ended %d times, u%d went offline %d times", i, lost, i, offline)
		}
	}
	r.a.confirm(all)
	r.pass(2 * Lease)
	r.a.tells(r.a.reap(), "")
	r.b.tells(r.b.reap(), "")
	r.b.count(0, 0)
}

func lostGivesWayAcross(r *sharedRig) {
	l := hubbub.DeviceLimit{Max: 1, Sessions: 1, Refuse: true}
	r.a.open("ann phone s1", l)
	r.loseA()
	o := r.b.open("ann laptop s2 b", l)
	r.b.tells(o.Transitions, "-s1 node_lost, +s2")
	if why := r.a.renewal(nodeA).Ended["s1"]; why != hubbub.EndNodeLost {
		r.Fatalf("node a is told that s1 has ended for %q", why)
	}
	r.a.are("ann", "s2")
}

func toldForTheLost(r *sharedRig) {
	told := r.a.open("ann phone s1", hubbub.DeviceLimit{}).Transitions
	r.loseA()
	all := r.b.reapAll("+s1", "online ann", "-s1 node_lost")
	r.b.confirm(all)
	for _, t := range told {
		if first, err := r.a.Confirm(r.Context(), t.ID); first != 0 || err != nil {
			r.Fatalf("what the other one has confirmed is confirmed again: %v, %v", first, err)
		}
	}
	r.clock.Advance(Grace)
	r.b.renewal(nodeB)
	r.b.confirm(r.b.reapAll("offline ann"))
}

func graceOfTheLost(r *sharedRig) {
	r.a.confirm(r.a.open("ann phone s1", hubbub.DeviceLimit{}).Transitions)
	r.a.confirm(r.a.end(hubbub.Target{User: "ann"}, hubbub.EndClosed))
	end := r.clock.Now()
	r.loseA()
	offline := r.b.reapAll("offline ann")
	if !offline[0].Time.Equal(end.Add(Grace)) {
		r.Errorf("ann is offline since %v, and the grace was over at %v", offline[0].Time, end.Add(Grace))
	}
}

func confirmedByBoth(r *sharedRig) {
	told := r.a.open("ann phone s1", hubbub.DeviceLimit{}).Transitions
	var mu sync.Mutex
	first := 0
	atOnce(40, func(i int) {
		n, err := []*rig{r.a, r.b}[i%2].Confirm(r.Context(), told[i/2%2].ID)
		if err != nil {
			r.Errorf("%v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		first += n
	})
	if first != 2 {
		r.Fatalf("%d transitions were confirmed %d times", len(told), first)
	}
}

func releasedAcross(r *sharedRig) {
	r.a.confirm(r.a.open("ann phone s1", hubbub.DeviceLimit{}).Transitions)
	released, err := r.a.Release(r.Context(), nodeA)
	r.must(err)
	r.a.tells(released, "-s1 draining")
	r.a.confirm(released)
	r.b.are("ann")
	r.clock.Advance(Grace + time.Millisecond)
	r.b.renewal(nodeB)
	r.b.reapAll("offline ann")
	_, err = r.a.Open(r.Context(), r.a.record("ann phone s2"), hubbub.DeviceLimit{})
	r.refused(err, hubbub.Unavailable)
}

func decisionAcrossTests() []test[*sharedRig] {
	return []test[*sharedRig]{
		{"earlier decisions of the other instance are told before one's own", earlierFirst},
		{"decisions of both instances merge into one order", mergedOrder},
	}
}

// ledger takes down what was decided, in the order in which it is told.
type ledger struct {
	mu  sync.Mutex
	all []hubbub.Transition
}

func (r *rig) ledger() *ledger {
	l := &ledger{}
	r.Driver.(hubbub.Ordered).OnDecision(func(all []hubbub.Transition) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, all...)
	})
	return l
}

// says fails the test unless this is what was told since it was asked last.
func (l *ledger) says(r *rig, want string) {
	r.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if got := story(l.all); got != want {
		r.Fatalf("told is %q, want %q", got, want)
	}
	l.all = nil
}

func earlierFirst(r *sharedRig) {
	a, b := r.a.ledger(), r.b.ledger()
	one := hubbub.DeviceLimit{Max: 1}
	came := r.a.open("ann phone s1", one).Transitions
	a.says(r.a, "+s1, online ann")
	r.b.open("bob phone s9 b", one)
	b.says(r.b, "+s9, online bob") // of ann is nothing in it
	replaced := r.b.open("ann laptop s2 b", one).Transitions
	r.b.tells(replaced, "-s1 signed_in_elsewhere, +s2") // only what it has decided itself
	b.says(r.b, "+s1, online ann, -s1 signed_in_elsewhere, +s2")
	ended := r.a.end(hubbub.Target{User: "ann"}, hubbub.EndLoggedOut)
	r.a.tells(ended, "-s2 logged_out")
	a.says(r.a, "-s1 signed_in_elsewhere, +s2, -s2 logged_out") // not its own ones again
	r.a.confirm(came)
	r.b.confirm(replaced)
	r.b.confirm(ended[:1])
	r.b.open("ann laptop s3 b", one)
	b.says(r.b, "+s3")
	r.a.end(hubbub.Target{User: "nobody"}, hubbub.EndLoggedOut)
	r.a.end(hubbub.Target{User: "ann", Session: "s1"}, hubbub.EndLoggedOut)
	a.says(r.a, "") // where nothing is decided nothing is told
}

// mergedOrder has sessions of few users come and go on both instances at the same time. Whatever each of them tells is put into one list,
// as into a store that knows each transition once, and may be confirmed then.
func mergedOrder(r *sharedRig) {
	const workers, each = 8, 40
	var mu sync.Mutex
	var merged []hubbub.Transition
	known := map[string]bool{}
	for _, on := range []*rig{r.a, r.b} {
		on.Driver.(hubbub.Ordered).OnDecision(func(all []hubbub.Transition) {
			mu.Lock()
			defer mu.Unlock()
			for _, t := range all {
				if !known[t.ID] {
					known[t.ID] = true
					merged = append(merged, t)
				}
			}
		})
	}
	settle := func(on *rig, all []hubbub.Transition, err error, confirm bool) {
		if err != nil {
			r.Errorf("%v", err)
		}
		for _, t := range all {
			mu.Lock()
			told := known[t.ID]
			mu.Unlock()
			if !told {
				r.Errorf("%s %s is returned, but was not told", t.Kind, t.ID)
			}
			if confirm {
				if _, err := on.Confirm(r.Context(), t.ID); err != nil {
					r.Errorf("%v", err)
				}
			}
		}
	}
	atOnce(workers, func(i int) {
		on := []*rig{r.a, r.b}[i%2]
		for n := range each {
			user := fmt.Sprint("user", n%3)
			s := on.record(fmt.Sprintf("%s d%d s%d-%d %c", user, i, i, n, 'a'+rune(i%2)))
			o, err := on.Open(r.Context(), s, hubbub.DeviceLimit{Max: 3})
			settle(on, o.Transitions, err, n%2 == 0)
			ended, err := on.End(r.Context(), hubbub.Target{User: user, Session: s.ID}, hubbub.EndClosed)
			settle(on, ended, err, n%3 == 0)
			if i < 2 {
				r.clock.Advance(Grace / 4)
				r.stayAlive()
			}
			if _, err := on.Reap(r.Context()); err != nil { // it may also tell what others have decided
				r.Errorf("%v", err)
			}
		}
	})
	checkOrder(&r.base, merged)
}

// stayAlive is renew for tests in which many do things at once.
func (r *sharedRig) stayAlive() {
	for node, on := range map[string]*rig{nodeA: r.a, nodeB: r.b} {
		if _, err := on.Renew(r.Context(), hubbub.NodeStatus{Node: node}); err != nil {
			r.Errorf("%v", err)
		}
	}
}

// checkOrder fails the test unless sessions and users begin before they end, in turn.
func checkOrder(r *base, all []hubbub.Transition) {
	r.Helper()
	began, sessions := map[string]bool{}, map[string]int{}
	for i, t := range all {
		id, comes := "user "+t.User, t.Kind == hubbub.UserOnline
		if t.Kind == hubbub.SessionConnected || t.Kind == hubbub.SessionDisconnected {
			id, comes = t.Session.ID, t.Kind == hubbub.SessionConnected
			sessions[t.User] += map[bool]int{true: 1, false: -1}[comes]
		}
		if began[id] == comes || t.Kind == hubbub.UserOffline && sessions[t.User] > 0 {
			var of []hubbub.Transition
			for _, before := range all[:i+1] {
				if before.User == t.User {
					of = append(of, before)
				}
			}
			told := strings.Split(story(of), ", ")
			r.Fatalf("%s of %s is out of order: …, %s", t.Kind, id, strings.Join(told[max(0, len(told)-12):], ", "))
		}
		began[id] = comes
	}
}

package drivertest

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/hubbub-dev/hubbub"
)

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
	for field, value := range reflect.ValueOf(want).Fields() {
		if value.IsZero() {
			r.Fatalf("this test says nothing of NodeStatus.%s, so that a driver could lose it", field.Name)
		}
	}
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
		r.doubtful(doubt)
	}
}

// doubtful fails the test unless node a may lack something at this moment, or not.
func (r *sharedRig) doubtful(want bool) {
	r.Helper()
	if got := r.a.shared().Doubtful(nodeA); got != want {
		r.Fatalf("between renewals it says doubt %v, want %v", got, want)
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
	r.doubtful(true)
	r.a.shared().Restored(nodeA)
	r.doubtful(false)
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

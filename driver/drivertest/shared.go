package drivertest

import (
	"slices"
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

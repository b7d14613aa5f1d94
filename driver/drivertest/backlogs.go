package drivertest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hubbub-dev/hubbub"
)

func backlogTests() []test[*storeRig] {
	return []test[*storeRig]{
		{"what waits for each target", backlogs},
		{"old dead items are discarded", discardDead},
		{"targets that are not there any more", discardTargets},
		{"discarding in steps", discardMuch},
	}
}

// to returns a target of the store's outbox.
func (r *storeRig) to(target string) *outboxRig { return &outboxRig{r.base, r.Store, target} }

// waits fails the test unless the backlogs are these, each as "target waiting dead", and how old the oldest is if one waits.
func (r *storeRig) waits(want ...string) {
	r.Helper()
	all, err := r.Backlogs(r.Context())
	r.must(err)
	var got []string
	for _, b := range all {
		text := fmt.Sprint(b.Target, " ", b.Waiting, " ", b.Dead)
		if !b.Oldest.IsZero() {
			text += fmt.Sprint(" ", r.clock.Now().Sub(b.Oldest))
		}
		got = append(got, text)
	}
	if !slices.Equal(got, want) {
		r.Fatalf("the backlogs are %q, want %q", got, want)
	}
}

// discard discards in steps, and returns how many there were.
func (r *storeRig) discard(before time.Time, limit int, targets ...string) (steps int) {
	r.Helper()
	for steps = 1; steps < 1000; steps++ {
		more, err := r.Discard(r.Context(), before, targets, limit)
		r.must(err)
		if !more {
			return steps
		}
	}
	r.Fatalf("discarding has no end")
	return 0
}

func backlogs(r *storeRig) {
	r.waits()
	a, b := r.to("a"), r.to("b")
	b.put("x/1", "x/2")
	r.clock.Advance(time.Second)
	a.put("x/1", "y/2", "x/3")
	r.clock.Advance(time.Second)
	b.put("y/3")
	r.waits("a 3 0 1s", "b 3 0 2s")
	a.claim(1)
	r.waits("a 3 0 1s", "b 3 0 2s")
	a.settle(hubbub.OutcomeDelivered, "1")
	b.claim(1)
	b.settle(hubbub.OutcomeDead, "1")
	r.waits("a 2 0 1s", "b 2 1 2s")
	b.expect("2", "3")
	b.settle(hubbub.OutcomeDead, "2", "3")
	a.expect("2", "3")
	a.settle(hubbub.OutcomeRetry, "2", "3")
	r.waits("a 2 0 1s", "b 0 3")
	b.replay(1, "3")
	r.waits("a 2 0 1s", "b 1 2 0s")
}

func discardDead(r *storeRig) {
	a, b, waiting := r.to("a"), r.to("b"), r.to("c")
	waiting.put("x/w", "y/w2")
	for i := range 4 {
		a.put(fmt.Sprintf("x/%d", i))
		b.put(fmt.Sprintf("x/%d", i))
		a.expect(fmt.Sprint(i))
		b.expect(fmt.Sprint(i))
		a.settle(hubbub.OutcomeDead, fmt.Sprint(i))
		b.settle(hubbub.OutcomeDead, fmt.Sprint(i))
		r.clock.Advance(time.Hour)
	}
	before := r.clock.Now().Add(-2 * time.Hour) // the third was accepted then
	r.discard(before, 1, "a", "b", "c")
	if got := append(itemIDs(a.dead(0, 10)), itemIDs(b.dead(0, 10))...); !slices.Equal(got, []string{"2", "3", "2", "3"}) {
		r.Fatalf("dead are %q", got)
	}
	waiting.expect("w", "w2") // what waits is not touched
	a.replay(1, "1", "2")
	a.expect("2")
	a.settle(hubbub.OutcomeDelivered, "2")
	a.put("z/0")
	a.expect("0") // it may be put again
}

func discardTargets(r *storeRig) {
	gone, stays := r.to("gone"), r.to("stays")
	for i, at := range []string{"x", "y", "x", "z", "x", "y"} {
		for _, o := range []*outboxRig{gone, stays} {
			o.put(fmt.Sprintf("%s/%d", at, i))
		}
		r.clock.Advance(time.Hour)
	}
	gone.expect("0", "1", "3")
	gone.settle(hubbub.OutcomeRetry, "0")
	before := r.clock.Now().Add(-2 * time.Hour) // "4" was accepted then
	if n := r.discard(before, 2, "stays", "other"); n < 2 {
		r.Fatalf("four items by two are discarded in %d steps", n)
	}
	r.waits("gone 2 0 2h0m0s", "stays 6 0 6h0m0s")
	r.clock.Advance(time.Hour)
	gone.expect("4", "5")
	gone.settle(hubbub.OutcomeDelivered, "0", "4")
	r.discard(r.clock.Now().Add(time.Hour), 100, "stays")
	gone.expect()
	stays.expect("0", "1", "3")
	gone.put("x/0", "x/9")
	gone.expect("0")
}

func discardMuch(r *storeRig) {
	const n = 300
	gone, seq := r.to("gone"), uint64(0)
	var words []string
	for i := range n {
		words = append(words, fmt.Sprintf("o%d/%d", i%7, i))
	}
	gone.put(words...)
	r.clock.Advance(time.Second)
	if steps := r.discard(r.clock.Now(), 10); steps < n/10 {
		r.Fatalf("%d items by ten are discarded in %d steps", n, steps)
	}
	r.clock.Advance(48 * time.Hour)
	r.discard(r.clock.Now(), 1000)
	gone.put(strings.Fields("a/1 b/2")...)
	for _, item := range gone.claimItems(10) {
		if item.Seq <= max(seq, n) {
			r.Fatalf("the number %d was given before", item.Seq)
		}
		seq = item.Seq
	}
}

package drivertest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// RunOutbox tests an outbox. outbox returns a new one that knows nothing of the others and lives by the clock. It is called for
// each test, and cleans up after itself with t.Cleanup.
func RunOutbox(t *testing.T, outbox func(t *testing.T, clock *Clock) hubbub.Outbox) {
	rig := func(t *testing.T, clock *Clock) *outboxRig {
		return &outboxRig{base{t, clock}, outbox(t, clock), "hook"}
	}
	run(t, rig, []test[*outboxRig]{
		{"items", items},
		{"one after the other", oneAfterTheOther},
		{"ids that are known", knownIDs},
		{"leases that run out", leasesRunOut},
		{"retries", retries},
		{"what was given up", givenUp},
		{"replayed among others", replayedAmongOthers},
		{"settled late", settledLate},
		{"targets", otherTargets},
		{"claimed at once", claimedAtOnce},
		{"receivers that die", receiversThatDie},
	})
	t.Run("model of an outbox", func(t *testing.T) { modelOutbox(t, outbox) })
}

// outboxRig is one target of an outbox under test.
type outboxRig struct {
	base
	hubbub.Outbox
	target string
}

// put puts items by words as "a/1", which is the item "1" of the order "a".
func (r *outboxRig) put(words ...string) {
	r.Helper()
	all := make([]hubbub.OutboxItem, len(words))
	for i, word := range words {
		order, id, _ := strings.Cut(word, "/")
		all[i] = hubbub.OutboxItem{ID: id, Target: r.target, Order: order, Payload: []byte("payload of " + id), Time: r.clock.Now()}
	}
	r.must(r.Put(r.Context(), all))
}

// claim claims for a minute and returns the ids.
func (r *outboxRig) claim(limit int) []string {
	r.Helper()
	return itemIDs(r.claimItems(limit))
}

func (r *outboxRig) claimItems(limit int) []hubbub.OutboxItem {
	r.Helper()
	all, err := r.Claim(r.Context(), r.target, limit, time.Minute)
	r.must(err)
	for i := range all {
		if i > 0 && all[i].Seq <= all[i-1].Seq {
			r.Fatalf("claimed in the wrong order: %+v", all)
		}
	}
	return all
}

// expect fails the test unless these can be claimed now.
func (r *outboxRig) expect(want ...string) {
	r.Helper()
	if got := r.claim(1000); !slices.Equal(got, want) {
		r.Fatalf("claimed %q, want %q", got, want)
	}
}

func (r *outboxRig) settle(o hubbub.Outcome, ids ...string) {
	r.Helper()
	var all []hubbub.Settlement
	for _, id := range ids {
		all = append(all, hubbub.Settlement{Target: r.target, ID: id, Outcome: o, Retry: r.clock.Now().Add(time.Hour)})
		if o != hubbub.OutcomeDelivered {
			all[len(all)-1].Error = "no answer to " + id
		}
	}
	r.must(r.Settle(r.Context(), all))
}

func (r *outboxRig) dead(after uint64, limit int) []hubbub.OutboxItem {
	r.Helper()
	all, err := r.Dead(r.Context(), r.target, after, limit)
	r.must(err)
	return all
}

func (r *outboxRig) replay(want int, ids ...string) {
	r.Helper()
	if n, err := r.Replay(r.Context(), r.target, ids); err != nil || n != want {
		r.Fatalf("of %q are replayed %d, %v; want %d", ids, n, err, want)
	}
}

func itemIDs(items []hubbub.OutboxItem) []string {
	var all []string
	for _, item := range items {
		all = append(all, item.ID)
	}
	return all
}

func items(r *outboxRig) {
	r.expect()
	r.must(r.Put(r.Context(), nil))
	r.must(r.Settle(r.Context(), nil))
	at := r.clock.Now().Add(-time.Second)
	want := hubbub.OutboxItem{ID: "id", Target: r.target, Order: "ann", Payload: []byte("\x00\xff é"), Time: at, Seq: 77, Attempts: 5, Error: "?"}
	r.must(r.Put(r.Context(), []hubbub.OutboxItem{want, {ID: "empty", Target: r.target}}))
	if all, err := r.Claim(r.Context(), r.target, 0, time.Minute); err != nil || len(all) != 0 {
		r.Fatalf("claimed none and got %+v, %v", all, err)
	}
	got := r.claimItems(10)
	if len(got) != 2 || got[0].Seq == 0 || !got[0].Time.Equal(at) {
		r.Fatalf("claimed %+v", got)
	}
	want.Seq, want.Time, want.Attempts, want.Error = got[0].Seq, got[0].Time, 0, ""
	if !reflect.DeepEqual(got[0], want) {
		r.Fatalf("the item is %+v, want %+v", got[0], want)
	}
	if empty := got[1]; len(empty.Payload) != 0 || empty.Order != "" {
		r.Fatalf("the empty item is %+v", empty)
	}
}

func oneAfterTheOther(r *outboxRig) {
	r.put("a/1", "b/2", "a/3", "c/4", "b/5", "a/6")
	if got := r.claim(2); !slices.Equal(got, []string{"1", "2"}) {
		r.Fatalf("the first two are %q", got)
	}
	r.expect("4")
	r.put("a/7", "d/8")
	r.expect("8")
	r.settle(hubbub.OutcomeDelivered, "1", "8")
	r.expect("3")
	r.settle(hubbub.OutcomeDelivered, "2", "3")
	r.expect("5", "6")
	r.settle(hubbub.OutcomeDelivered, "6")
	r.expect("7")
	r.settle(hubbub.OutcomeDelivered, "7", "5", "4")
	r.expect()
	r.put("a/9")
	r.expect("9")
}

func knownIDs(r *outboxRig) {
	r.put("a/1", "a/1", "b/1", "a/2")
	r.put("b/2")
	r.expect("1")
	r.put("a/1")
	r.settle(hubbub.OutcomeDelivered, "1")
	r.expect("2")
	r.settle(hubbub.OutcomeDead, "2")
	r.put("a/1", "a/2", "c/3")
	r.expect("3")
	r.settle(hubbub.OutcomeDelivered, "3")
	r.clock.Advance(24 * time.Hour)
	r.put("a/1", "c/3")
	r.expect()
	r.clock.Advance(time.Millisecond)
	r.put("a/2", "c/3", "a/1", "c/3", "a/4")
	r.expect("3", "1")
	r.settle(hubbub.OutcomeDelivered, "1")
	r.expect("4")
}

func leasesRunOut(r *outboxRig) {
	r.put("a/1", "a/2", "b/3")
	r.expect("1", "3")
	r.settle(hubbub.OutcomeDelivered, "3")
	r.clock.Advance(time.Minute - time.Millisecond)
	r.expect()
	r.clock.Advance(time.Millisecond)
	got := r.claimItems(10)
	if len(got) != 1 || got[0].ID != "1" || got[0].Attempts != 1 {
		r.Fatalf("after the lease %+v is claimed", got)
	}
	r.settle(hubbub.OutcomeDelivered, "1")
	r.expect("2")
}

func retries(r *outboxRig) {
	r.put("a/1", "a/2", "b/3")
	r.expect("1", "3")
	r.settle(hubbub.OutcomeRetry, "1")
	r.settle(hubbub.OutcomeDelivered, "3")
	r.clock.Advance(time.Hour - time.Millisecond)
	r.expect()
	r.clock.Advance(time.Millisecond)
	got := r.claimItems(10)
	if len(got) != 1 || got[0].ID != "1" || got[0].Attempts != 1 || got[0].Error != "no answer to 1" {
		r.Fatalf("after an attempt %+v is claimed", got)
	}
	now := hubbub.Settlement{Target: r.target, ID: "1", Outcome: hubbub.OutcomeRetry, Retry: r.clock.Now(), Error: "again"}
	r.must(r.Settle(r.Context(), []hubbub.Settlement{now}))
	if got = r.claimItems(10); len(got) != 1 || got[0].Attempts != 2 || got[0].Error != "again" {
		r.Fatalf("at once %+v is claimed", got)
	}
	fine := hubbub.Settlement{Target: r.target, ID: "1", Outcome: hubbub.OutcomeRetry, Retry: r.clock.Now().Add(time.Nanosecond)}
	r.must(r.Settle(r.Context(), []hubbub.Settlement{fine}))
	r.expect() // not before
	r.clock.Advance(time.Millisecond)
	r.expect("1")
	r.settle(hubbub.OutcomeDelivered, "1")
	r.expect("2")
}

func givenUp(r *outboxRig) {
	r.put("a/1", "b/2", "a/3", "c/4")
	r.expect("1", "2", "4")
	r.settle(hubbub.OutcomeDead, "1", "2", "4")
	r.expect("3")
	all := r.dead(0, 2)
	if !slices.Equal(itemIDs(all), []string{"1", "2"}) || all[0].Error != "no answer to 1" || all[0].Attempts != 1 ||
		string(all[0].Payload) != "payload of 1" || all[1].Order != "b" {
		r.Fatalf("dead are %+v", all)
	}
	seq := all[1].Seq
	if all = r.dead(seq, 2); !slices.Equal(itemIDs(all), []string{"4"}) {
		r.Fatalf("then dead are %q", itemIDs(all))
	}
	r.clock.Advance(time.Second)
	r.replay(1, "2", "3", "9", "2")
	got := r.claimItems(10)
	if len(got) != 1 || got[0].ID != "2" || got[0].Seq != seq || !got[0].Time.Equal(r.clock.Now()) || got[0].Attempts != 0 || got[0].Error != "" {
		r.Fatalf("replayed is %+v", got)
	}
	r.settle(hubbub.OutcomeDelivered, "2")
	r.replay(0, "2")
	r.replay(0)
	if left := itemIDs(r.dead(0, 10)); !slices.Equal(left, []string{"1", "4"}) {
		r.Fatalf("dead are still %q", left)
	}
}

func replayedAmongOthers(r *outboxRig) {
	r.put("a/1", "a/2", "a/3", "a/4")
	r.expect("1")
	r.settle(hubbub.OutcomeDead, "1")
	r.expect("2")
	r.settle(hubbub.OutcomeDead, "2")
	r.expect("3")
	r.replay(2, "1", "2")
	r.expect() // the third is under way
	r.settle(hubbub.OutcomeRetry, "3")
	r.expect("1")
	r.settle(hubbub.OutcomeDelivered, "1")
	r.expect("2")
	r.settle(hubbub.OutcomeDelivered, "2")
	r.expect()
	r.clock.Advance(time.Hour)
	r.expect("3")
	r.settle(hubbub.OutcomeDead, "3")
	r.expect("4")
	r.replay(1, "3")
	r.clock.Advance(time.Minute) // and nobody settles the fourth
	r.expect("3")
	r.settle(hubbub.OutcomeDelivered, "3", "4")
	r.expect()
}

func settledLate(r *outboxRig) {
	r.put("a/1", "a/2")
	r.expect("1")
	r.clock.Advance(time.Hour)
	r.expect("1") // somebody else has it
	r.settle(hubbub.OutcomeDelivered, "1")
	r.expect("2")
	r.settle(hubbub.OutcomeRetry, "1", "unknown")
	r.settle(hubbub.OutcomeDead, "1")
	if dead := r.dead(0, 10); len(dead) != 0 {
		r.Fatalf("what was delivered is dead: %+v", dead)
	}
	r.settle(hubbub.OutcomeDelivered, "2")
	r.clock.Advance(2 * time.Hour)
	r.expect()
}

func otherTargets(r *outboxRig) {
	other := &outboxRig{r.base, r.Outbox, "other"}
	r.put("a/1", "a/2")
	other.put("a/1", "a/2")
	r.expect("1")
	r.settle(hubbub.OutcomeDelivered, "1")
	other.expect("1")
	other.settle(hubbub.OutcomeDead, "1")
	r.replay(0, "1")
	if dead := r.dead(0, 10); len(dead) != 0 {
		r.Fatalf("the dead of another target are %+v", dead)
	}
	r.expect("2")
	other.expect("2")
	other.replay(1, "1")
	other.settle(hubbub.OutcomeDelivered, "2")
	other.expect("1")
}

// claimedAtOnce has many put and many deliver. Nobody may get what another one has, nor an item before the one that precedes it.
func claimedAtOnce(r *outboxRig) {
	const putters, claimers, orders, each = 3, 5, 6, 20
	var mu sync.Mutex
	next := map[string]int{} // of each order
	claimed := map[string]bool{}
	delivered := 0
	deliver := func(item hubbub.OutboxItem) {
		mu.Lock()
		defer mu.Unlock()
		order, number, _ := strings.Cut(item.ID, ":")
		if claimed[item.ID] || number != fmt.Sprint(next[order]) {
			r.Errorf("claimed %s; the next is %d", item.ID, next[order])
		}
		claimed[item.ID] = true
		next[order]++
		delivered++
	}
	enough := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return delivered >= orders*each
	}
	atOnce(putters+claimers, func(i int) {
		if i < putters {
			for n := range each {
				var words []string
				for o := i; o < orders; o += putters {
					words = append(words, fmt.Sprintf("o%d/o%d:%d", o, o, n))
				}
				r.put(words...)
			}
			return
		}
		r.eventually("all to be delivered", func() bool {
			for _, item := range r.claimItems(3) {
				deliver(item)
				r.settle(hubbub.OutcomeDelivered, item.ID)
			}
			return enough()
		})
	})
	r.expect()
}

// receiversThatDie has receivers that get items and then say nothing any more.
func receiversThatDie(r *outboxRig) {
	const n = 60
	for i := range n {
		r.put(fmt.Sprintf("o%d/%d", i%7, i))
	}
	last := map[string]int{}
	for round, left := 0, n; left > 0; round++ {
		for _, item := range r.claimItems(5) {
			number := 0
			if _, err := fmt.Sscan(item.ID, &number); err != nil || number < last[item.Order] {
				r.Fatalf("%s comes after %d, %v", item.ID, last[item.Order], err)
			}
			last[item.Order] = number
			if item.Attempts < number%3 {
				continue // dies
			}
			r.settle(hubbub.OutcomeDelivered, item.ID)
			left--
		}
		r.clock.Advance(20 * time.Second)
		if round > 20*n {
			r.Fatalf("%d are never delivered", left)
		}
	}
	r.clock.Advance(time.Hour)
	r.expect()
}

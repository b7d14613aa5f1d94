package drivertest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hubbub-dev/hubbub"
)

// outboxModel is what one target of an outbox should be.
type outboxModel struct {
	r     *outboxRig
	items []*itemModel // of all that were ever accepted, by their Seq
}

// itemModel is an item. Its state is what was done last.
type itemModel struct {
	id, order string
	state     itemState
	until     time.Time // of what waits or is claimed; when it was delivered
}

type itemState string

const (
	isWaiting   itemState = "waiting"
	isClaimed   itemState = "claimed"
	isDead      itemState = "dead"
	isDelivered itemState = "delivered"
)

func (i *itemModel) open() bool { return i.state == isWaiting || i.state == isClaimed }

func modelOutbox(t *testing.T, outbox func(*testing.T, *Clock) hubbub.Outbox) {
	clock := NewClock()
	o := outbox(t, clock) // one for all: to make one may take longer than a test of it
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		m := &outboxModel{r: &outboxRig{base{rt, clock}, o, fmt.Sprint("target", runs)}}
		rt.Repeat(map[string]func(*rapid.T){
			"put":    m.put,
			"put 2":  m.put,
			"claim":  m.claim,
			"settle": m.settle,
			"replay": m.replay,
			"pass": func(rt *rapid.T) {
				ms := rapid.SampledFrom([]int{1, 1000, 30_000, 59_999, 60_000, 3_600_000, 24 * 3_600_000}).Draw(rt, "ms")
				clock.Advance(time.Duration(ms) * time.Millisecond)
			},
			"": m.checkDead,
		})
	})
}

func (m *outboxModel) find(id string) *itemModel {
	for _, item := range m.items {
		if item.id == id && !(item.state == isDelivered && m.r.clock.Now().Sub(item.until) > 24*time.Hour) {
			return item
		}
	}
	return nil
}

func (m *outboxModel) put(rt *rapid.T) {
	var words []string
	for range rapid.IntRange(1, 4).Draw(rt, "items") {
		id := fmt.Sprint(rapid.IntRange(0, 20).Draw(rt, "id"))
		order := rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "order")
		words = append(words, order+"/"+id)
		if m.find(id) == nil {
			m.items = append(m.items, &itemModel{id: id, order: order, state: isWaiting})
		}
	}
	m.r.put(words...)
}

// claimable are the items that may be claimed now: the first of each order, unless somebody has one of it.
func (m *outboxModel) claimable() (all []*itemModel) {
	now := m.r.clock.Now()
	busy := map[string]bool{}
	for _, item := range m.items {
		if item.state == isClaimed && item.until.After(now) {
			busy[item.order] = true
		}
	}
	for _, item := range m.items {
		if !item.open() || busy[item.order] {
			continue
		}
		busy[item.order] = true
		if !item.until.After(now) {
			all = append(all, item)
		}
	}
	return all
}

func (m *outboxModel) claim(rt *rapid.T) {
	limit := rapid.IntRange(1, 4).Draw(rt, "limit")
	want := m.claimable()
	want = want[:min(limit, len(want))]
	var names []string
	for _, item := range want {
		names = append(names, item.id)
		item.state, item.until = isClaimed, m.r.clock.Now().Add(time.Minute)
	}
	if got := m.r.claim(limit); !slices.Equal(got, names) {
		m.r.Fatalf("claimed %q, want %q", got, names)
	}
}

// settle settles something that is claimed, perhaps too late.
func (m *outboxModel) settle(rt *rapid.T) {
	var claimed []*itemModel
	for _, item := range m.items {
		if item.state == isClaimed {
			claimed = append(claimed, item)
		}
	}
	if len(claimed) == 0 {
		return
	}
	item := rapid.SampledFrom(claimed).Draw(rt, "item")
	outcome := rapid.SampledFrom([]hubbub.Outcome{hubbub.OutcomeDelivered, hubbub.OutcomeDelivered, hubbub.OutcomeRetry,
		hubbub.OutcomeDead}).Draw(rt, "outcome")
	m.r.settle(outcome, item.id)
	switch outcome {
	case hubbub.OutcomeDelivered:
		item.state, item.until = isDelivered, m.r.clock.Now()
	case hubbub.OutcomeRetry:
		item.state, item.until = isWaiting, m.r.clock.Now().Add(time.Hour)
	case hubbub.OutcomeDead:
		item.state = isDead
	}
}

func (m *outboxModel) replay(rt *rapid.T) {
	id := fmt.Sprint(rapid.IntRange(0, 20).Draw(rt, "id"))
	want := 0
	if item := m.find(id); item != nil && item.state == isDead {
		want = 1
		item.state, item.until = isWaiting, time.Time{}
	}
	m.r.replay(want, id)
}

func (m *outboxModel) checkDead(*rapid.T) {
	var want []string
	for _, item := range m.items {
		if item.state == isDead {
			want = append(want, item.id)
		}
	}
	if got := itemIDs(m.r.dead(0, 1000)); !slices.Equal(got, want) {
		m.r.Fatalf("dead are %q, want %q", got, want)
	}
}

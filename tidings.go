package hubbub

import (
	"context"
	"hash/maphash"
	"sync"
)

// tellAtOnce is how many of many tidings are published at the same time. With a bus of several nodes each takes a round trip, and one after the
// other those of a lost node with 15,000 sessions would take longer than the grace.
const tellAtOnce = 64

// tiding is an event to be published.
type tiding struct {
	topic Topic
	event Event
	about string // a room or a user
}

// tidings are events to be published. Of those about the same room or user the order is kept.
type tidings []tiding

func (ts *tidings) add(t Topic, about string, e Event) { *ts = append(*ts, tiding{t, e, about}) }

// tell publishes them, and returns when it is done.
func (ts tidings) tell(ctx context.Context, h *Hub) {
	if len(ts) <= tellAtOnce {
		ts.publish(ctx, h)
		return
	}
	var shares [tellAtOnce]tidings
	seed := maphash.MakeSeed()
	for _, t := range ts {
		i := maphash.String(seed, t.about) % tellAtOnce
		shares[i] = append(shares[i], t)
	}
	var all sync.WaitGroup
	for _, share := range shares {
		all.Go(func() { share.publish(ctx, h) })
	}
	all.Wait()
}

func (ts tidings) publish(ctx context.Context, h *Hub) {
	for _, t := range ts {
		if err := h.driver.Publish(ctx, t.topic, t.event); err != nil {
			h.complain("tell others who came or went", err)
		}
	}
}

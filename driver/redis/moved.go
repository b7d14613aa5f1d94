package redis

import "time"

const (
	// settleAfter is how long others may take to learn that another server has a channel. Until then they publish where it was: a master that is
	// replaced takes that as long as it does not know, also when it stood still and wakes, and answers as if all were well. A node that stands on a
	// server which does not answer leaves it after 5 s.
	settleAfter = 6 * time.Second
	// gatherFor is how long topics that have moved are gathered before that time begins. Mostly many move at once.
	gatherFor = time.Second
)

// lookAgain has the subscribers of a topic that has moved told once more, when nobody publishes where it was any more. The lock is held.
func (b *bus) lookAgain(t *topic) {
	if b.moved = append(b.moved, t); len(b.moved) == 1 {
		b.running.Go(b.tellMoved)
	}
}

// tellMoved tells the subscribers of topics that have moved that they may have missed something since they were told so before.
func (b *bus) tellMoved() {
	gathered := sleep(b.ctx, gatherFor)
	b.mu.Lock()
	moved, settle := b.moved, b.settle
	b.moved = nil
	b.mu.Unlock()
	if !gathered || !sleep(b.ctx, settle) {
		return
	}
	for _, t := range moved {
		b.mu.Lock()
		subscriptions, now := t.subscriptions, t.state == live
		b.mu.Unlock()
		if now && len(subscriptions) > 0 { // otherwise they are told when it is confirmed again
			b.lanes[t.lane].put(call{topic: t, subscriptions: subscriptions})
		}
	}
}

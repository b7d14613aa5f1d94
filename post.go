package hubbub

import (
	"context"
	"sync"
)

// post accepts a message, in the store if it must last, publishes it, and reports it if the rule says so. What does not last is reported
// when it was published: if that fails the sender, who is told so, sends it again with the same key, and it is reported then.
func (h *Hub) post(ctx context.Context, d Draft, kind HistoryKind, report bool) (Message, error) {
	report = report && h.o.Report != nil
	items := func(m Message) []OutboxItem { return h.o.Report(Sent{m}) }
	if kind == HistoryDurable {
		if report {
			d.Report = items
		}
		return h.postDurable(ctx, d)
	}
	m, err := h.postLive(ctx, d)
	if err != nil || !report {
		return m, err
	}
	if err := h.store.Put(context.WithoutCancel(ctx), items(m)); err != nil {
		return Message{}, &Error{Reason: Unavailable, Err: err,
			Message: "the message was sent, but those outside who must be told of it cannot be told now; send it again with the same key"}
	}
	return m, nil
}

// beginPost is post that does not wait for a message that need not last, where the driver can do so and nothing is to be done after it. Where
// nothing is kept it waits for all: most messages are only published there, and would overtake those with a key.
func (h *Hub) beginPost(ctx context.Context, d Draft, kind HistoryKind, report bool, done func(Message, error)) {
	if h.pipeline == nil || kind == HistoryDurable || report && h.o.Report != nil || d.Retention.Messages < 0 {
		done(h.post(ctx, d, kind, report))
		return
	}
	h.pipeline.BeginPost(ctx, d, func(a Appended, err error) {
		if err == nil {
			h.accepted(&a)
		}
		done(a.Message, err)
	})
}

// accepted gives a message to the sessions of its room that are here. The bus brings it, too, but that takes longer and costs more. What the
// bus does not bring is left to be published later.
func (h *Hub) accepted(a *Appended) {
	if a.Unheard {
		for _, t := range a.Message.Stream.topics() {
			h.unpublished(t, Posted{a.Message, a.Previous})
		}
		return
	}
	if r, ok := h.rooms.get(a.Message.Stream.Room); ok && a.Message.Stream.Room != "" && !a.Repeated {
		r.accepted(Posted{a.Message, a.Previous})
	}
}

// postLive accepts a message that need not last, and publishes it.
func (h *Hub) postLive(ctx context.Context, d Draft) (Message, error) {
	switch {
	case d.Retention.Messages < 0 && d.Key == "":
		return d.Message, h.publish(ctx, Posted{Message: d.Message})
	case h.poster != nil:
		accepted, err := h.poster.Post(ctx, d)
		if err == nil && accepted.Unheard {
			h.accepted(&accepted)
		}
		return accepted.Message, err
	}
	accepted, err := h.driver.Append(ctx, d)
	if err != nil {
		return Message{}, err
	}
	if accepted.Repeated && accepted.Message.Position == (Position{}) {
		return accepted.Message, nil
	}
	return accepted.Message, h.publish(ctx, Posted{accepted.Message, accepted.Previous})
}

// postDurable publishes what is committed, in the order of the positions. A message that is committed but could not be published is
// accepted nevertheless: those here get it, and elsewhere who gets the next one sees that it is missing and fetches it.
func (h *Hub) postDurable(ctx context.Context, d Draft) (Message, error) {
	var place *turn
	d.Accepted = func(a Appended) { place = h.turns.queue(a.Message.Stream) }
	accepted, err := h.store.Append(ctx, d)
	if err != nil {
		return Message{}, err
	}
	if place != nil {
		place.wait()
		defer h.turns.done(accepted.Message.Stream, place)
	}
	h.tellSurely(ctx, accepted.Message.Stream, Posted{accepted.Message, accepted.Previous})
	return accepted.Message, nil
}

// publish gives a message to the room, or to both of the pair.
func (h *Hub) publish(ctx context.Context, e Posted) error { return h.tell(ctx, e.Message.Stream, e) }

// tell publishes an event about a stream to all who take part in it.
func (h *Hub) tell(ctx context.Context, stream Stream, e Event) error {
	for _, topic := range stream.topics() {
		if err := h.driver.Publish(ctx, topic, e); err != nil {
			return err
		}
	}
	return nil
}

// tellSurely is tell for what is a fact already: if the bus is away those here are told.
func (h *Hub) tellSurely(ctx context.Context, stream Stream, e Event) {
	for _, topic := range stream.topics() {
		h.publishSurely(ctx, topic, e)
	}
}

// topics are those on which is told what happens in a stream.
func (s Stream) topics() []Topic {
	switch {
	case s.Room != "":
		return []Topic{{TopicRoom, s.Room}}
	case s.Pair[0] == s.Pair[1]:
		return []Topic{{TopicUser, s.Pair[0]}}
	}
	return []Topic{{TopicUser, s.Pair[0]}, {TopicUser, s.Pair[1]}}
}

// publishSurely publishes what is a fact already, also if ctx ends. If that fails it gives it to those of this node at least, and publishes it
// when the bus is back: that may be away for this node alone, and nobody would tell the others that they have missed something. Who gets it
// twice drops Posted, which has a position, the second time, and the rest does no harm.
func (h *Hub) publishSurely(ctx context.Context, t Topic, e Event) {
	err := h.driver.Publish(context.WithoutCancel(ctx), t, e)
	if err == nil {
		return
	}
	h.complain("publish what has happened", err)
	h.unpublished(t, e)
}

// unpublished gives what could not be published to those of this node, and keeps it for the others.
func (h *Hub) unpublished(t Topic, e Event) {
	h.unsaid.add(t, e)
	switch t.Kind {
	case TopicRoom:
		if r, ok := h.rooms.get(t.Name); ok {
			r.Receive(e)
		}
	case TopicUser:
		if p, ok := h.users.get(t.Name); ok {
			p.Receive(e)
		}
	}
}

// turns brings those who publish messages of one stream into the order in which the messages were accepted. Many are committed
// at once, and whoever sent them would otherwise publish them in any order, so that receivers would have to fetch what seems missing.
type turns struct {
	mu   sync.Mutex
	last map[Stream]*turn // of the streams of which something is being published
}

// turn is a place in the queue of a stream.
type turn struct {
	before *turn         // nil for the first
	over   chan struct{} // closed when it has published
}

func (t *turns) queue(stream Stream) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[Stream]*turn{}
	}
	place := &turn{t.last[stream], make(chan struct{})}
	t.last[stream] = place
	return place
}

// wait returns when those before have published.
func (t *turn) wait() {
	if t.before == nil {
		return
	}
	<-t.before.over
	t.before = nil // so that the whole past can be collected
}

func (t *turns) done(stream Stream, place *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(place.over)
	if t.last[stream] == place {
		delete(t.last, stream)
	}
}

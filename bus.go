package hubbub

import "context"

// TopicKind says what a [Topic] is about.
type TopicKind uint8

// The kinds of topics.
const (
	TopicAll      TopicKind = iota // everybody; each node subscribes to it
	TopicRoom                      // a room; nodes subscribe while they have sessions in it
	TopicUser                      // a user; nodes subscribe while they have sessions of the user
	TopicPresence                  // whether a user is online; nodes subscribe while they have watchers
)

// Topic is what nodes subscribe to.
type Topic struct {
	Kind TopicKind
	Name string // of the room or user; "" for TopicAll, and with TopicPresence for everybody
}

// Bus carries events between the nodes, this one included. Its methods may be called concurrently.
type Bus interface {
	// Publish gives an event to all subscribers of a topic on all nodes. The subscribers of this process may be called before
	// it returns.
	Publish(ctx context.Context, t Topic, e Event) error
	// Subscribe calls s with what is published from the time of its return on, and perhaps with some of what was before. A topic may have
	// several subscribers in one process. The returned function ends the subscription; a call that has begun may still be running when it returns.
	Subscribe(ctx context.Context, t Topic, s Subscriber) (unsubscribe func(), err error)
}

// Herald is a [Bus] that publishes many events in about the time of one. Its method may be called concurrently.
type Herald interface {
	// PublishAll publishes events, those on the same topic in their order. It returns the first error; others may be published all the same.
	PublishAll(ctx context.Context, all []Tiding) error
}

// Tiding is an event to be published on a topic.
type Tiding struct {
	Topic Topic
	Event Event
}

// Subscriber gets what is published on a topic. For one subscription its methods are called one at a time, in the order of
// publication. They must not call the bus or log.
type Subscriber interface {
	Receive(e Event)
	// Missed is called when the subscription was interrupted and works again: events may be missing.
	Missed()
}

// Knower is a [Subscriber] that may have messages already which the bus brings: those of its own node. A bus that asks it need not decode them.
type Knower interface {
	// Knows tells that Receive would drop a message at this position. It may be called at the same time as the other methods.
	Knows(p Position) bool
}

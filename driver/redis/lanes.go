package redis

import (
	"sync"

	"github.com/hubbub-dev/hubbub"
)

const (
	// laneBytes is how much may wait in a lane. When it is full, the connection from which more comes is not read, until there is room, or
	// Redis ends it, which its subscribers learn.
	laneBytes = 16 << 20
	// lanes is how many topics can be served at once.
	lanes = 4
)

// lane is a goroutine that calls the subscribers of some topics, in the order in which things came. Connections are read without waiting for
// it, so that a burst of messages does not look like a server that does not answer pings.
type lane struct {
	mu     sync.Mutex
	more   sync.Cond // there is something, or the end
	room   sync.Cond // there may be room
	calls  []call
	bytes  int // of the messages in calls, and of those that are being worked on
	closed bool
}

// call is what subscribers of a topic are to be told.
type call struct {
	topic         *topic
	subscriptions []*subscription
	message       string // "" says that they may have missed something
}

func newLane() *lane {
	l := &lane{}
	l.more.L, l.room.L = &l.mu, &l.mu
	return l
}

// put adds a call. It waits while the lane is full.
func (l *lane) put(c call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.bytes > laneBytes && !l.closed {
		l.room.Wait()
	}
	if len(l.calls) == 0 {
		l.more.Signal()
	}
	l.calls = append(l.calls, c)
	l.bytes += len(c.message)
}

// next waits for calls and returns all that there are; none if the lane is closed. spare is memory for those that follow.
func (l *lane) next(spare []call, done int) []call {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bytes -= done
	l.room.Broadcast()
	for len(l.calls) == 0 && !l.closed {
		l.more.Wait()
	}
	if l.closed {
		return nil
	}
	calls := l.calls
	l.calls = spare
	return calls
}

func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.more.Broadcast()
	l.room.Broadcast()
}

// spareCalls is how much memory for calls a lane keeps.
const spareCalls = 1024

// run makes the calls until the lane is closed.
func (l *lane) run(b *bus) {
	var spare []call
	for done := 0; ; {
		calls := l.next(spare, done)
		if calls == nil {
			return
		}
		done = 0
		for i := range calls {
			done += len(calls[i].message)
			b.make(&calls[i])
		}
		clear(calls)
		if spare = nil; cap(calls) <= spareCalls {
			spare = calls[:0]
		}
	}
}

// make tells subscribers what a call says.
func (b *bus) make(c *call) {
	if c.message == "" {
		c.topic.each(c.subscriptions, func(s *subscription) { s.to.Missed() })
		return
	}
	err := eachEvent(c.message, c.known, func(e hubbub.Event) {
		c.topic.each(c.subscriptions, func(s *subscription) { s.to.Receive(e) })
	})
	if err != nil {
		b.d.options.Logger.Warn("cannot read what another node has published", "channel", c.topic.channel, "error", err)
	}
}

// known tells whether all subscribers know a message at a position.
func (c *call) known(p hubbub.Position) bool {
	for _, s := range c.subscriptions {
		if k, ok := s.to.(hubbub.Knower); !ok || !k.Knows(p) {
			return false
		}
	}
	return true
}

// each calls those that have not ended. For one topic it is done by one goroutine, so for each of them one at a time.
func (t *topic) each(subscriptions []*subscription, tell func(*subscription)) {
	for _, s := range subscriptions {
		if !s.ended.Load() {
			tell(s)
		}
	}
}

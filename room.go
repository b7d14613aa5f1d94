package hubbub

import (
	"context"
	"sync"
)

// room is this node's part of a room that it has sessions in.
type room struct {
	holders
	// Immutable.
	hub  *Hub
	name string
	rule *RoomRule

	mu      sync.Mutex
	crowd   crowd                // who gets what comes
	joining map[*joiner]struct{} // who will, after what they are reading; nil while there is none
	order   sequence
	count   int // users in the room, as far as this node has heard
}

// joiner is a session that reads a room's history, and then gets what has come since.
type joiner struct {
	session *Session
	came    []Event // since the joiner was made; at most maxCame, then late is set
	late    bool
}

// maxCame is how many events may come while a session reads the history. The read is made again after more.
const maxCame = 1024

// newRoom makes a room whose name has a rule.
func (h *Hub) newRoom(name string) *room {
	rule, err := h.rule(name)
	if err != nil {
		panic("hubbub: room without a rule: " + name) // whoever holds a room has looked for the rule before
	}
	return &room{hub: h, name: name, rule: rule, crowd: crowd{name: "room " + name, slow: rule.Slow}}
}

func (r *room) topic() Topic   { return Topic{TopicRoom, r.name} }
func (r *room) stream() Stream { return RoomStream(r.name) }

// prime finds out where the stream is. The subscription has begun, so that nothing later can be missed.
func (r *room) prime(ctx context.Context) error {
	if r.rule.History == HistoryNone {
		return nil
	}
	page, err := r.hub.logOf(r.stream()).Before(ctx, r.stream(), Position{}, 1)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.order.known || r.order.last.Epoch == page.Head.Epoch && r.order.last.Offset < page.Head.Offset {
		r.order.last, r.order.known = page.Head, true
	}
	return nil
}

// Receive gives the room's sessions what was published.
func (r *room) Receive(event Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := event.(type) {
	case Posted:
		switch r.order.accept(e) {
		case deliverIt:
			r.deliver(event)
		case fetchIt:
			r.hub.begin(r.fetch)
		}
		return
	case Joined:
		r.count = e.Count
	case Left:
		r.count = e.Count
	case MemberChanged:
		if r.rule.HidePresence || r.rule.Quiet || r.count > r.hub.o.Limits.SmallRoom {
			return
		}
	}
	r.deliver(event) // not e, of which the conversion to an Event would make a copy
}

// maxEarly is the most bytes of data that a message has which is given to the room's sessions early. To compress larger ones, where that is
// done, would keep those waiting whose messages were accepted with it.
const maxEarly = 16 << 10

// accepted gives the room's sessions a message of this node without waiting for the bus, if it is the next one. It never blocks: all messages
// of the node, to whatever room, would wait for one whose audience is full. Such a message comes by the bus, whose turn it may be, too, when
// somebody else is busy with the room.
func (r *room) accepted(e Posted) {
	bytes := len(e.Message.Data) + len(e.Message.From.Info)
	if bytes > maxEarly || !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if r.crowd.hasRoom(bytes) && r.order.follows(e) {
		r.deliver(e)
	}
}

// Knows implements [Knower].
func (r *room) Knows(p Position) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.order.knows(p)
}

// Missed reads from the log what the bus may have lost.
func (r *room) Missed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rule.History == HistoryNone {
		r.deliver(Skipped{Room: r.name})
		return
	}
	if r.order.miss() {
		r.hub.begin(r.fetch)
	}
}

// deliver gives an event to all who may see it. The caller holds mu.
func (r *room) deliver(e Event) {
	r.crowd.deliver(e, r.hub.hiddenFrom(e))
	for j := range r.joining {
		if len(j.came) == maxCame {
			j.late = true
			continue
		}
		j.came = append(j.came, e)
	}
}

// hiddenFrom returns the conns of this node that must not get an event: those of the excluded device, or of the user whom
// the event is about.
func (h *Hub) hiddenFrom(e Event) []Conn {
	user, device := concerns(e)
	if user == "" {
		return nil
	}
	p, ok := h.users.get(user)
	if !ok {
		return nil
	}
	return p.conns(device)
}

// concerns returns the user, and if it is only one device that device, who must not be told an event.
func concerns(e Event) (user, device string) {
	switch e := e.(type) {
	case Posted:
		if e.Message.Except != "" {
			return e.Message.From.User, e.Message.Except
		}
	case Joined:
		return e.User, ""
	case MemberChanged:
		return e.User, "" // who is told as the user
	case Typing:
		return e.From.User, ""
	}
	return "", ""
}

// fetch reads what is missing and delivers it.
func (r *room) fetch() { r.hub.catchUp(r.stream(), &r.mu, &r.order, r.caughtUp) }

// caughtUp delivers a page that was fetched and tells whether it was the last. The caller holds mu.
func (r *room) caughtUp(page Page) bool {
	if !page.Complete {
		// What followed is lost, or the stream has begun again: go on where it is now, and let the sessions know.
		r.deliver(Skipped{Room: r.name})
		r.order.last = page.Head
	}
	for _, m := range r.order.fetched(page) {
		r.deliver(Posted{Message: m})
	}
	if page.More {
		return false
	}
	ready, again := r.order.resume()
	for _, e := range ready {
		r.deliver(e)
	}
	return !again
}

// size is how many users were in the room when this node last heard of it.
func (r *room) size() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

func (r *room) setSize(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count = n
}

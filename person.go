package hubbub

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// person is this node's part of a user who has sessions here.
type person struct {
	holders
	// Immutable.
	hub    *Hub
	name   string
	number uint64 // rises in the order in which people came

	// Safe for concurrent use; stored with mu held.
	counts atomic.Pointer[InboxCounts] // of the inbox; nil where there is none

	mu       sync.Mutex
	attrs    map[string]string    // of the last sign-in here, from has on
	met      bool                 // has was called
	told     *InboxCounts         // counts that the sessions were told last; nil before that
	heard    uint64               // the latest revision of the announcements
	sessions []*Session           // also those that are being opened
	pairs    map[Stream]*sequence // of those pairs that said something lately, at most maxPairs; nil while there are none
	since    time.Time            // of what was sent before that, the sessions need not be told
	sweeping bool                 // conversations are read, or will be
	unheard  bool                 // they have to be read, since the bus may have lost something
}

const (
	// maxPairs is how many of a user's pairs are kept in order at once. Beyond it all are forgotten, and the next message of each is the
	// first one again.
	maxPairs = 1024
	// maxBefore is how many messages before the first one that is heard of a pair are read at once.
	maxBefore = 100
	// clockAllowance is how far the clocks of nodes may be apart.
	clockAllowance = time.Second
)

func (h *Hub) newPerson(name string) *person {
	return &person{hub: h, name: name, number: h.people.Add(1), since: time.Now()}
}

func (p *person) topic() Topic { return Topic{TopicUser, p.name} }

// prime reads the counts. The subscription has begun, so that no change can be missed. If one has come meanwhile, and the counts were
// read again for it already, then those are kept, since these may be older.
func (p *person) prime(ctx context.Context) error {
	if p.hub.o.Counts == nil {
		return nil
	}
	counts, err := p.hub.o.Counts(ctx, p.name)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.counts.Load() == nil {
		p.setCounts(counts)
	}
	return nil
}

// Receive gives the user's sessions what was published.
func (p *person) Receive(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := e.(type) {
	case Posted:
		p.posted(e)
	case Ended:
		p.ended(e)
	case MemberChanged:
		p.member(e)
	case Noticed:
		p.deliver(e, nil)
		p.recount()
	case InboxChanged:
		p.recount()
	case Direct:
		p.deliver(e, func(s *Session) bool { return e.Device == "" || e.Device == s.device })
	default:
		p.deliver(e, nil)
	}
}

// Missed reads what the bus may have lost: from the log that of the pairs that are known, and from the list of conversations which others
// there are. Rooms that the user may not be in any more are left.
func (p *person) Missed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recount()
	for _, s := range p.sessions {
		p.hub.begin(func() { s.recheck("") })
	}
	for stream, q := range p.pairs {
		if q.miss() {
			p.hub.begin(func() { p.fetch(stream, q) })
		}
	}
	p.sweep()
}

// posted delivers a private message in the order of its pair. The caller holds mu.
func (p *person) posted(e Posted) {
	q := p.pairs[e.Message.Stream]
	if q == nil {
		if len(p.pairs) >= maxPairs {
			p.pairs, p.since = nil, time.Now()
		}
		q = &sequence{}
		p.know(e.Message.Stream, q)
		late := e.Message.Time.Before(p.since.Add(clockAllowance)) // others that came after it were perhaps told before somebody was here
		if p.hub.shared != nil && (e.Previous > 0 || late) {
			q.fetching, q.more = true, late
			p.hub.begin(func() { p.fetchBefore(e, q) })
		}
	}
	switch q.accept(e) {
	case deliverIt:
		p.message(e.Message)
	case fetchIt:
		p.hub.begin(func() { p.fetch(e.Message.Stream, q) })
	}
}

func (p *person) message(m Message) {
	p.deliver(Posted{Message: m}, func(s *Session) bool { return !m.hiddenFrom(s.user, s.device) })
}

// deliver gives an event to the open sessions that want it; nil means that all do. The caller holds mu.
func (p *person) deliver(e Event, wants func(*Session) bool) {
	for _, s := range p.sessions {
		if s.open && (wants == nil || wants(s)) {
			s.conn.Send(e)
		}
	}
}

// ended ends those of the user's sessions that somebody else has ended, not before their first word. The caller holds mu.
func (p *person) ended(e Ended) {
	for _, s := range p.sessions {
		switch {
		case !slices.Contains(e.Sessions, s.id):
		case s.open:
			s.end(e.Why, &e, Retry{})
		default:
			s.early = &e
		}
	}
}

// fetch reads what is missing of a pair and delivers it.
func (p *person) fetch(stream Stream, q *sequence) {
	p.hub.catchUp(stream, &p.mu, q, func(page Page) bool { return p.caughtUp(page, q) })
}

// fetchBefore reads what comes before the first message that was heard of a pair, and delivers what of it was sent since the user is here:
// the bus between nodes brings the messages of a pair in any order, and what comes later than a newer one is dropped.
func (p *person) fetchBefore(first Posted, q *sequence) {
	p.mu.Lock()
	from := p.since.Add(-clockAllowance)
	p.mu.Unlock()
	if before, ok := p.readBefore(first.Message, from); ok && p.begins(first, q, from, before) {
		p.fetch(first.Message.Stream, q)
	}
}

// begins delivers the messages before the first that was heard of a pair, as far as they are new here, and then those that have waited. It
// tells true if something is missing.
func (p *person) begins(first Posted, q *sequence, from time.Time, before []Message) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range before {
		came := slices.ContainsFunc(q.waiting, func(e Posted) bool { return e.Message.Position == m.Position })
		if m.Position.Epoch == first.Message.Position.Epoch && (came || m.Time.After(from)) {
			p.message(m)
		}
	}
	q.known, q.last = true, Position{first.Message.Position.Epoch, first.Previous}
	ready, again := q.resume()
	for _, e := range ready {
		p.message(e.Message)
	}
	return again
}

// caughtUp delivers a page that was fetched and tells whether it was the last. The caller holds mu.
func (p *person) caughtUp(page Page, q *sequence) bool {
	if page.Head.Epoch != q.last.Epoch && q.known {
		q.last = Position{Epoch: page.Head.Epoch} // the stream has begun again: all that is kept of it is new
		if page.Head.Offset > 0 {
			return false
		}
	}
	// If some of it is not kept any more, the client sees that in the history; the rest is delivered.
	for _, m := range q.fetched(page) {
		p.message(m)
	}
	if page.More {
		return false
	}
	ready, again := q.resume()
	for _, e := range ready {
		p.message(e.Message)
	}
	return !again
}

// conns returns the conns of the user's sessions here, or of those of one device.
func (p *person) conns(device string) []Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	var conns []Conn
	for _, s := range p.sessions {
		if device == "" || s.device == device {
			conns = append(conns, s.conn)
		}
	}
	return conns
}

func (p *person) add(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions = append(p.sessions, s)
}

// has takes the attributes that the user has now, on which depends what announcements are counted. The store knows them already, so
// the counts of a user who comes are right, unless an announcement was heard before this.
func (p *person) has(attrs map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if (p.met || p.heard > 0) && !maps.Equal(p.attrs, attrs) {
		p.recount()
	}
	p.attrs, p.met = attrs, true
}

func (p *person) remove(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sessions = slices.DeleteFunc(p.sessions, func(other *Session) bool { return other == s })
}

// welcome opens a session for what comes, after its first word.
func (p *person) welcome(s *Session, say func(*Session)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if say != nil {
		say(s)
	}
	s.open = true
	if s.early != nil {
		s.end(s.early.Why, s.early, Retry{})
	}
}

package hubbub

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Session is one conn of one user's device. Its methods may be called concurrently; those that change rooms and send take
// effect in the order in which one goroutine calls them. Their errors are an [*Error] or those of the driver and context.
type Session struct {
	// Immutable after Open.
	hub       *Hub
	conn      Conn
	transport Transport
	person    *person // nil if the registry has refused the session
	id        string
	user      string
	device    string
	platform  string
	address   string
	connected time.Time

	// Guarded by ops.
	generation uint64 // as the registry said, see Opened
	came       string // the session with which the user came online, as the registry said

	// Guarded by the person's mu.
	open  bool   // gets events
	early *Ended // what ended it before it was open; nil if nothing did

	// Guarded by the hub's expiries.
	expires int // the place in their queue, from 1 up; 0 means not in it

	// ops is held, also while the driver is asked, by whoever opens the session, joins or leaves rooms, watches, changes the
	// identity or winds the session up: one after the other.
	ops sync.Mutex

	mu       sync.Mutex
	identity Identity
	rooms    []membership      // changed only with ops held, too
	private  *bucket           // of messages to users; nil before the first
	typing   *bucket           // of notices that the user is typing; nil before the first
	left     *bucket           // of rooms that were left, which a room that is joined goes on with; nil before the first
	watching map[string]*watch // nil while nobody is watched; changed only with ops held, too
	why      EndReason         // why it was ended; "" while it was not
	gone     bool              // Closed was called
	asking   *asking           // nil before anybody was asked
}

// was is what the registry has said of the session. The caller holds ops, or winds the session up.
func (s *Session) was() Opened { return Opened{Generation: s.generation, Came: s.came} }

// ID is the session's id, unique on all nodes.
func (s *Session) ID() string { return s.id }

// Identity is who the session belongs to, as of the last refresh. Device and Platform are never empty.
func (s *Session) Identity() Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// Node is the incarnation of the node that the session is on.
func (s *Session) Node() string { return s.hub.node }

// record is what the registry knows of the session.
func (s *Session) record(id Identity) SessionRecord {
	return SessionRecord{ID: s.id, User: s.user, Device: s.device, Platform: s.platform, Info: id.Info, Attrs: id.Attrs,
		Token: id.Token, Issued: id.Issued, Connected: s.connected, Address: s.address, Node: s.hub.node}
}

// sender is how others see who sends.
func (s *Session) sender() Sender {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Sender{s.user, s.identity.Info, s.device}
}

// end closes the session's conn, once. by is what the session is told before; nil means nothing. It does not block.
func (s *Session) end(why EndReason, by *Ended, retry Retry) {
	s.mu.Lock()
	first := s.why == ""
	if first {
		s.why = why
	}
	s.mu.Unlock()
	if !first {
		return
	}
	if by != nil {
		s.conn.Send(*by)
	}
	s.conn.Close(why, retry)
}

// expireAt has the session end when its identity expires. The caller holds mu.
func (s *Session) expireAt(when time.Time) {
	if !s.gone {
		s.hub.expiries.set(s, when)
	}
}

// Closed tells the hub that the conn is gone. Calling it again is harmless. It does not wait for the driver.
func (s *Session) Closed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return
	}
	s.expireAt(time.Time{})
	s.gone = true
	if s.asking != nil {
		s.asking.stop()
	}
	s.hub.leaving.Go(s.windUp)
}

// stay returns NotFound if the conn is gone. Whoever calls it with ops held may go on and add to the session, which is wound up
// later.
func (s *Session) stay() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return errEnded()
	}
	return nil
}

// windUp takes the session out of everything that it is part of. What has ops meanwhile is done first.
func (s *Session) windUp() {
	h := s.hub
	s.ops.Lock()
	defer s.ops.Unlock()
	if s.person == nil {
		return // the registry has refused it
	}
	h.all.leave(s)
	s.unwatch(nil)
	s.mu.Lock()
	rooms, why := s.rooms, s.why
	s.rooms = nil
	s.mu.Unlock()
	for _, m := range rooms {
		m.room.part(s)
	}
	if why == "" {
		why = EndClosed
	}
	// The registry takes the session out of its rooms; the rooms are held until then, for those who are told.
	h.settle(owed{Target{User: s.user, Session: s.id}, why, s})
	h.dismiss(s) // not before: what the registry knows of sessions that are not here is ended, and then nobody would know why
	for _, m := range rooms {
		h.rooms.release(m.room.name, m.room)
	}
	s.person.remove(s)
	h.users.release(s.user, s.person)
}

// Refresh gives the session a newer identity of the same user and device, and returns the rooms that it had to leave since
// they are no longer permitted. Forbidden if the identity is somebody else's, Unauthorized if it was revoked or has expired.
func (s *Session) Refresh(ctx context.Context, id Identity) (left []string, err error) {
	h := s.hub
	s.ops.Lock()
	defer s.ops.Unlock()
	if err := s.stay(); err != nil {
		return nil, err
	}
	if err := id.Check(); err != nil {
		return nil, err
	}
	if id.User != s.user || id.Device != "" && id.Device != s.device {
		return nil, Errorf(Forbidden, "the new token is for another user or device; connect again with it")
	}
	if err := checkExpiry(&id); err != nil {
		return nil, err
	}
	id.Device, id.Platform = s.device, s.platform
	if err := h.arrive(ctx, &id); err != nil {
		return nil, err
	}
	s.person.has(id.Attrs)
	err = h.driver.Update(ctx, s.record(id))
	if again, failed := s.revive(ctx, err); !again {
		err = failed
	} else {
		err = h.driver.Update(ctx, s.record(id))
	}
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.identity = id
	s.expireAt(id.Expires)
	rooms := slices.Clone(s.rooms)
	s.mu.Unlock()
	for _, m := range rooms {
		err := h.allow(ctx, &id, m.room.name, m.room.rule.Join, joining, id.Rooms.Join)
		if err == nil {
			err = s.mayJoin(ctx, m.room.name)
		}
		if err != nil && AsError(err).Reason == Forbidden {
			s.leave(m.room.name)
			left = append(left, m.room.name)
		}
	}
	return left, nil
}

func checkExpiry(id *Identity) error {
	if !id.Expires.IsZero() && !time.Now().Before(id.Expires) {
		return Errorf(Unauthorized, "the token has expired; get a new one")
	}
	return nil
}

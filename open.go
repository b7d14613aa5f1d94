package hubbub

import (
	"cmp"
	"context"
	"crypto/rand"
	"time"
)

// Arrival is a conn that wants to become a session.
type Arrival struct {
	Identity  Identity
	Conn      Conn      // must be set
	Transport Transport // of the Conn; must be set, and comparable
	Address   string    // of the client, which the user's own list of sessions shows; "" if unknown
	// Welcome is called with the new session before anything else is sent to its conn. It must not block.
	Welcome func(*Session)
}

// Open makes a session of an arrival. Its errors are Unauthorized if the identity was revoked or has expired, Conflict if the
// user has too many devices or sessions, Invalid, and Unavailable. Whoever opens a session must call [Session.Closed] when the
// conn is gone; if Open fails, the caller closes the conn.
func (h *Hub) Open(ctx context.Context, a Arrival) (*Session, error) {
	id := a.Identity
	if err := id.Check(); err != nil {
		return nil, err
	}
	if err := checkExpiry(&id); err != nil {
		return nil, err
	}
	id.Device = cmp.Or(id.Device, rand.Text())
	id.Platform = cmp.Or(id.Platform, "web")
	s := &Session{hub: h, conn: a.Conn, transport: a.Transport, id: rand.Text(), user: id.User, device: id.Device,
		platform: id.Platform, address: a.Address, connected: time.Now(), identity: id}
	opened, err := h.install(ctx, s, a.Welcome)
	if err != nil {
		return nil, err
	}
	h.replace(ctx, s, opened.Replaced)
	h.announce(ctx, opened.Transitions)
	if h.o.Report != nil { // whoever hears of something that the session did has heard that it has come, even if the process dies
		h.awaitStore(ctx)
	}
	return s, nil
}

// storeTime is how long arrivals and ends wait at most for the store. One that cannot write, since the disk is full, keeps nobody out.
const storeTime = time.Second

// awaitStore waits until the store has what was decided so far.
func (h *Hub) awaitStore(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	_ = h.handover.flush(ctx) // what is not there yet is on its way
}

// install makes a new session a part of everything that each session is part of. It holds ops, so that a session that
// the closing hub ends meanwhile is wound up after it.
func (h *Hub) install(ctx context.Context, s *Session, welcome func(*Session)) (Opened, error) {
	s.ops.Lock()
	defer s.ops.Unlock()
	if !h.admit(s) {
		return Opened{}, errClosed()
	}
	opened, err := h.register(ctx, s)
	if err != nil {
		h.dismiss(s)
		return Opened{}, err
	}
	s.person.welcome(s, welcome)
	h.all.join(s)
	s.mu.Lock()
	s.expireAt(s.identity.Expires)
	s.mu.Unlock()
	return opened, nil
}

// admit adds a session to those of the node, unless the node shuts down.
func (h *Hub) admit(s *Session) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.sessions[s] = struct{}{}
	return true
}

// dismiss takes a session out of those of the node.
func (h *Hub) dismiss(s *Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s)
}

// register asks the registry for a session, and gives it its person. It can be ended by others from before that on.
func (h *Hub) register(ctx context.Context, s *Session) (Opened, error) {
	if err := h.arrive(ctx, &s.identity); err != nil {
		return Opened{}, err
	}
	p, err := h.users.hold(ctx, s.user)
	if err != nil {
		return Opened{}, err
	}
	p.has(s.identity.Attrs)
	p.add(s)
	opened, err := h.decide(ctx, s)
	if err != nil {
		p.remove(s)
		h.users.release(s.user, p)
		return Opened{}, err
	}
	s.person, s.generation, s.came = p, opened.Generation, opened.Came
	return opened, nil
}

// decide has the driver decide whether there is a session, and the store, too, if the driver is in doubt: before, so that nobody's device gives
// way to credentials that were revoked, and afterwards, since the doubt may have begun with the decision.
func (h *Hub) decide(ctx context.Context, s *Session) (Opened, error) {
	record := s.record(s.identity)
	if err := h.admissible(ctx, record); err != nil {
		return Opened{}, err
	}
	opened, err := h.driver.Open(ctx, record, h.o.Devices)
	if err != nil && AsError(err).Reason == Unauthorized && h.lifted(ctx, s.user) {
		opened, err = h.driver.Open(ctx, record, h.o.Devices)
	}
	if err != nil {
		if h.shared != nil && AsError(err).Reason == Unavailable {
			h.owe(owed{target: Target{User: s.user, Session: s.id}, why: EndClosed}) // it may have been opened nevertheless
		}
		return Opened{}, err
	}
	refused := h.admissible(ctx, record)
	if refused == nil {
		return opened, nil
	}
	h.replace(ctx, s, opened.Replaced)
	h.announce(ctx, opened.Transitions)
	why := EndClosed
	if AsError(refused).Reason == Unauthorized {
		why = EndRevoked
	}
	h.settle(owed{target: Target{User: s.user, Session: s.id}, why: why})
	return Opened{}, refused
}

// replace tells sessions that a new one has taken their place.
func (h *Hub) replace(ctx context.Context, s *Session, replaced []SessionRecord) {
	if len(replaced) == 0 {
		return
	}
	by := s.record(s.Identity())
	e := Ended{User: s.user, Why: EndReplaced, By: &by}
	for _, r := range replaced {
		e.Sessions = append(e.Sessions, r.ID)
	}
	h.publishSurely(ctx, Topic{TopicUser, s.user}, e) // who does not hear it learns it when the node's lease is renewed
}

// Check tells whether an identity may still connect: Unauthorized if it was revoked or has expired.
func (h *Hub) Check(ctx context.Context, id Identity) error {
	if err := checkExpiry(&id); err != nil {
		return err
	}
	record := SessionRecord{User: id.User, Device: id.Device, Token: id.Token, Issued: id.Issued}
	revoked, err := h.driver.Revoked(ctx, record)
	if err == nil && revoked && h.lifted(ctx, id.User) {
		revoked, err = h.driver.Revoked(ctx, record)
	}
	if err != nil {
		return err
	}
	if revoked {
		return errRevoked()
	}
	return h.admissible(ctx, record)
}

// End ends sessions on all nodes, and returns how many. They are told why, and do not come back by themselves.
func (h *Hub) End(ctx context.Context, t Target, why EndReason) (int, error) {
	return h.endBy(ctx, t, why, nil)
}

func (h *Hub) endBy(ctx context.Context, t Target, why EndReason, by *SessionRecord) (int, error) {
	if err := CheckName("user", t.User); err != nil {
		return 0, err
	}
	transitions, err := h.driver.End(ctx, t, why)
	if err != nil {
		return 0, err
	}
	e := Ended{User: t.User, Why: why, By: by}
	for _, t := range transitions {
		if t.Kind == SessionDisconnected {
			e.Sessions = append(e.Sessions, t.Session.ID)
		}
	}
	if len(e.Sessions) > 0 {
		h.publishSurely(ctx, Topic{TopicUser, t.User}, e) // who does not hear it learns it when the node's lease is renewed
	}
	h.announce(ctx, transitions)
	if h.store != nil && h.shared != nil { // then the nodes of these sessions learn it even if the registry loses it, and this process dies
		h.awaitStore(ctx)
	}
	return len(e.Sessions), nil
}

// EndSessions ends those of the user's own sessions that the target selects, whose User does not matter, and returns how many.
func (s *Session) EndSessions(ctx context.Context, t Target) (int, error) {
	t.User = s.user
	by := s.record(s.Identity())
	return s.hub.endBy(ctx, t, EndLoggedOut, &by)
}

// SessionsOf lists the open sessions of a user.
func (h *Hub) SessionsOf(ctx context.Context, user string) ([]SessionRecord, error) {
	if err := CheckName("user", user); err != nil {
		return nil, err
	}
	return h.driver.SessionsOf(ctx, user)
}

package hubbub

import (
	"context"
	"slices"
	"time"
)

// membership is a session's place in a room.
type membership struct {
	room   *room
	bucket bucket // of the room's rate; guarded by the session's mu
}

// JoinOptions says what a session wants to know of a room that it joins.
type JoinOptions struct {
	Since *Position // the last message that the client has; nil if it has none
	Limit int       // how many messages at most; 0 means 50, at most 1000
}

// JoinResult is where a session begins to get a room's messages.
type JoinResult struct {
	Room      string
	Position  Position  // of the last message before those that come live; zero in rooms without history
	Recovered bool      // with Messages, and the pages of history up to Position if there are More, nothing is missing after Since
	Messages  []Message // those after Since, oldest first; the newest ones if there is no Since or it cannot be recovered
	More      bool      // after Messages and up to Position there are more; without recovery: before Messages
	Present   int       // users in the room now; 0 where nobody may know
}

// Join makes the session a member of the room's audience. reply is called before it gets any message of the room, and must
// not block. Joining again answers again, and changes nothing. NotFound for rooms without a rule and after [Session.Closed],
// Forbidden if the rule does not let the session in, what Options.MayJoin says otherwise, TooLarge if it is in too many rooms.
func (s *Session) Join(ctx context.Context, name string, o JoinOptions, reply func(JoinResult)) error {
	h := s.hub
	rule, err := h.rule(name)
	if err != nil {
		return err
	}
	limit, err := pageSize(o.Limit)
	if err != nil {
		return err
	}
	s.ops.Lock()
	defer s.ops.Unlock()
	if err := s.stay(); err != nil {
		return err
	}
	id := s.Identity()
	if err := h.allow(ctx, &id, name, rule.Join, joining, id.Rooms.Join); err != nil {
		return err
	}
	if r := s.room(name); r != nil {
		return r.answer(ctx, s, o.Since, limit, reply)
	}
	if n := len(s.rooms); n >= h.o.Limits.RoomsPerSession {
		return Errorf(TooLarge, "this session is in %d rooms, which is the most that are allowed: leave one first", n)
	}
	if err := s.mayJoin(ctx, name); err != nil {
		return err
	}
	r, err := h.rooms.hold(ctx, name)
	if err != nil {
		return err
	}
	if err := r.enter(ctx, s, o.Since, limit, reply); err != nil {
		h.rooms.release(name, r)
		return err
	}
	return nil
}

// enter makes a session that is not in the room a part of it.
func (r *room) enter(ctx context.Context, s *Session, since *Position, limit int, reply func(JoinResult)) error {
	h := r.hub
	first, count, err := h.driver.Enter(ctx, r.name, s.user, s.id)
	if again, failed := s.revive(ctx, err); !again {
		err = failed
	} else {
		first, count, err = h.driver.Enter(ctx, r.name, s.user, s.id)
	}
	if err != nil {
		return err
	}
	if first && count == 1 {
		h.vacancies.note(r.name)
	}
	r.setSize(count)
	if first {
		// Now, not after the reply: further sessions of the user are not first, even if this one fails.
		h.tellPresence(ctx, r.name, count, Joined{r.name, s.user, s.Identity().Info, count})
	}
	if err := r.read(ctx, s, since, limit, reply); err != nil {
		h.settleLeave(r.name, s)
		return err
	}
	return nil
}

// answer tells a session that is in the room already where it is.
func (r *room) answer(ctx context.Context, s *Session, since *Position, limit int, reply func(JoinResult)) error {
	r.mu.Lock()
	at, present := r.order.last, r.shown()
	r.mu.Unlock()
	result, err := r.history(ctx, s, at, since, limit)
	if err != nil {
		return err
	}
	result.Present = present
	reply(result) // what has come meanwhile it has had, as a part of the crowd
	return nil
}

// read reads the history for a session that is not in the room yet and replies. The session is then given what has come
// meanwhile, and becomes a part of the crowd in the same moment.
func (r *room) read(ctx context.Context, s *Session, since *Position, limit int, reply func(JoinResult)) error {
	for {
		j := &joiner{session: s}
		at := r.begin(j)
		result, err := r.history(ctx, s, at, since, limit)
		if err != nil {
			r.forget(j)
			return err
		}
		if r.finish(j, result, reply) {
			return nil
		}
	}
}

// enter notes that the session is in a room. Its ops is held.
func (s *Session) enter(r *room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := membership{room: r}
	if s.left != nil {
		m.bucket = s.left.within(r.rule.Rate)
	}
	s.rooms = append(s.rooms, m)
}

// begin has a joiner collect what comes, and returns the position before that.
func (r *room) begin(j *joiner) Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.joining == nil {
		r.joining = map[*joiner]struct{}{}
	}
	r.joining[j] = struct{}{}
	return r.order.last
}

func (r *room) forget(j *joiner) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.joining, j)
}

// finish replies and goes over to live events. It tells false if too much came meanwhile, so that the history must be
// read again.
func (r *room) finish(j *joiner, result JoinResult, reply func(JoinResult)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.joining, j)
	if j.late {
		return false
	}
	result.Present = r.shown()
	j.session.enter(r)
	reply(result)
	for _, e := range j.came {
		if user, device := concerns(e); user != j.session.user || device != "" && device != j.session.device {
			j.session.conn.Send(e)
		}
	}
	r.crowd.add(j.session)
	return true
}

// shown is how many users those in the room may know of. The caller holds mu.
func (r *room) shown() int {
	if r.rule.HidePresence {
		return 0
	}
	return r.count
}

// history reads what a session wants to know of the messages up to a position.
func (r *room) history(ctx context.Context, s *Session, at Position, since *Position, limit int) (JoinResult, error) {
	result := JoinResult{Room: r.name, Position: at}
	if r.rule.History == HistoryNone {
		return result, nil
	}
	if since != nil {
		page, err := s.page(ctx, r.stream(), *since, limit, true)
		if err != nil {
			return result, err
		}
		if page.Complete && since.Epoch == at.Epoch {
			result.Recovered = true
			result.Messages, result.More = upTo(page, at)
			return result, nil
		}
	}
	if at.Offset == 0 {
		return result, nil
	}
	page, err := s.page(ctx, r.stream(), Position{at.Epoch, at.Offset + 1}, limit, false)
	result.Messages, result.More = page.Messages, page.More
	return result, err
}

// upTo cuts a page after a position, and tells whether there is more between the page and the position.
func upTo(page Page, at Position) ([]Message, bool) {
	n := len(page.Messages)
	for n > 0 && page.Messages[n-1].Position.Offset > at.Offset {
		n--
	}
	return page.Messages[:n], page.More && n == len(page.Messages) && n > 0 && page.Messages[n-1].Position.Offset < at.Offset
}

// visible leaves out what is hidden from the session's device.
func (s *Session) visible(messages []Message) []Message {
	hidden := func(m Message) bool { return m.hiddenFrom(s.user, s.device) }
	if !slices.ContainsFunc(messages, hidden) {
		return messages
	}
	return slices.DeleteFunc(slices.Clone(messages), hidden)
}

// Leave takes the session out of a room. Leaving a room that it is not in is harmless.
func (s *Session) Leave(_ context.Context, name string) error {
	if err := CheckName("room", name); err != nil {
		return err
	}
	s.ops.Lock()
	defer s.ops.Unlock()
	s.leave(name)
	return nil
}

// leave takes the session out of a room. The caller holds ops.
func (s *Session) leave(name string) {
	s.mu.Lock()
	i := slices.IndexFunc(s.rooms, func(m membership) bool { return m.room.name == name })
	if i < 0 {
		s.mu.Unlock()
		return
	}
	r := s.rooms[i].room
	if s.left == nil {
		s.left = &bucket{}
	}
	s.left.join(s.rooms[i].bucket, r.rule.Rate)
	s.rooms = slices.Delete(s.rooms, i, i+1)
	s.mu.Unlock()

	r.part(s)
	s.hub.settleLeave(name, s)
	s.hub.rooms.release(name, r)
}

// part takes the session out of the room's crowd.
func (r *room) part(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.crowd.remove(s)
}

// settleLeave tells the registry and the others that a session has left a room. What the registry does not hear of now
// is put right when the session is restored, or ends.
func (h *Hub) settleLeave(name string, s *Session) {
	ctx, cancel := context.WithTimeout(h.context, 10*time.Second)
	defer cancel()
	if err := h.unseat(ctx, name, s); err != nil {
		h.complain("leave a room", err)
	}
}

// unseat tells the registry and the others that a session is not in a room.
func (h *Hub) unseat(ctx context.Context, name string, s *Session) error {
	last, count, err := h.driver.Leave(ctx, name, s.user, s.id)
	if err != nil {
		return err
	}
	if r, ok := h.rooms.get(name); ok {
		r.setSize(count)
	}
	if last && count == 0 {
		h.vacancies.note(name)
	}
	if last {
		h.tellPresence(ctx, name, count, Left{name, s.user, s.Identity().Info, count})
	}
	return nil
}

// room returns the room with the given name if the session is in it.
func (s *Session) room(name string) *room {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.rooms {
		if m.room.name == name {
			return m.room
		}
	}
	return nil
}

func pageSize(limit int) (int, error) {
	if limit < 0 || limit > maxPage {
		return 0, Errorf(Invalid, "the limit is %d; it must be from 1 to %d", limit, maxPage)
	}
	if limit == 0 {
		return defaultPage, nil
	}
	return limit, nil
}

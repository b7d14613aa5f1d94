package hubbub

import (
	"context"
	"time"
)

// HistoryQuery selects a page of a stream. With neither After nor Before it is the newest messages.
type HistoryQuery struct {
	After  *Position // those that follow, oldest first
	Before *Position // those that precede
	Limit  int       // at most 1000; 0 means 50
}

// History reads a stream that the session may see: a room that it is in, or a pair that its user belongs to. Messages that are
// hidden from its device are left out. A page that is not Complete has a gap.
func (s *Session) History(ctx context.Context, stream Stream, q HistoryQuery) (Page, error) {
	limit, err := pageSize(q.Limit)
	if err != nil {
		return Page{}, err
	}
	if q.After != nil && q.Before != nil {
		return Page{}, Errorf(Invalid, "give after or before, not both")
	}
	if err := s.takesPart(stream); err != nil {
		return Page{}, err
	}
	switch {
	case q.After != nil:
		return s.page(ctx, stream, *q.After, limit, true)
	case q.Before != nil:
		return s.page(ctx, stream, *q.Before, limit, false)
	}
	return s.page(ctx, stream, Position{}, limit, false)
}

// page reads the messages that follow a position, or precede it, and leaves out what is hidden. Clients go on from the last
// message that they got, so it reads on while all of a page is hidden.
func (s *Session) page(ctx context.Context, stream Stream, p Position, limit int, forward bool) (Page, error) {
	log := s.hub.logOf(stream)
	for {
		read := log.Before
		if forward {
			read = log.After
		}
		page, err := read(ctx, stream, p, limit)
		all := page.Messages
		page.Messages = s.visible(all)
		if err != nil || !page.More || !page.Complete || len(page.Messages) > 0 || len(all) == 0 {
			return page, err
		}
		p = all[0].Position
		if forward {
			p = all[len(all)-1].Position
		}
	}
}

// takesPart tells whether the session may see a stream: nil, or Forbidden, Invalid or NotFound.
func (s *Session) takesPart(stream Stream) error {
	if stream.Room == "" {
		if stream.Pair[0] != s.user && stream.Pair[1] != s.user {
			return Errorf(Forbidden, "these messages are of other people")
		}
		return CheckName("user", stream.Peer(s.user))
	}
	if _, err := s.hub.rule(stream.Room); err != nil {
		return err
	}
	if s.room(stream.Room) == nil {
		return Errorf(Forbidden, "join the room %q first", stream.Room)
	}
	return nil
}

// Conversations lists the streams that the user takes part in, those with the newest message first. Rooms that the session may not
// join any more are left out, so that a page may have fewer than limit.
func (s *Session) Conversations(ctx context.Context, before string, limit int) (ConversationPage, error) {
	limit, err := pageSize(limit)
	if err != nil {
		return ConversationPage{}, err
	}
	page, err := s.hub.conversations(ctx, s.user, before, limit)
	if err != nil {
		return ConversationPage{}, err
	}
	all := page.Conversations
	page.Conversations = make([]Conversation, 0, len(all))
	for _, c := range all {
		if err := s.maySee(ctx, c.Stream); err == nil {
			page.Conversations = append(page.Conversations, c)
		} else if reason := AsError(err).Reason; reason != Forbidden && reason != NotFound {
			return ConversationPage{}, err
		}
	}
	return page, nil
}

// maySee tells whether the session may see what is said in a stream that its user took part in, or a room whose member the user is.
func (s *Session) maySee(ctx context.Context, stream Stream) error {
	if stream.Room == "" {
		return nil
	}
	rule, err := s.hub.rule(stream.Room)
	if err != nil {
		return err
	}
	id := s.Identity()
	if err := s.hub.allow(ctx, &id, stream.Room, rule.Join, joining, id.Rooms.Join); err != nil {
		return err
	}
	if s.room(stream.Room) != nil {
		return nil
	}
	return s.mayJoin(ctx, stream.Room)
}

// MarkRead remembers that the user has read a stream up to a position, and tells the user's own sessions and the other
// one of a pair, or those in the room if it is not too large.
func (s *Session) MarkRead(ctx context.Context, stream Stream, p Position) error {
	if err := s.takesPart(stream); err != nil {
		return err
	}
	if p == (Position{}) {
		return Errorf(Invalid, "the position is missing: give the epoch and offset of the last message that was read")
	}
	changed, err := s.hub.keeperOf(stream).MarkRead(ctx, s.user, stream, p)
	if err != nil || !changed {
		return err
	}
	e := Read{stream, s.user, p}
	if s.tooLarge(stream) {
		s.hub.publishSurely(ctx, Topic{TopicUser, s.user}, e)
		return nil
	}
	s.hub.tellSurely(ctx, stream, e)
	return nil
}

// Typing tells the others of a stream that the user is writing, or has stopped. In rooms with too many users nobody is told,
// nor of more than 5 per second and bursts of 20 of one session.
func (s *Session) Typing(ctx context.Context, stream Stream, active bool) error {
	if err := s.takesPart(stream); err != nil {
		return err
	}
	if !s.takeTyping() {
		return nil
	}
	e := Typing{stream, s.sender(), active}
	if stream.Room == "" {
		return s.hub.driver.Publish(ctx, Topic{TopicUser, stream.Peer(s.user)}, e)
	}
	if s.tooLarge(stream) {
		return nil
	}
	return s.hub.tell(ctx, stream, e)
}

// takeTyping counts a notice that somebody is typing, and tells false if there are too many.
func (s *Session) takeTyping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.typing == nil {
		s.typing = &bucket{}
	}
	return s.typing.take(Rate{5, 20}, time.Now()) == 0
}

// tooLarge tells whether a stream is a room with too many users for receipts and typing.
func (s *Session) tooLarge(stream Stream) bool {
	r := s.room(stream.Room)
	return r != nil && r.size() > s.hub.o.Limits.SmallRoom
}

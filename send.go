package hubbub

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Outgoing is a message that somebody wants to send.
type Outgoing struct {
	Data     json.RawMessage // any JSON value; must be valid
	Key      string          // idempotency key, at most [MaxID] bytes; "" means none
	Collapse string          // see [Message]; at most [MaxID] bytes
	NoEcho   bool            // the sending device does not get it
}

// check tells what is wrong with a message whose data may have at most max bytes.
func (m *Outgoing) check(max int) error {
	switch {
	case len(m.Data) == 0:
		return Errorf(Invalid, "the message has no data; any JSON value will do")
	case len(m.Data) > max:
		return Errorf(TooLarge, "the data has %d bytes; at most %d are allowed here", len(m.Data), max)
	case len(m.Key) > MaxID:
		return Errorf(Invalid, "the key has %d bytes; at most %d are allowed", len(m.Key), MaxID)
	case len(m.Collapse) > MaxID:
		return Errorf(Invalid, "the collapse key has %d bytes; at most %d are allowed", len(m.Collapse), MaxID)
	}
	return nil
}

// SendRoom sends a message to a room that the session is in. The message has no position where nothing is kept. Forbidden,
// TooLarge, RateLimited, what Options.MaySend says, and Conflict if the key was used for something else. Where the rule says Report and
// the message does not last it may be Unavailable although the message was sent: send it again with the same key, which is told once.
func (s *Session) SendRoom(ctx context.Context, name string, m Outgoing) (Message, error) {
	d, rule, err := s.draftRoom(ctx, name, m)
	if err != nil {
		return Message{}, err
	}
	return s.hub.post(ctx, d, rule.History, rule.Report)
}

// BeginSendRoom is SendRoom that need not wait until the message is accepted: done is called with what SendRoom would return, once, by this
// goroutine or by another. done must not block. Messages to one room that a goroutine begins are accepted in the order in which it begins
// them; those to several rooms, and whatever else the session does meanwhile, may take effect in any order. ctx is for what has to be asked
// before: what is on its way is not called back.
func (s *Session) BeginSendRoom(ctx context.Context, name string, m Outgoing, done func(Message, error)) {
	d, rule, err := s.draftRoom(ctx, name, m)
	if err != nil {
		done(Message{}, err)
		return
	}
	s.hub.beginPost(ctx, d, rule.History, rule.Report, done)
}

// draftRoom makes the draft of a message to a room, if the session may send it now.
func (s *Session) draftRoom(ctx context.Context, name string, m Outgoing) (Draft, *RoomRule, error) {
	h := s.hub
	rule, err := h.rule(name)
	if err != nil {
		return Draft{}, nil, err
	}
	if s.room(name) == nil {
		return Draft{}, nil, errNotIn(name)
	}
	if rule.Send != AccessAnyone {
		id := s.Identity()
		if err := h.allow(ctx, &id, name, rule.Send, sending, id.Rooms.Send); err != nil {
			return Draft{}, nil, err
		}
	}
	if err := m.check(rule.MaxMessage); err != nil {
		return Draft{}, nil, err
	}
	if err := s.takeRoom(name, rule.Rate); err != nil {
		return Draft{}, nil, err
	}
	original, err := s.maySend(ctx, name, "", &m, rule.MaxMessage)
	if err != nil {
		return Draft{}, nil, err
	}
	if s.room(name) == nil {
		return Draft{}, nil, errNotIn(name) // it was left while somebody was asked
	}
	return s.draft(RoomStream(name), m, original, rule.Retention), rule, nil
}

func errNotIn(room string) error {
	return Errorf(Forbidden, "join the room %q before you send to it", room)
}

// SendUser sends a message to all devices of both people, or of one who writes to themself. Errors as for SendRoom.
func (s *Session) SendUser(ctx context.Context, user string, m Outgoing) (Message, error) {
	d, err := s.draftUser(ctx, user, m)
	if err != nil {
		return Message{}, err
	}
	rule := &s.hub.o.Private
	return s.hub.post(ctx, d, rule.History, rule.Report)
}

// BeginSendUser is to SendUser what BeginSendRoom is to SendRoom.
func (s *Session) BeginSendUser(ctx context.Context, user string, m Outgoing, done func(Message, error)) {
	d, err := s.draftUser(ctx, user, m)
	if err != nil {
		done(Message{}, err)
		return
	}
	rule := &s.hub.o.Private
	s.hub.beginPost(ctx, d, rule.History, rule.Report, done)
}

// draftUser makes the draft of a message to a user, if the session may send it now.
func (s *Session) draftUser(ctx context.Context, user string, m Outgoing) (Draft, error) {
	if err := CheckName("user", user); err != nil {
		return Draft{}, err
	}
	rule := &s.hub.o.Private
	if err := m.check(rule.MaxMessage); err != nil {
		return Draft{}, err
	}
	if err := s.takePrivate(rule.Rate); err != nil {
		return Draft{}, err
	}
	original, err := s.maySend(ctx, "", user, &m, rule.MaxMessage)
	if err != nil {
		return Draft{}, err
	}
	return s.draft(PairStream(s.user, user), m, original, rule.Retention), nil
}

// takePrivate counts a message against the rate of private ones.
func (s *Session) takePrivate(r Rate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return errEnded()
	}
	if s.private == nil {
		s.private = &bucket{}
	}
	if wait := s.private.take(r, time.Now()); wait > 0 {
		return tooFast(wait)
	}
	return nil
}

// takeRoom counts a message against the room's rate.
func (s *Session) takeRoom(name string, r Rate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.rooms, func(m membership) bool { return m.room.name == name })
	if i < 0 {
		return nil // it was left a moment ago
	}
	if wait := s.rooms[i].bucket.take(r, time.Now()); wait > 0 {
		return tooFast(wait)
	}
	return nil
}

func tooFast(wait time.Duration) error {
	return &Error{Reason: RateLimited, Message: "you are sending too fast; wait a moment", RetryAfter: wait}
}

// draft makes the session's message. original are the data before they were changed here; nil if they were not.
func (s *Session) draft(stream Stream, m Outgoing, original json.RawMessage, keep Retention) Draft {
	d := Draft{
		Message: Message{ID: s.hub.newID(), Stream: stream, From: s.sender(), Data: m.Data, Time: time.Now(),
			Collapse: m.Collapse},
		Retention: keep,
		Key:       m.Key,
		Original:  original,
	}
	if m.Key != "" {
		d.Author = "user " + s.user + " " + s.device
	}
	if m.NoEcho {
		d.Message.Except = s.device
	}
	return d
}

// SendRoom sends a message of a backend to a room. The author scopes the key.
func (h *Hub) SendRoom(ctx context.Context, room, author string, m Outgoing) (Message, error) {
	rule, err := h.rule(room)
	if err != nil {
		return Message{}, err
	}
	if err := m.check(rule.MaxMessage); err != nil {
		return Message{}, err
	}
	return h.post(ctx, Draft{
		Message:   Message{ID: h.newID(), Stream: RoomStream(room), Data: m.Data, Time: time.Now(), Collapse: m.Collapse},
		Retention: rule.Retention,
		Key:       m.Key,
		Author:    "backend " + author,
	}, rule.History, rule.Report)
}

// SendUser tells all devices of a user, or one of them, something that is not kept. NotFound if none of them is online.
func (h *Hub) SendUser(ctx context.Context, user, device string, data json.RawMessage) (Direct, error) {
	out := Outgoing{Data: data}
	if err := out.check(h.o.Private.MaxMessage); err != nil {
		return Direct{}, err
	}
	open, err := h.SessionsOf(ctx, user)
	if err != nil {
		return Direct{}, err
	}
	if !slices.ContainsFunc(open, func(s SessionRecord) bool { return device == "" || s.Device == device }) {
		return Direct{}, Errorf(NotFound, "the user %q is not online%s", user, onDevice(device))
	}
	e := Direct{To: user, Device: device, ID: h.newID(), Data: data, Time: time.Now()}
	return e, h.driver.Publish(ctx, Topic{TopicUser, user}, e)
}

// SendUsers tells all devices of up to 1000 users something that is not kept, under one ID. It returns those who were not online.
func (h *Hub) SendUsers(ctx context.Context, users []string, data json.RawMessage) (d Direct, offline []string, err error) {
	out := Outgoing{Data: data}
	if err := out.check(h.o.Private.MaxMessage); err != nil {
		return Direct{}, nil, err
	}
	if len(users) == 0 {
		return Direct{}, nil, Errorf(Invalid, "the users are missing: name 1 to %d", maxPage)
	}
	if users, err = distinctUsers(users); err != nil {
		return Direct{}, nil, err
	}
	now, err := h.driver.Presences(ctx, users)
	if err != nil {
		return Direct{}, nil, err
	}
	d = Direct{ID: h.newID(), Data: data, Time: time.Now()}
	for i, user := range users {
		if len(now[i].Devices) == 0 {
			offline = append(offline, user)
			continue
		}
		one := d
		one.To = user
		if err := h.driver.Publish(ctx, Topic{TopicUser, user}, one); err != nil {
			return Direct{}, nil, err
		}
	}
	return d, offline, nil
}

func onDevice(device string) string {
	if device == "" {
		return ""
	}
	return " with the device " + device
}

// SendAll tells everybody who is online something that is not kept.
func (h *Hub) SendAll(ctx context.Context, data json.RawMessage) (Broadcast, error) {
	out := Outgoing{Data: data}
	if err := out.check(h.o.Private.MaxMessage); err != nil {
		return Broadcast{}, err
	}
	e := Broadcast{ID: h.newID(), Data: data, Time: time.Now()}
	return e, h.driver.Publish(ctx, Topic{Kind: TopicAll}, e)
}

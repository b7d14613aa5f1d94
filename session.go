package hubbub

import "context"

// Session is one conn of one user's device. Its methods may be called concurrently; those that change rooms and send take
// effect in the order in which one goroutine calls them. Their errors are an [*Error] or those of the driver and context.
type Session struct {
}

// ID is the session's id, unique on all nodes.
func (s *Session) ID() string { panic("todo") }

// Identity is who the session belongs to, as of the last refresh. Device and Platform are never empty.
func (s *Session) Identity() Identity { panic("todo") }

// Node is the incarnation of the node that the session is on.
func (s *Session) Node() string { panic("todo") }

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
	Present   int       // users in the room now
}

// Join makes the session a member of the room's audience. reply is called before it gets any message of the room, and must
// not block. Joining again answers again, and changes nothing. NotFound for rooms without a rule, Forbidden if the rule
// does not let the session in, TooLarge if it is in too many rooms.
func (s *Session) Join(ctx context.Context, room string, o JoinOptions, reply func(JoinResult)) error {
	panic("todo")
}

// Leave takes the session out of a room. Leaving a room that it is not in is harmless.
func (s *Session) Leave(ctx context.Context, room string) error { panic("todo") }

// SendRoom sends a message to a room that the session is in. The message has no position where nothing is kept. Forbidden,
// TooLarge, RateLimited, and Conflict if the key was used for something else.
func (s *Session) SendRoom(ctx context.Context, room string, m Outgoing) (Message, error) {
	panic("todo")
}

// SendUser sends a message to all devices of both people, or of one who writes to themself. Errors as for SendRoom.
func (s *Session) SendUser(ctx context.Context, user string, m Outgoing) (Message, error) {
	panic("todo")
}

// HistoryQuery selects a page of a stream. With neither After nor Before it is the newest messages.
type HistoryQuery struct {
	After  *Position // those that follow, oldest first
	Before *Position // those that precede
	Limit  int       // at most 1000; 0 means 50
}

// History reads a stream that the session may see: a room that it is in, or a pair that its user belongs to. Messages that are
// hidden from its device are left out. A page that is not Complete has a gap before it.
func (s *Session) History(ctx context.Context, stream Stream, q HistoryQuery) (Page, error) {
	panic("todo")
}

// Present lists the users in a room that the session is in.
func (s *Session) Present(ctx context.Context, room, after string, limit int) (PresencePage, error) {
	panic("todo")
}

// Conversations lists the streams that the user takes part in, those with the newest message first.
func (s *Session) Conversations(ctx context.Context, before string, limit int) (ConversationPage, error) {
	panic("todo")
}

// MarkRead remembers that the user has read a stream up to a position, and tells the others of a pair, or of a room that is not
// too large.
func (s *Session) MarkRead(ctx context.Context, stream Stream, p Position) error { panic("todo") }

// Typing tells the others of a stream that the user is writing, or has stopped. In rooms with too many users nobody is told.
func (s *Session) Typing(ctx context.Context, stream Stream, active bool) error { panic("todo") }

// Online lists online users: all where the options allow it, otherwise only of a room that the session is in (Forbidden).
func (s *Session) Online(ctx context.Context, f Filter, after string, limit int) (PresencePage, error) {
	panic("todo")
}

// Watch tells how up to 1000 users are, and from then on whenever one of them changes. TooLarge if the session would watch
// too many.
func (s *Session) Watch(ctx context.Context, users []string) ([]Presence, error) { panic("todo") }

// Unwatch ends that for some users, or for all if there are none given.
func (s *Session) Unwatch(users []string) { panic("todo") }

// EndSessions ends sessions of the same user: Session, Device or, with Except set to the session's own id, all others. The User of the
// target does not matter. It returns how many were ended.
func (s *Session) EndSessions(ctx context.Context, t Target) (int, error) { panic("todo") }

// Refresh gives the session a newer identity of the same user and device, and returns the rooms that it had to leave since
// they are no longer permitted.
func (s *Session) Refresh(ctx context.Context, id Identity) (left []string, err error) { panic("todo") }

// Closed tells the hub that the conn is gone. Calling it again is harmless. It does not wait for the driver.
func (s *Session) Closed() { panic("todo") }

package hubbub

import (
	"context"
	"encoding/json"
)

// Hub is one node: it has the sessions of this process. All its methods may be called concurrently.
type Hub struct {
}

// New starts a hub. The context is for its first calls of the driver.
func New(ctx context.Context, o Options) (*Hub, error) { panic("todo") }

// Arrival is a conn that wants to become a session.
type Arrival struct {
	Identity  Identity
	Conn      Conn
	Transport Transport
	Address   string // of the client, which the user's own list of sessions shows; "" if unknown
	// Welcome is called with the new session before anything else is sent to its conn. It must not block.
	Welcome func(*Session)
}

// Open makes a session of an arrival. Its errors are Unauthorized if the identity was revoked or has expired, Conflict if the
// user has too many devices or sessions, Invalid, and Unavailable. Whoever opens a session must call [Session.Closed] when the
// conn is gone; if Open fails, the caller closes the conn.
func (h *Hub) Open(ctx context.Context, a Arrival) (*Session, error) { panic("todo") }

// Outgoing is a message that somebody wants to send.
type Outgoing struct {
	Data     json.RawMessage // any JSON value; must be valid
	Key      string          // idempotency key, at most [MaxID] bytes; "" means none
	Collapse string          // see [Message]; at most [MaxID] bytes
	NoEcho   bool            // the sending device does not get it
}

// SendRoom sends a message of a backend to a room. The author scopes the key.
func (h *Hub) SendRoom(ctx context.Context, room, author string, m Outgoing) (Message, error) {
	panic("todo")
}

// SendUser tells all devices of a user, or one of them, something that is not kept. NotFound if none of them is online.
func (h *Hub) SendUser(ctx context.Context, user, device string, data json.RawMessage) (Direct, error) {
	panic("todo")
}

// SendAll tells everybody who is online something that is not kept.
func (h *Hub) SendAll(ctx context.Context, data json.RawMessage) (Broadcast, error) { panic("todo") }

// Presences tells about up to 1000 users, in the same order.
func (h *Hub) Presences(ctx context.Context, users []string) ([]Presence, error) { panic("todo") }

// Count counts who is online.
func (h *Hub) Count(ctx context.Context) (Counts, error) { panic("todo") }

// Online lists online users. The limit is 1 to 1000; 0 means 50.
func (h *Hub) Online(ctx context.Context, f Filter, after string, limit int) (PresencePage, error) {
	panic("todo")
}

// Occupied lists rooms that somebody is in. The limit is 1 to 1000; 0 means 50.
func (h *Hub) Occupied(ctx context.Context, after string, limit int) (RoomPage, error) {
	panic("todo")
}

// SessionsOf lists the open sessions of a user.
func (h *Hub) SessionsOf(ctx context.Context, user string) ([]SessionRecord, error) { panic("todo") }

// End ends sessions on all nodes, and returns how many. They are told why, and do not come back by themselves.
func (h *Hub) End(ctx context.Context, t Target, why EndReason) (int, error) { panic("todo") }

// Revoke makes credentials invalid and ends the sessions that were opened with them; it returns how many.
func (h *Hub) Revoke(ctx context.Context, r Revocation) (int, error) { panic("todo") }

// Check tells whether an identity may still connect: Unauthorized if it was revoked or has expired.
func (h *Hub) Check(ctx context.Context, id Identity) error { panic("todo") }

// Len is how many sessions this node has.
func (h *Hub) Len() int { panic("todo") }

// Drain tells all sessions to come back within the window, and then closes them in stages spread over half of it, until ctx
// ends; what is left then is closed at once. No session can be opened any more.
func (h *Hub) Drain(ctx context.Context, window Retry) { panic("todo") }

// Close ends the hub: sessions that are left, and its lease. It waits for what the hub has started, until ctx ends.
func (h *Hub) Close(ctx context.Context) error { panic("todo") }

package client

import (
	"encoding/json"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// Time is a time as the protocol has it: Unix milliseconds in JSON.
type Time struct{ time.Time }

// MarshalJSON writes Unix milliseconds.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.UnixMilli()) }

// UnmarshalJSON reads Unix milliseconds; null changes nothing.
func (t *Time) UnmarshalJSON(b []byte) error {
	var ms *int64
	if err := json.Unmarshal(b, &ms); err != nil || ms == nil {
		return err
	}
	t.Time = time.UnixMilli(*ms)
	return nil
}

// Message is a message of a room, of a private conversation, or live from a backend.
type Message struct {
	ID       string          `json:"id"`
	Room     string          `json:"room,omitempty"`
	Peer     string          `json:"peer,omitempty"`     // the other person of a private conversation, whoever sent the message
	To       string          `json:"to,omitempty"`       // to whom a private message was sent
	From     *hubbub.Sender  `json:"from,omitempty"`     // nil if a backend sent it
	Data     json.RawMessage `json:"data"`               // any JSON value
	Time     Time            `json:"time"`               // when it was accepted
	Position hubbub.Position `json:"position,omitzero"`  // zero where nothing is kept
	Collapse string          `json:"collapse,omitempty"` // it replaces earlier ones with the same
}

// Sent is the reply to a send: the message is accepted.
type Sent struct {
	ID       string          `json:"id"`
	Position hubbub.Position `json:"position"` // zero where nothing is kept
}

// Page is a part of a stream, oldest first.
type Page struct {
	Messages []Message `json:"messages"`
	More     bool      `json:"more"`     // there are further ones in the direction asked for
	Complete bool      `json:"complete"` // nothing is missing between the position asked for and the page
}

// Conversation is a private conversation, or a room that one has sent to.
type Conversation struct {
	Room     string          `json:"room,omitempty"`
	User     string          `json:"user,omitempty"` // the other person, of a private one
	Info     json.RawMessage `json:"info,omitempty"` // of the user
	Last     Message         `json:"last"`
	Position hubbub.Position `json:"position"`           // of Last
	Read     hubbub.Position `json:"read,omitzero"`      // up to where one has read
	PeerRead hubbub.Position `json:"peer_read,omitzero"` // up to where the other person has
	Unread   int             `json:"unread"`             // at most 1000
}

// ConversationPage is a part of the list of conversations.
type ConversationPage struct {
	Conversations []Conversation `json:"conversations"`
	Next          string         `json:"next,omitempty"` // for the next page; "" if this is the last
}

// Presence tells whether a user is online.
type Presence struct {
	User     string              `json:"user"`
	Online   bool                `json:"online"` // also for some seconds after the last session has ended
	Info     json.RawMessage     `json:"info,omitempty"`
	Devices  []hubbub.DeviceInfo `json:"devices"`
	LastSeen Time                `json:"last_seen,omitzero"` // zero while online, and for who was never seen
}

// PresencePage is a part of a list of users, by name.
type PresencePage struct {
	Users []Presence `json:"users"`
	Count int        `json:"count"`          // how many the whole list has
	Next  string     `json:"next,omitempty"` // for the next page; "" if this is the last
}

// Present is a user in a room.
type Present struct {
	User    string          `json:"user"`
	Info    json.RawMessage `json:"info,omitempty"`
	Devices []string        `json:"devices"` // the platforms of the user's devices
}

// PresentPage is a part of the list of users in a room, by name.
type PresentPage struct {
	Users []Present `json:"users"`
	Count int       `json:"count"`          // how many the whole list has
	Next  string    `json:"next,omitempty"` // for the next page; "" if this is the last
}

// Device is one of the own devices that are online.
type Device struct {
	Device   string    `json:"device"`
	Platform string    `json:"platform"`
	This     bool      `json:"this"` // the one of this session
	Sessions []Session `json:"sessions"`
}

// Session is an open session.
type Session struct {
	Session   string `json:"session"`
	This      bool   `json:"this,omitempty"` // the one that asks
	Device    string `json:"device,omitempty"`
	Platform  string `json:"platform,omitempty"`
	Connected Time   `json:"connected"`
	Address   string `json:"address,omitempty"` // the client's IP address
}

// Welcome is what the server says about a new session.
type Welcome struct {
	Session   string          `json:"session"`
	User      string          `json:"user"`
	Info      json.RawMessage `json:"info,omitempty"`
	Device    string          `json:"device"`
	Platform  string          `json:"platform"`
	Node      string          `json:"node"`
	Heartbeat int64           `json:"heartbeat_ms"` // milliseconds of silence after which the server gives a peer up
	Time      Time            `json:"time"`         // the server's
	Expires   Time            `json:"expires,omitzero"`
	Reconnect Window          `json:"reconnect"`
	// Inbox is what was not dealt with when the session began; nil where the gateway has no store.
	Inbox *hubbub.InboxCounts `json:"inbox,omitempty"`
}

// Window is between which times, in milliseconds, to wait before an attempt to reconnect.
type Window struct {
	Min int64 `json:"min_ms"`
	Max int64 `json:"max_ms"`
}

// Read says that somebody has read a room, or a private conversation, up to a position.
type Read struct {
	Room     string          `json:"room,omitempty"`
	User     string          `json:"user,omitempty"` // the other person of the private conversation
	Reader   string          `json:"reader"`
	Position hubbub.Position `json:"position"`
}

// Typing says that somebody is writing, or has stopped.
type Typing struct {
	Room   string        `json:"room,omitempty"`
	User   string        `json:"user,omitempty"` // who writes to us
	From   hubbub.Sender `json:"from"`
	Active bool          `json:"active"`
}

// Entry says that a user came into a room, or has left it.
type Entry struct {
	Room  string          `json:"room"`
	User  string          `json:"user"`
	Info  json.RawMessage `json:"info,omitempty"`
	Count int             `json:"count"` // users that are there now
}

// Skipped says that messages of a room were left out, because this client reads too slowly or the gateway has missed some.
type Skipped struct {
	Room     string          `json:"room"`
	Messages int             `json:"messages"`      // how many; 0 if nobody knows
	From     hubbub.Position `json:"from,omitzero"` // of the first, if known
	To       hubbub.Position `json:"to,omitzero"`   // of the last, if known
}

// Replaced says that this session has to give way to another device of the same user. The client stops next.
type Replaced struct {
	By struct {
		Device   string `json:"device"`
		Platform string `json:"platform"`
		Session  string `json:"session"`
	} `json:"by"`
}

// Broadcast is a message of a backend to everybody.
type Broadcast struct {
	ID   string          `json:"id"`
	Data json.RawMessage `json:"data"`
	Time Time            `json:"time"`
}

package hubbub

import (
	"encoding/json"
	"time"
)

// Event is what sessions are told, and what travels between nodes. The types of this file are all there are.
type Event interface{ event() }

// Posted is a message of a room or of a pair.
type Posted struct {
	Message  Message
	Previous uint64 // offset of the message before it in the stream; without meaning where the message has no position
}

// Direct is what a backend says to a user, or to one device. It is not kept.
type Direct struct {
	To     string // the user
	Device string // "" means all devices
	ID     string
	Data   json.RawMessage
	Time   time.Time
}

// Broadcast is what a backend says to everybody who is online.
type Broadcast struct {
	ID   string
	Data json.RawMessage
	Time time.Time
}

// Joined tells that a user came into a room: with the first session there.
type Joined struct {
	Room  string
	User  string
	Info  json.RawMessage
	Count int // users in the room now
}

// Left tells that a user's last session in a room has left it.
type Left struct {
	Room  string
	User  string
	Info  json.RawMessage
	Count int // users in the room now
}

// Skipped tells a session that it has missed messages of a room, which it may fetch from the history.
type Skipped struct {
	Room     string
	Messages int      // how many; 0 means unknown
	From, To Position // the first and the last of them; zero if unknown
}

// Read is a receipt: a user has read a stream up to a position.
type Read struct {
	Stream   Stream
	User     string
	Position Position
}

// Typing tells that a user is writing, or has stopped.
type Typing struct {
	Stream Stream
	From   Sender
	Active bool
}

// PresenceChanged tells that a user went online or offline, or uses other devices.
type PresenceChanged struct{ Presence Presence }

// Ended tells the nodes that sessions of a user were ended by somebody else, and tells each of these sessions why.
type Ended struct {
	Sessions []string // their ids
	User     string
	Why      EndReason
	By       *SessionRecord // the session that took their place or ended them; nil if a backend did
}

// Draining tells a session that its node shuts down, and when to come back.
type Draining struct{ Retry Retry }

func (Posted) event()          {}
func (Direct) event()          {}
func (Broadcast) event()       {}
func (Joined) event()          {}
func (Left) event()            {}
func (Skipped) event()         {}
func (Read) event()            {}
func (Typing) event()          {}
func (PresenceChanged) event() {}
func (Ended) event()           {}
func (Draining) event()        {}

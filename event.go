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

// MemberChanged tells a room, and the user, that somebody belongs to it, has another role, or does not belong to it any more.
type MemberChanged struct {
	Room string
	User string
	Role Role   // "" if the user does not belong to the room any more
	By   string // the user who did it; "" for a backend
}

// Noticed brings a notice to a user who is online, or an announcement to everybody.
type Noticed struct {
	User   string // "" for everybody
	Notice Notice
}

// Announced tells all nodes that an announcement was published. Sessions are told by Noticed.
type Announced struct {
	Notice   Notice
	To       Audiences
	Revision uint64 // of the announcements, with this one
}

// NoticesMarked tells a user's sessions that one of them has marked notices, so that all show the same.
type NoticesMarked struct {
	User string
	Mark NoticeMark // without Limit
}

// NoticeRemoved tells sessions that a notice was withdrawn: those of the user, or all if it was an announcement.
type NoticeRemoved struct {
	User string // "" for an announcement
	ID   string
}

// InboxChanged tells the nodes that a user's counts have to be read again, or, without a user, everybody's.
type InboxChanged struct{ User string }

// InboxCounted tells a session what its user has not dealt with. Counts is shared with others, and must not be changed.
type InboxCounted struct{ Counts *InboxCounts }

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
func (MemberChanged) event()   {}
func (Noticed) event()         {}
func (Announced) event()       {}
func (NoticesMarked) event()   {}
func (NoticeRemoved) event()   {}
func (InboxChanged) event()    {}
func (InboxCounted) event()    {}
func (Draining) event()        {}

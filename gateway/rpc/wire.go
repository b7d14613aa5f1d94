package rpc

import (
	"encoding/json"
	"time"

	"github.com/hubbub-dev/hubbub"
)

// The types of this file are the objects of docs/protocol.md, in its order. What is sent most has an appendJSON in encode.go
// beside them, which must write the same.

type wireError struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Data    wireCause `json:"data"`
}

type wireCause struct {
	Reason       hubbub.Reason `json:"reason"`
	RetryAfterMS int64         `json:"retry_after_ms,omitempty"`
}

type person struct {
	User string          `json:"user"`
	Info json.RawMessage `json:"info,omitempty"`
}

type presence struct {
	person
	Online   bool                `json:"online"`
	Devices  []hubbub.DeviceInfo `json:"devices"`
	LastSeen millis              `json:"last_seen,omitzero"`
}

// millis is a time as the protocol has it.
type millis time.Time

// MarshalJSON writes Unix milliseconds.
func (m millis) MarshalJSON() ([]byte, error) { return json.Marshal(time.Time(m).UnixMilli()) }

// IsZero is for omitzero.
func (m millis) IsZero() bool { return time.Time(m).IsZero() }

type none struct{}

type joinResult struct {
	Room      string           `json:"room"`
	Position  *hubbub.Position `json:"position"`
	Recovered bool             `json:"recovered"`
	Messages  []wireMessage    `json:"messages"`
	More      bool             `json:"more"`
	Present   int              `json:"present,omitempty"`
}

type sendResult struct {
	ID       string          `json:"id"`
	Position hubbub.Position `json:"position,omitzero"`
}

type historyResult struct {
	Messages []wireMessage `json:"messages"`
	More     bool          `json:"more"`
	Complete bool          `json:"complete"`
}

type presentResult struct {
	Users []presentUser `json:"users"`
	Count int           `json:"count"`
	Next  string        `json:"next,omitempty"`
}

type presentUser struct {
	person
	Devices []string `json:"devices"` // their platforms
}

type conversationsResult struct {
	Conversations []conversation `json:"conversations"`
	Next          string         `json:"next,omitempty"`
}

type conversation struct {
	place
	Info     json.RawMessage `json:"info,omitempty"`
	Last     wireMessage     `json:"last"`
	Position hubbub.Position `json:"position"`
	Read     hubbub.Position `json:"read,omitzero"`
	PeerRead hubbub.Position `json:"peer_read,omitzero"`
	Unread   int             `json:"unread"`
}

// place is a stream as one of its users sees it.
type place struct {
	Room string `json:"room,omitempty"`
	User string `json:"user,omitempty"` // the other person
}

type membersResult struct {
	Members []wireMember `json:"members"`
	Next    string       `json:"next,omitempty"`
	Total   int          `json:"total"`
}

type wireMember struct {
	User  string      `json:"user"`
	Role  hubbub.Role `json:"role"`
	Since millis      `json:"since"`
}

type presencesResult struct {
	Users []presence `json:"users"`
}

type onlineResult struct {
	Users []presence `json:"users"`
	Count int        `json:"count"`
	Next  string     `json:"next,omitempty"`
}

type devicesResult struct {
	Devices []ownDevice `json:"devices"`
}

type ownDevice struct {
	Device   string       `json:"device"`
	Platform string       `json:"platform"`
	This     bool         `json:"this"`
	Sessions []ownSession `json:"sessions"`
}

type ownSession struct {
	Session   string `json:"session"`
	This      bool   `json:"this"`
	Connected millis `json:"connected"`
	Address   string `json:"address,omitempty"`
}

type endResult struct {
	Ended int `json:"ended"`
}

type refreshResult struct {
	Expires millis   `json:"expires,omitzero"`
	Left    []string `json:"left"`
}

// noticesResult encodes itself: its notices were encoded to see how many fit.
type noticesResult struct {
	notices []byte // with commas between them
	next    string
}

type wireNotice struct {
	ID string `json:"id"`
	hubbub.NoticeContent
	State        hubbub.NoticeState `json:"state"`
	Time         millis             `json:"time"`
	Expires      millis             `json:"expires,omitzero"`
	Collapse     string             `json:"collapse,omitempty"`
	Announcement bool               `json:"announcement,omitempty"`
}

type markResult struct {
	Changed int        `json:"changed"`
	Counts  wireCounts `json:"counts"`
}

type pingResult struct {
	Time millis `json:"time"`
}

type welcomeParams struct {
	Session string `json:"session"`
	person
	Device      string `json:"device"`
	Platform    string `json:"platform"`
	Node        string `json:"node"`
	HeartbeatMS int64  `json:"heartbeat_ms"`
	Time        millis `json:"time"`
	Reconnect   window `json:"reconnect"`
	Expires     millis `json:"expires,omitzero"`
	// Inbox is nil where there are no inboxes.
	Inbox *wireCounts `json:"inbox,omitempty"`
}

type window struct {
	MinMS int64 `json:"min_ms"`
	MaxMS int64 `json:"max_ms"`
}

func windowOf(r hubbub.Retry) window { return window{r.Min.Milliseconds(), r.Max.Milliseconds()} }

type skippedParams struct {
	Room     string          `json:"room"`
	Messages int             `json:"messages"`
	From     hubbub.Position `json:"from,omitzero"`
	To       hubbub.Position `json:"to,omitzero"`
}

// roomChange is for room.joined and room.left.
type roomChange struct {
	Room string `json:"room"`
	person
	Count int `json:"count"`
}

type memberParams struct {
	Room string      `json:"room"`
	User string      `json:"user"`
	Role hubbub.Role `json:"role,omitempty"`
	By   string      `json:"by,omitempty"`
}

type readParams struct {
	place
	Reader   string          `json:"reader"`
	Position hubbub.Position `json:"position"`
}

type typingParams struct {
	place
	From   hubbub.Sender `json:"from"`
	Active bool          `json:"active"`
}

type markedParams struct {
	State    string   `json:"state"`
	IDs      []string `json:"ids,omitempty"`
	Category string   `json:"category,omitempty"`
	All      bool     `json:"all,omitempty"`
	Until    millis   `json:"until,omitzero"`
}

type removedParams struct {
	ID string `json:"id"`
}

type replacedParams struct {
	By replacedBy `json:"by"`
}

type replacedBy struct {
	Device   string `json:"device"`
	Platform string `json:"platform"`
	Session  string `json:"session"`
}

type broadcastParams struct {
	ID   string          `json:"id"`
	Data json.RawMessage `json:"data"`
	Time millis          `json:"time"`
}

type drainingParams struct {
	Reconnect window `json:"reconnect"`
}

func presenceOf(p hubbub.Presence) presence {
	devices := p.Devices
	if devices == nil {
		devices = []hubbub.DeviceInfo{}
	}
	return presence{person{p.User, p.Info}, p.Online, devices, millis(p.LastSeen)}
}

func presencesOf(all []hubbub.Presence) []presence {
	out := make([]presence, len(all))
	for i, p := range all {
		out[i] = presenceOf(p)
	}
	return out
}

func placeOf(s hubbub.Stream, viewer string) place {
	if s.Room != "" {
		return place{Room: s.Room}
	}
	return place{User: s.Peer(viewer)}
}

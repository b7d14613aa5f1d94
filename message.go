package hubbub

import (
	"encoding/json"
	"time"
)

// Stream names the ordered messages of one room, or of one pair of users. It is comparable and may be a map key. Make one
// with [RoomStream] or [PairStream].
type Stream struct {
	Room string    // the room; "" for a pair
	Pair [2]string // the two users in ascending order; both the same for notes to oneself
}

// RoomStream is the stream of a room.
func RoomStream(room string) Stream { return Stream{Room: room} }

// PairStream is the stream of two users, in whichever order they are given.
func PairStream(a, b string) Stream { return Stream{Pair: [2]string{min(a, b), max(a, b)}} }

// String is a key for stores: "room NAME" or "pair A B", unique since names have no spaces.
func (s Stream) String() string {
	if s.Room != "" {
		return "room " + s.Room
	}
	return "pair " + s.Pair[0] + " " + s.Pair[1]
}

// Peer is the other one of a pair, as seen by user; "" for a room.
func (s Stream) Peer(user string) string {
	if s.Pair[0] == user {
		return s.Pair[1]
	}
	return s.Pair[0]
}

// Position is the place of a message in its stream. Offsets rise, with holes; a new epoch means that the stream was lost and
// began again. The zero value is no position.
type Position struct {
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// Sender is who sent a message, as others see it. The zero value is a backend.
type Sender struct {
	User   string          `json:"user"`
	Info   json.RawMessage `json:"info,omitempty"`
	Device string          `json:"device,omitempty"`
}

// Message is what was sent. It is immutable; its Data is shared by all who receive it and must not be changed.
type Message struct {
	ID       string // at most MaxID bytes; unique
	Stream   Stream
	From     Sender
	Data     json.RawMessage // any JSON value
	Time     time.Time       // when it was accepted
	Position Position        // the zero value in rooms without history
	// Except is the device of From that must not get the message, neither live nor on replay; "" excludes none.
	Except string
	// Collapse names what the message is about: a slow reader may get only the newest of those with the same name.
	Collapse string
}

// hiddenFrom tells whether the message must not be shown to a device.
func (m *Message) hiddenFrom(user, device string) bool {
	return m.Except != "" && m.Except == device && m.From.User == user
}

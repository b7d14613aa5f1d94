package hubbub

import "time"

// Fact is something that has happened here and that others outside of the gateway may have to know: a [Transition], or one of the
// types of this file.
type Fact interface{ fact() }

// Report makes the items that go into the outbox when a fact is committed, one for each target that wants to know of it. It is called
// while the store writes the fact, or right before, so that both are there or neither; if a write is repeated it is called again, and must
// return the same. Of a RoomChanged it may also be called to find out whether anybody wants to know, and then nothing is written. It may be
// called concurrently, and must neither block nor call the hub or the store.
type Report func(Fact) []OutboxItem

// Sent tells that a session or a backend has sent a message where the rule says Report.
type Sent struct{ Message Message }

// RoomChanged tells that somebody has come into an empty room, or that the last user has left one. What changes again before it is
// told is not told; those of one room alternate.
type RoomChanged struct {
	ID       string // unique
	Room     string
	Occupied bool
	Time     time.Time
}

// NoticesRead tells that a user has read notices: at most [DeliveryStep] of them in one fact.
type NoticesRead struct {
	ID      string // unique
	User    string
	Notices []string // their ids, announcements among them
	Time    time.Time
}

func (Transition) fact()  {}
func (Sent) fact()        {}
func (RoomChanged) fact() {}
func (NoticesRead) fact() {}

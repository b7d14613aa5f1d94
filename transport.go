package hubbub

import "time"

// Conn is a session's connection, as a transport offers it. Its methods may be called concurrently and never block. What one
// goroutine does with a conn and its audiences takes effect in the order of its calls.
type Conn interface {
	// Send tells an event to this conn alone. It is lost if the conn is closing.
	Send(e Event)
	// Close ends the conn, after what was sent before. For EndDraining and EndNodeLost retry says when the client may come back.
	Close(why EndReason, retry Retry)
}

// Retry is the window in which a client may come back, at a random time of it.
type Retry struct{ Min, Max time.Duration }

// Transport delivers events to many conns at once, and encodes each event once.
type Transport interface {
	// Audience returns a new, empty set of conns of this transport. The name is for people; the policy says what a conn that
	// reads too slowly misses.
	Audience(name string, slow SlowPolicy) Audience
}

// Audience is a set of conns. Its methods are called one at a time.
type Audience interface {
	Add(c Conn)
	Remove(c Conn)
	// Deliver tells an event to all but the conns in except. It may block while very much waits for the audience, but never
	// for a single conn.
	Deliver(e Event, except []Conn)
}

// Roomy is an [Audience] that can tell whether Deliver would block. Others are not given the messages of their own node before the bus brings
// them, since what is done with all of those would wait.
type Roomy interface {
	// HasRoom tells that Deliver would not block for an event with so many bytes of data. It is called like the methods of Audience.
	HasRoom(bytes int) bool
}

// SlowPolicy says what happens to a conn that reads more slowly than its room speaks.
type SlowPolicy uint8

// The policies.
const (
	SlowClose      SlowPolicy = iota // the conn is closed and may come back with its last position
	SlowDropOldest                   // the oldest waiting messages of the room are skipped; the session is told by Skipped
	SlowLatest                       // of messages with the same Message.Collapse only the newest is delivered
)

package client

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// Options say where to connect to, as whom, and what to do with what comes. Only URL must be set.
type Options struct {
	URL string // of the gateway's WebSocket, such as "ws://localhost:8080/ws"
	// Token makes a token: before each attempt to connect, and before the one in use expires. It is sent in the header
	// Authorization. nil means that the credentials, if any, are in URL or Dial.
	Token func(ctx context.Context) (string, error)
	// Device is the stable id of the device, see the protocol. "" means a random one for the life of the client.
	Device   string
	Platform string // "" means "go"

	// Retry makes Dial go on after a first attempt that failed, until its context ends. Otherwise it returns the failure.
	Retry    bool
	Dial     ws.DialOptions // header, TLS, proxy, limits
	MinDelay time.Duration  // before the second attempt after a failure at most; 0 means 1 s
	MaxDelay time.Duration  // between attempts at most, doubling; 0 means 30 s

	// MaxQueue is how many bytes may wait for the handlers; 0 means 4 MiB. With more the connection is not read, so
	// that the server has to wait, too. Only if calls wait for replies it is read on; messages that the server keeps
	// are fetched later then, others wait up to four times of it. Beyond that calls fail, and the client connects
	// again.
	MaxQueue int

	Handlers Handlers
}

// Handlers are told what comes. Each may be nil.
type Handlers struct {
	// State is told when the session has begun and when it is lost.
	State func(State)
	// Message gets private messages, and live messages of backends to this user or device. If it is set, the client
	// asks for the list of conversations when it connects, to find out what it has missed.
	Message func(Message)
	// Lost says that private messages with this user are lost, or the whole conversation; what was handed over of it is
	// out of date. What Message gets next of it are the newest ones.
	Lost func(user string)
	// Read and Typing are told of private conversations; of rooms if the room's handler has none.
	Read   func(Read)
	Typing func(Typing)
	// Presence is told of watched users, see [Client.Watch]. After a reconnect it is told of all of them.
	Presence  func(Presence)
	Broadcast func(Broadcast)
	Replaced  func(Replaced)
	// Notice is told of a new notice in the inbox. It is not told again of those that came while there was no connection:
	// Counts shows that there are some, and [Client.Inbox] lists them.
	Notice func(Notice)
	// Counts is told what was not dealt with in the inbox: when a session begins, and after each change.
	Counts func(hubbub.InboxCounts)
	// Marked is told which notices were marked, also by this client itself.
	Marked func(InboxMark)
	// Removed is told the id of a notice that was withdrawn.
	Removed func(id string)
	// Member is told who becomes a member of a room, gets another role, or is a member no more: of the rooms that this user
	// is added to or removed from, and of joined rooms if the room's handler has none.
	Member func(MemberChange)
	// Other gets the notifications that have no handler of their own.
	Other func(method string, params json.RawMessage)
}

// State is where a client stands with its connection.
type State struct {
	Connected bool
	Welcome   Welcome       // of the session, if connected
	Delay     time.Duration // until the next attempt, if not connected
	Final     bool          // there will be no further attempt
	Err       error         // why it is not connected
}

// RoomHandler is told what happens in a room. Each of its functions may be nil.
type RoomHandler struct {
	// Since is the position of the last message that was handled, by an earlier run of the program: what came after it
	// is handed over. Zero means to begin with the newest messages.
	Since hubbub.Position
	// Limit is how many of the newest messages to begin with, at most 1000; 0 means 50, negative means none.
	Limit int

	Message func(Message)
	// Lost says that messages are lost, or may be: all after a reconnect to a room that keeps none. What was handed
	// over of the room before is out of date; what Message gets next are the newest ones.
	Lost func()
	// Ended says that the room was left for good: it is not permitted any more. The error says why.
	Ended func(error)
	// Skipped is told what was left out. If it is nil, what was left out is fetched, and handed over in order.
	Skipped func(Skipped)
	Joined  func(Entry) // a user came in
	Left    func(Entry) // a user has left
	Read    func(Read)
	Typing  func(Typing)
	Member  func(MemberChange)
}

package hubbub

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// Options configures a [Hub]. Only Driver must be set. Options are read once, by [New].
type Options struct {
	Driver Driver
	Store  Store // for what must last: durable streams, members, who was here; nil means that there is none of it
	// Node names this process among the nodes; "" means "node". Each start gets a new incarnation of it.
	Node    string
	Version string // of the program, which NodeStatus shows; "" if it does not matter

	Rooms   []RoomRule // the first that matches a name holds; nil means one rule that matches all. Other rooms do not exist
	Private PrivateRule
	Devices DeviceLimit
	Limits  Limits
	// ListPresence lets every session list all who are online. Otherwise only the rooms that it is in.
	ListPresence bool

	// Lease and Grace are the driver's: they tell the hub how often to renew and when to look, and change nothing of what the
	// driver decides. Make the driver with the same.
	Lease time.Duration // how long the driver takes a silent node for alive; it is renewed three times as often; 0 means 10 s
	Grace time.Duration // how long the driver keeps a user online who has no session; 0 means 5 s, negative none

	// Counts reads what a user has not dealt with in the inbox: what package inbox offers. The hub calls it when the user comes, and
	// after InboxChanged; sessions are told by InboxCounted. nil means that there are no inboxes.
	Counts func(ctx context.Context, user string) (InboxCounts, error)
	// IsMember answers for rules that say [AccessMember]. It is called concurrently; its error refuses. nil means that
	// the Store knows, and without one nobody is a member.
	IsMember func(ctx context.Context, room, user string) (bool, error)
	// OnTransition is told what the registry decided, at least once for each transition, before it is confirmed: one after the
	// other, in the order of the decisions. An error has it told again, and what follows waits. nil means that nobody else must know.
	OnTransition func(context.Context, Transition) error
	// Report makes outbox items of what happens; nil means none. It needs Store. With it, Open returns when the store knows of the session, so
	// that nobody hears of what a session does before it has come; it waits for a second at most.
	Report Report
	// MayJoin is asked before a session joins a room that the rule lets it join, and again when it joins anew after a new token. It is
	// asked, too, before the session makes its user a member, before one who is no member lists the members, and before a room that
	// the session is not in is listed among the conversations, since that shows the last message. It is called concurrently; its
	// error refuses. nil means that all may.
	MayJoin func(ctx context.Context, s *Session, room string) error
	// MaySend is asked about each message of a session that the rule lets it send. It returns what is sent instead of the data, nil
	// for the data as they are. It is called concurrently; its error refuses. nil means that all may.
	MaySend func(context.Context, Sending) (json.RawMessage, error)
	Logger  *slog.Logger // nil means slog.Default()
}

// PrivateRule says how messages between two users behave.
type PrivateRule struct {
	History HistoryKind // not HistoryNone
	// Retention is how much of each pair is kept; the zero value means 1000 messages, 4 MiB and 7 days, and 365 days if it is
	// durable.
	Retention  Retention
	MaxMessage int  // bytes of a message's data; 0 means 16 KiB
	Rate       Rate // of messages of each session; the zero value means 10 per second, bursts of 20
	Report     bool // messages are facts that Options.Report is asked about; needs Options.Store
}

// Sending is a message that a session wants to send. Either Room or To is set.
type Sending struct {
	Session string
	From    Identity
	Room    string
	To      string          // the other user
	Data    json.RawMessage // must not be changed
	Key     string
}

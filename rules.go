package hubbub

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"
)

// Access says who may do something in a room.
type Access uint8

// The kinds of access.
const (
	AccessAnyone  Access = iota // every signed-in session
	AccessMember                // persistent members of the room
	AccessToken                 // sessions whose token permits it, see [Permissions]
	AccessBackend               // nobody but backends
)

// HistoryKind says whether the messages of a room are kept.
type HistoryKind uint8

// The kinds of history.
const (
	HistoryMemory  HistoryKind = iota // as long as the process, or Redis, lives
	HistoryNone                       // not at all; messages have no position
	HistoryDurable                    // until their retention ends, whatever dies; needs Options.Store
)

// RoomRule says how the rooms whose names match a glob behave. The zero value of every field but Match is what most want.
type RoomRule struct {
	Match string // glob of room names, see [Match]

	Join Access // who may join and see what is said
	Send Access // who of those in the room may send

	// Create lets any session that may call [Session.AddMember] begin the list of members of such a room: who adds themself
	// first is the owner, unless the room is for members and messages of earlier ones are kept. Otherwise only backends add the
	// first member.
	Create bool

	History HistoryKind
	// Retention is how much is kept; the zero value means 1000 messages, 4 MiB and 24 h, and 365 days if it is durable.
	Retention Retention

	Report       bool       // messages are facts that Options.Report is asked about; needs Options.Store
	HidePresence bool       // nobody may ask who is in the room, nor is told who comes and goes
	Quiet        bool       // nobody is told who comes and goes, as in a room that is larger than Limits.SmallRoom
	Slow         SlowPolicy // what a session misses that reads too slowly
	MaxMessage   int        // bytes of a message's data; 0 means 16 KiB
	Rate         Rate       // of messages of each session; the zero value means 10 per second, bursts of 20
}

// Rate is a limit on how often something may happen.
type Rate struct {
	PerSecond float64 // in the long run; 0 means the default that the field says, negative means no limit
	Burst     int     // at once; 0 means the default
}

// keepNothing is the retention of rooms without history: a log gives no position then, and remembers only the key.
const keepNothing = -1

// Limits are the bounds on what one session may use. The zero value is what most want.
type Limits struct {
	RoomsPerSession   int // rooms that a session may be in; 0 means 100
	WatchesPerSession int // users that a session may watch; 0 means 1000
	RoomsPerMember    int // rooms that sessions may make a user a member of; backends may make it more; 0 means 1000
	// SmallRoom is the most users with which a room tells receipts, typing, and who comes and goes; 0 means 100. In larger ones
	// these would be more than the messages.
	SmallRoom int
}

const (
	maxPage     = 1000 // messages or users that one call returns at most
	defaultPage = 50   // if the caller names no limit
)

func (r RoomRule) withDefaults() RoomRule {
	r.MaxMessage = cmp.Or(r.MaxMessage, 16<<10)
	r.Rate = r.Rate.orDefault(Rate{10, 20})
	if r.History == HistoryNone {
		r.Retention = Retention{Messages: keepNothing}
	}
	r.Retention = r.Retention.orDefault(r.History, 24*time.Hour)
	return r
}

func (o Options) withDefaults() Options {
	o.Node = cmp.Or(o.Node, "node")
	o.Lease = cmp.Or(o.Lease, 10*time.Second)
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	o.Limits, o.Private = o.Limits.withDefaults(), o.Private.withDefaults()
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Rooms == nil {
		o.Rooms = []RoomRule{{Match: "*"}}
	}
	return o
}

func (l Limits) withDefaults() Limits {
	l.RoomsPerSession = cmp.Or(l.RoomsPerSession, 100)
	l.WatchesPerSession = cmp.Or(l.WatchesPerSession, 1000)
	l.RoomsPerMember = cmp.Or(l.RoomsPerMember, 1000)
	l.SmallRoom = cmp.Or(l.SmallRoom, 100)
	return l
}

func (r PrivateRule) withDefaults() PrivateRule {
	r.MaxMessage = cmp.Or(r.MaxMessage, 16<<10)
	r.Rate = r.Rate.orDefault(Rate{10, 20})
	r.Retention = r.Retention.orDefault(r.History, 7*24*time.Hour)
	return r
}

// orDefault returns what is kept where nothing is said: in memory as much as fits for a while, in a store a year of it.
func (r Retention) orDefault(kind HistoryKind, age time.Duration) Retention {
	switch {
	case r != (Retention{}):
		return r
	case kind == HistoryDurable:
		return Retention{Age: 365 * 24 * time.Hour}
	}
	return Retention{Messages: 1000, Bytes: 4 << 20, Age: age}
}

// rule returns the rule of a room's name, or NotFound.
func (h *Hub) rule(room string) (*RoomRule, error) {
	if err := CheckName("room", room); err != nil {
		return nil, err
	}
	for i := range h.rules {
		if Match(h.rules[i].Match, room) {
			return &h.rules[i], nil
		}
	}
	return nil, Errorf(NotFound, "there is no room %q: no rule of the configuration matches its name", room)
}

// action is what somebody wants to do in a room, by the name of the claim of a token that permits it.
type action string

const (
	joining action = "join"
	sending action = "send"
)

// words say it to people.
func (a action) words() string {
	if a == sending {
		return "send to"
	}
	return string(a)
}

// allow tells whether an identity may do something in a room: nil, Forbidden, or an error of Options.IsMember. The
// globs are those of the token for it.
func (h *Hub) allow(ctx context.Context, id *Identity, room string, a Access, what action, globs []string) error {
	switch a {
	case AccessAnyone:
		return nil
	case AccessToken:
		if slices.ContainsFunc(globs, func(g string) bool { return Match(g, room) }) {
			return nil
		}
		return Errorf(Forbidden, "the token does not permit to %s the room %q: its claim rooms.%s must match the name", what.words(), room, what)
	case AccessMember:
		member, err := h.isMember(ctx, room, id.User)
		if member || err != nil {
			return err
		}
		return Errorf(Forbidden, "only members of the room %q may %s it", room, what.words())
	}
	return Errorf(Forbidden, "only backends may %s the room %q", what.words(), room)
}

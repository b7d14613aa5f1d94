package hubbub

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
	HistoryMemory HistoryKind = iota // as long as the process, or Redis, lives
	HistoryNone                      // not at all; messages have no position
)

// RoomRule says how the rooms whose names match a glob behave. The zero value of every field but Match is what most want.
type RoomRule struct {
	Match string // glob of room names, see [Match]

	Join Access // who may join and see what is said
	Send Access // who of those in the room may send

	History   HistoryKind
	Retention Retention // how much is kept; the zero value means 1000 messages, 4 MiB and 24 h

	HidePresence bool       // nobody may ask who is in the room
	Quiet        bool       // nobody is told who comes and goes, as if in a room with very many people
	Slow         SlowPolicy // what a session misses that reads too slowly
	MaxMessage   int        // bytes of a message's data; 0 means 16 KiB
	Rate         Rate       // of messages of each session; the zero value means 10 per second, bursts of 20
}

// Rate is a limit on how often something may happen.
type Rate struct {
	PerSecond float64 // in the long run; 0 means the default that the field says, negative means no limit
	Burst     int     // at once; 0 means the default
}

// Limits are the bounds on what one session may use. The zero value is what most want.
type Limits struct {
	RoomsPerSession   int // rooms that a session may be in; 0 means 100
	WatchesPerSession int // users that a session may watch; 0 means 1000
	ReceiptsIn        int // receipts and typing are off in rooms with more users than this; 0 means 100
}

const (
	maxPage     = 1000 // messages or users that one call returns at most
	defaultPage = 50   // if the caller names no limit
)

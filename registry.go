package hubbub

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// SessionRecord is what the registry knows about an open session. It is immutable.
type SessionRecord struct {
	ID        string
	User      string
	Device    string
	Platform  string
	Info      json.RawMessage
	Attrs     map[string]string
	Token     string    // id of the token
	Issued    time.Time // of the token
	Connected time.Time
	Address   string // of the client, for the user's own list of sessions
	Node      string // incarnation of the node that has the conn
}

// EndReason says why a session has ended.
type EndReason string

// The reasons.
const (
	EndClosed    EndReason = "closed"              // the client closed it, or its connection was lost
	EndReplaced  EndReason = "signed_in_elsewhere" // another device took its place
	EndLoggedOut EndReason = "logged_out"          // the user ended it from another session, or a backend did
	EndRevoked   EndReason = "revoked"             // its token, device or user was revoked
	EndExpired   EndReason = "token_expired"       // its token expired
	EndNodeLost  EndReason = "node_lost"           // its node died
	EndDraining  EndReason = "draining"            // its node shuts down
)

// DeviceLimit says how many devices a user may use at once.
type DeviceLimit struct {
	Max         int  // devices; 0 means any number
	PerPlatform bool // Max is for each platform instead of for all together
	Refuse      bool // a device too many is refused with Conflict; otherwise it takes the place of the device that came first
	// Sessions is how many one user may have, those aside that must give way; 0 means any number. One too many is refused with
	// Conflict.
	Sessions int
}

// Opened is the registry's answer to a session that was accepted.
type Opened struct {
	Generation  uint64          // rises with each session that a user opens; for Shared.Restore
	Came        string          // the session with which the user came online: for Shared.Restore
	Replaced    []SessionRecord // sessions that had to give way; they count as ended already
	Transitions []Transition    // what this has changed, also those of Replaced, to be told and confirmed, in their order
}

// Target selects sessions of one user to be ended; the other fields narrow it down.
type Target struct {
	User         string
	Session      string // only this session
	Device       string // only the sessions of this device
	Except       string // all but this session
	ExceptDevice string // all but the sessions of this device
	Token        string // only sessions of this token
	// IssuedBefore selects only sessions whose token was issued before this time, or has no time; zero means any.
	IssuedBefore time.Time
}

// Registry knows which sessions are open, on all nodes, and decides who may open one. Its methods may be called concurrently.
type Registry interface {
	// Open adds a session, unless the limit refuses it or its ID is open already (Conflict), it was revoked (Unauthorized), or
	// its node has no lease (Unavailable). In one step it decides which sessions must give way: however many sign in at once,
	// never more than Max devices are left. A further session of a device that is there already takes nobody's place. What is
	// overdue for the user is done first: sessions of lost nodes end, and whose grace is over goes offline before coming back.
	Open(ctx context.Context, s SessionRecord, l DeviceLimit) (Opened, error)
	// Update replaces the record of an open session with the same ID and User by a newer one; its Device, Platform, Connected
	// and Node stay what they were. NotFound if it has ended, Unauthorized if what it says now was revoked.
	Update(ctx context.Context, s SessionRecord) error
	// End removes the sessions that the target selects, and takes them out of their rooms. Sessions that have ended already
	// are left out, so each ends once. For EndLoggedOut and EndRevoked it also holds for sessions that were opened before and that a
	// [Shared] registry does not know at present, see Restore.
	End(ctx context.Context, t Target, why EndReason) ([]Transition, error)
}

// Revocations knows which credentials are not valid any more. A revocation of a whole user, without Device, Token and Before, is a
// block. Its methods may be called concurrently.
type Revocations interface {
	// Revoke remembers that credentials are not valid any more. It ends no session.
	Revoke(ctx context.Context, r Revocation) error
	// Revoked tells whether a session with this record would be refused as revoked.
	Revoked(ctx context.Context, s SessionRecord) (bool, error)
	// Blocked tells whether a user is blocked, and until when; zero means for ever.
	Blocked(ctx context.Context, user string) (blocked bool, until time.Time, err error)
	// Unblock forgets the blocks of a user, and tells whether there were any.
	Unblock(ctx context.Context, user string) (bool, error)
}

// Ordered is a [Driver] that knows in which order it decides.
type Ordered interface {
	// OnDecision sets the function that gets the transitions of each decision before the method that has made it returns them; those of one
	// user in the order in which they were decided. It must not block, nor call the driver. It is set before anything is decided. What
	// Reap only tells again was decided before. A driver has one such function: of the hub that it serves in this process. A [Shared] one
	// gives it, before those of a decision, what other nodes have decided earlier about the same user and nobody has confirmed: whoever
	// hands a decision over hands over what came before it, too, so that a store has all of it in its order.
	OnDecision(f func([]Transition))
}

// Revocation says that what was issued to a user before a time is not valid any more, or that a user is blocked.
type Revocation struct {
	User   string
	Device string // only on this device; "" means on all
	Token  string // only the token with this id; "" means all
	// Before is the time of issue from which on credentials are valid again. The zero value means that none are, before Until.
	Before time.Time
	Until  time.Time // when it is forgotten; the zero value means never
}

// TransitionKind says what a [Transition] is.
type TransitionKind string

// The kinds.
const (
	SessionConnected    TransitionKind = "session.connected"
	SessionDisconnected TransitionKind = "session.disconnected"
	UserOnline          TransitionKind = "user.online"
	UserOffline         TransitionKind = "user.offline" // the grace period has passed without a session
)

// Transition is a change that the registry has decided: exactly one caller gets it when it happens, and whoever reaps gets it
// again later while nobody has confirmed that it was told to all who must know.
type Transition struct {
	ID      string // unique; registries and journals agree on it if they use TransitionID
	Kind    TransitionKind
	User    string
	Session SessionRecord // of a session's transition; zero otherwise
	Why     EndReason     // of SessionDisconnected; "" otherwise
	Time    time.Time
	// Left has the rooms that the user has left by SessionDisconnected. It is empty when the transition is told again.
	Left []Left
}

// TransitionID derives the id of a transition from what it is about, so that whoever tells of it after a crash gives it the id that
// it had before. of is the id of the session; for UserOnline that of the session which came, and for UserOffline the id of the
// UserOnline that it ends. The first four characters depend on the user alone: by them a driver that keeps users in several places
// finds the right one. The id has 24 characters, which are letters, digits, - and _.
func TransitionID(kind TransitionKind, user, of string) string {
	where := sha256.Sum256([]byte(user))
	what := sha256.Sum256([]byte(string(kind) + " " + user + " " + of)) // no space is in a kind or a name
	return base64.RawURLEncoding.EncodeToString(append(where[:3:3], what[:15]...))
}

// Leases keeps nodes alive and clears up after those that died. Its methods may be called concurrently.
type Leases interface {
	// Renew says that the node lives, for the length of a lease from now, and how it is.
	Renew(ctx context.Context, n NodeStatus) (Renewal, error)
	// Release ends a node's lease and all its sessions (EndDraining), when it shuts down.
	Release(ctx context.Context, node string) ([]Transition, error)
	// Reap returns transitions that are due: users whose grace is over, sessions of nodes whose lease has run out (each once),
	// and transitions that nobody confirmed for a lease's length.
	Reap(ctx context.Context) ([]Transition, error)
	// Confirm says that transitions were told, and tells how many of them nobody had confirmed before: each counts for exactly one caller,
	// and what nobody knows for none. After an error some may be confirmed.
	Confirm(ctx context.Context, ids ...string) (int, error)
}

// NodeStatus is a node, and how much it has to do. Only Node must be set.
type NodeStatus struct {
	Node     string // its incarnation
	Version  string // of the program
	Started  time.Time
	Sessions int
	Rooms    int     // that its sessions are in
	CPU      float64 // cores that the process kept busy since it renewed before
	Memory   int64   // bytes that the process has from the system
}

// Renewal is what a node learns when it renews its lease.
type Renewal struct {
	// Ended has the ids of sessions of the node that were ended since it renewed before, and why, as far as the node may have
	// missed it: also by a node that took it for dead. That it has ended some of them itself is no harm.
	Ended map[string]EndReason
	// Doubt says that the registry may not have what it had: its server was away, is another one or was emptied, or the node's lease
	// had run out. The node must load revocations and restore its sessions, see [Shared]. It is said by each renewal until that is
	// done, and Restored was called.
	Doubt bool
}

// Shared is a [Driver] that several nodes have in common, each with an instance of its own. It is also [Ordered]. Its methods may be
// called concurrently.
type Shared interface {
	// Nodes lists the nodes that have a lease, in ascending order.
	Nodes(ctx context.Context) ([]NodeStatus, error)
	// Restore makes sure that an open session of this node is known. was is what Opened said of it, of which Generation and Came count;
	// without Generation the time at which it connected does. If it is known, or was of a lease of the same node that has run out but whose
	// sessions nobody has ended, it stays. If it was ended meanwhile it stays so, and Ended says why. If nothing is known of it, it is
	// added without transitions of its own, since those of its beginning were made before. If it was revoked, it then ends
	// (EndRevoked), and so it does if somebody has ended sessions of the user that it was among (EndLoggedOut, EndRevoked) after it was
	// opened, but before it was known again. Otherwise the limits decide anew, by the generations: of devices too many those that came
	// first give way, with Refuse those that came last, and of sessions too many those that came last (EndReplaced). It may be this
	// session: then Ended says so, too. Transitions has the ends that this makes. The rooms of a session that is restored have to be
	// entered again.
	Restore(ctx context.Context, s SessionRecord, was Opened, l DeviceLimit) (Restored, error)
	// Remind tells the registry again which sessions of other nodes this instance has ended lately, since they were replaced, logged out or
	// revoked: it may have lost that, and the other nodes may not have heard of it. Transitions has the ends that this makes. How long
	// and how many ends are remembered is bounded; what lasts is in the store, see Endings.
	Remind(ctx context.Context) ([]Transition, error)
	// SessionsOn lists sessions that are known of a node, from the one after the cursor after; "" is the beginning, and a next of "" the
	// end. Only User, ID and Node of them are set.
	SessionsOn(ctx context.Context, node, after string) (some []SessionRecord, next string, err error)
	// Restored says that all of the node's sessions were restored since the first renewal that said Doubt, or the first one after
	// Restored was called before. What has given reason to doubt after that renewal is not settled by it, and said again.
	Restored(node string)
	// Doubtful tells whether the registry may lack, at this moment, something that it had: from whatever gives reason to doubt until Restored
	// has settled it, for the node. It does not wait for the next renewal to say so, and not for the server: if what a call has met had lost
	// something, and nothing has settled it meanwhile, it is told as soon as the call has returned.
	Doubtful(node string) bool
}

// Restored is what became of a session that a node restores.
type Restored struct {
	Opened
	Ended EndReason // "" if the session goes on
	// Rooms are those that a session that was known is in, as far as the registry knows. Those that it is not in have to be left: that it
	// left them did not reach the registry, or is lost again.
	Rooms []string
}

// Scratch keeps small things for all nodes, for a while. It is an optional ability of a [Driver]. Its methods may be called concurrently.
type Scratch interface {
	// Put keeps a value under a name for a time, if there is none. Otherwise it returns the one that there is.
	Put(ctx context.Context, name string, value []byte, life time.Duration) (before []byte, err error)
	// Set keeps a value under a name for a time, in place of what there is.
	Set(ctx context.Context, name string, value []byte, life time.Duration) error
	// Take removes a value and returns it, to one caller only; nil if there is none.
	Take(ctx context.Context, name string) ([]byte, error)
}

// DeviceInfo is a device that a user is online with.
type DeviceInfo struct {
	Device   string `json:"device"`
	Platform string `json:"platform"`
	Sessions int    `json:"sessions"`
}

// Presence is whether a user is online.
type Presence struct {
	User     string
	Online   bool            // has a session, or had one until less than the grace period ago
	Info     json.RawMessage // what was said last; nil when offline
	Devices  []DeviceInfo    // with open sessions, the first to come first; empty during the grace period
	LastSeen time.Time       // when the last session ended; zero while there is one, and for users never seen
}

// Counts is how many are online.
type Counts struct {
	Users    int `json:"users"`
	Sessions int `json:"sessions"`
}

// Filter selects online users: those with an open session for which all holds that is set.
type Filter struct {
	Room     string
	Platform string
	Attr     string // name of an attribute
	Value    string // that it must have
}

// Directory tells who is online. Sessions of a node whose lease has run out are not there, whether they were reaped or not. Its
// methods may be called concurrently.
type Directory interface {
	// Presences tells about each of the users, in the same order.
	Presences(ctx context.Context, users []string) ([]Presence, error)
	// Count counts those who are online. It may be up to a second old.
	Count(ctx context.Context) (Counts, error)
	// Online lists online users in ascending order, from the one after after.
	Online(ctx context.Context, f Filter, after string, limit int) (PresencePage, error)
	// SessionsOf lists the open sessions of a user, the first to come first.
	SessionsOf(ctx context.Context, user string) ([]SessionRecord, error)
}

// PresencePage is a part of a list of users.
type PresencePage struct {
	Users []Presence
	Next  string // for the next page; "" if this is the last
	Total int    // how many the whole list has
}

// Occupancy knows which sessions are in which rooms. A session that ends leaves all of its rooms, see [Transition.Left]. Its
// methods may be called concurrently.
type Occupancy interface {
	// Enter adds an open session to a room, if it is not there yet. It tells whether the user is new there, and how many users
	// there are. A session that has ended is NotFound.
	Enter(ctx context.Context, room, user, session string) (first bool, count int, err error)
	// Leave takes a session out of a room. It tells whether the user is gone from it, and how many users are left.
	Leave(ctx context.Context, room, user, session string) (last bool, count int, err error)
	// Occupied lists the rooms that somebody is in, in ascending order.
	Occupied(ctx context.Context, after string, limit int) (RoomPage, error)
}

// RoomPage is a part of the list of rooms.
type RoomPage struct {
	Rooms []RoomCount
	Next  string // for the next page; "" if this is the last
}

// RoomCount is a room with the number of users in it.
type RoomCount struct {
	Room  string `json:"room"`
	Users int    `json:"users"`
}

// Driver is what a hub needs behind it. If it is also a [Poster], that is used.
type Driver interface {
	Log
	Conversations
	Bus
	Registry
	Revocations
	Leases
	Directory
	Occupancy
	Eraser
}

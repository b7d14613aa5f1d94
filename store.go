package hubbub

import (
	"context"
	"time"
)

// Store is what must last: what one of its methods has done is committed when it returns. It keeps the streams of rooms with
// [HistoryDurable], and of pairs if Options.Private says so. Its methods may be called concurrently. Once a write has begun it
// is finished, also if its context ends meanwhile. An error with the reason Unavailable means that the store cannot write now,
// for example since the disk is full; try again.
type Store interface {
	Log
	Conversations // a member of a room takes part in it, too
	Members
	Journal
	Endings
	Notices
	Inboxes
	Outbox
	Backlogs
	RoomStates
	KeptRevocations
	Eraser
}

// Role is what a member may do in a room.
type Role string

// The roles.
const (
	RoleOwner  Role = "owner"  // adds and removes anybody, and says who is what
	RoleAdmin  Role = "admin"  // adds and removes members
	RoleMember Role = "member" // takes part
)

// Member is a user who belongs to a room, whether online or not.
type Member struct {
	User  string
	Role  Role
	Since time.Time
}

// MemberPage is a part of a list of members.
type MemberPage struct {
	Members []Member
	Next    string // for the next page; "" if this is the last
	Total   int    // how many the whole list has
}

// Members keeps who belongs to which room. Its methods may be called concurrently.
type Members interface {
	// SetMember adds a member, or changes the role of one. It returns what the role was before, "" if there was none. With
	// founder it is a Conflict if the room has a member already. To take the role from the last owner is a Conflict while
	// there are other members.
	SetMember(ctx context.Context, room string, m Member, founder bool) (before Role, err error)
	// RemoveMember returns the role that the user had, "" if there was none. Removing the last owner is a Conflict while
	// there are other members.
	RemoveMember(ctx context.Context, room, user string) (before Role, err error)
	// MemberOf returns the user's role in a room, "" if there is none.
	MemberOf(ctx context.Context, room, user string) (Role, error)
	// Members lists the members of a room in ascending order of their names, from the one after after.
	Members(ctx context.Context, room, after string, limit int) (MemberPage, error)
	// Memberships lists the rooms that a user is a member of, in ascending order, from the one after after.
	Memberships(ctx context.Context, user, after string, limit int) (MembershipPage, error)
}

// Membership is a user's place in a room.
type Membership struct {
	Room  string
	Role  Role
	Since time.Time
}

// MembershipPage is a part of the list of a user's memberships.
type MembershipPage struct {
	Memberships []Membership
	Next        string // for the next page; "" if this is the last
	Total       int    // how many the whole list has
}

// Journal remembers who was here, so that it outlives the process. Its methods may be called concurrently.
type Journal interface {
	// Arrive remembers a user who signs in. Who was never here before gets only those announcements that are published from
	// now on, or are for newcomers. Where nothing has changed nothing is written.
	Arrive(ctx context.Context, u Visitor) error
	// Record takes transitions, each of which counts once: sessions that have connected are open, those that have disconnected
	// are not any more, whichever is told first, and were then seen last. It puts the items into the outbox in the same transaction,
	// in their order.
	Record(ctx context.Context, ts []Transition, items []OutboxItem) error
	// RecordBy records what tell makes of transitions, as Record does. tell gets how those of their users are who were ever here; until what
	// it returns is recorded, which is of these users and sessions, nobody else records anything of them. It may be called again, must not
	// block, and must not call the store.
	RecordBy(ctx context.Context, ts []Transition, tell func(map[string]Standing) ([]Transition, []OutboxItem)) error
	// OpenNodes lists the nodes of which there are open sessions, in ascending order.
	OpenNodes(ctx context.Context) ([]string, error)
	// Lost returns the transitions by which the open sessions of these nodes end, with the reason EndNodeLost, and those users go
	// offline who have no other open session, and had one of these or have had none since idle. Their ids are the same each time, until
	// they are recorded.
	Lost(ctx context.Context, nodes []string, idle time.Time) ([]Transition, error)
	// Visitors tells about those of the users who were ever here.
	Visitors(ctx context.Context, users []string) (map[string]Visitor, error)
}

// Standing is how a user is by what a [Journal] was told.
type Standing struct {
	Online bool
	// Turn is the id of the newest transition that has taken the user online or offline, "" if there was none. A session that connects
	// while the user is offline counts as the UserOnline of it, see [TransitionID], whether or not that was told.
	Turn     string
	Turned   time.Time // of Turn
	LastSeen time.Time // when a session of the user ended last; zero if none has
	Open     []string  // the ids of the open sessions
	Ended    []string  // the ids of those of the sessions asked about that are known to have ended
}

// Endings remembers how sessions have ended, for a day. Its methods may be called concurrently.
type Endings interface {
	// Endings tells which of the sessions have ended, as far as Record was told, and why. Those that are open or not known are left out.
	Endings(ctx context.Context, sessions []string) (map[string]EndReason, error)
}

// Visitor is a user who has signed in at least once.
type Visitor struct {
	User      string
	Info      []byte // JSON, as the last sign-in said; nil for none
	Attrs     map[string]string
	FirstSeen time.Time // the first sign-in
	LastSeen  time.Time // when a session of the user ended last; zero if none has
}

// Step is a part of the delivery of a publication.
type Step struct {
	// Publication is what is delivered. Deliver returns it without Key and Author, and of named users with those of the step.
	Publication Publication
	Repeated    bool // the key was known: this is the publication that was accepted then
	// Users have got the notice by this step. Who has it already, or a newer one with the same Collapse, is not among them.
	Users []string
	// Revision is not 0 if the announcement is published by this step: it counts all that is published, withdrawn or expired
	// of announcements. It takes the place of an older one with the same Collapse, and is not published if there is a newer one.
	Revision uint64
	Replaced string // the id of the announcement that this one has taken the place of; "" if of none
	More     bool   // there is more to deliver now
}

// Notices keeps publications and delivers them into inboxes. A step delivers to at most [DeliveryStep] users, so that no other
// writer waits long. Its methods may be called concurrently.
type Notices interface {
	// Publish accepts a publication, and takes the first step if its Time has come. With a known key nothing is delivered
	// again; with a known key and another content or other recipients it is a Conflict. Users of rooms are its members at the
	// time of delivery.
	Publish(ctx context.Context, p Publication) (Step, error)
	// Deliver takes the next step of a publication that is due. The empty Step means that there is none, or it is not due.
	Deliver(ctx context.Context, id string) (Step, error)
	// Due returns the ids of up to limit publications that are due and not delivered to all yet.
	Due(ctx context.Context, limit int) ([]string, error)
	// Expire removes up to limit notices and announcements that are past their time, and forgets what nobody needs any more.
	Expire(ctx context.Context, limit int) (Removed, error)
	// Withdraw removes a publication from up to [DeliveryStep] inboxes, or an announcement from all, and delivers no more of
	// it. NotFound if it is not known, or nothing of it is left.
	Withdraw(ctx context.Context, id string) (Removed, error)
}

// DeliveryStep is how many inboxes one step of a delivery changes at most.
const DeliveryStep = 200

// Removed says whose inboxes have lost notices.
type Removed struct {
	Users         []string // each once
	Announcements []string // the ids of those that were removed, which concerns everybody
	Revision      uint64   // not 0 if there are any
	More          bool     // there is more to remove
}

// Inboxes reads and marks what was delivered. What a user has made of announcements it keeps, but the lists of notices and the
// numbers that it returns are without them: package inbox merges them. Its methods may be called concurrently.
type Inboxes interface {
	// Inbox returns the state of a user's inbox, in a time that does not depend on how many notices are in it.
	Inbox(ctx context.Context, user string) (InboxState, error)
	// NoticesOf lists a user's notices, the newest first.
	NoticesOf(ctx context.Context, user string, q NoticeQuery) ([]Notice, error)
	// MarkNotices changes the states of a user's notices, at most m.Limit of them, and tells how many it has changed and
	// whether there may be more.
	MarkNotices(ctx context.Context, user string, m NoticeMark) (changed int, more bool, err error)
	// MarkAnnouncements changes what a user has made of announcements.
	MarkAnnouncements(ctx context.Context, user string, m AnnouncementMark) error
	// Announcements lists all that are published, the oldest first, with the revision of the list.
	Announcements(ctx context.Context) ([]Announcement, uint64, error)
}

// InboxState is what is known of a user's inbox without looking at each notice.
type InboxState struct {
	Counts   InboxCounts            // of notices; Revision is that of the announcements
	Attrs    map[string]string      // of the user
	Baseline uint64                 // announcements up to this Seq are older than the user, who gets those of them that are for newcomers
	Marks    []Watermark            // for announcements
	Made     map[string]NoticeState // of announcements for which the marks do not hold, by id; some may be gone since a moment
}

// Watermark says that a user has seen, read or archived the announcements up to a Seq, of one category or, if it is "", of
// all.
type Watermark struct {
	Category string
	State    NoticeState // NoticeSeen, NoticeRead or NoticeArchived
	Seq      uint64
}

// Announcement is a publication for an audience. Seq rises in the order in which they were published.
type Announcement struct {
	Publication Publication
	Seq         uint64
}

// NoticeQuery selects notices.
type NoticeQuery struct {
	Category string        // "" means all
	States   []NoticeState // nil means all but NoticeArchived
	IDs      []string      // only these; nil means any
	Before   NoticeCursor  // only those that are listed after it; the zero value means from the newest on
	Limit    int
}

// NoticeCursor is a place in a list of notices, which are ordered by time, and by id among those of the same millisecond.
type NoticeCursor struct {
	Time time.Time
	ID   string
}

// NoticeMark says which notices get which state. Only states forward of the present one take effect: unseen, seen, read, archived.
// But NoticeSeen with Back takes those that are read back to seen, and if they are named by IDs, also those that are archived; it
// changes no others.
type NoticeMark struct {
	State    NoticeState // not NoticeUnseen
	Back     bool
	IDs      []string  // only these; nil means any
	Category string    // only of this one; "" means all
	Until    time.Time // only those that were published until then; zero means any
	Limit    int
	// Report makes the outbox items of the notices that the mark has changed, by their ids; it is called at most once in each try of the
	// transaction, and not if none has changed. nil means none.
	Report func(ids []string) []OutboxItem
}

// AnnouncementMark is what a user makes of announcements, in one step.
type AnnouncementMark struct {
	// Up raises a watermark, if it is not that high already. What was made of single announcements below it, and was less, is
	// forgotten. nil means that none is raised.
	Up *Watermark
	// Made is what was made of single ones, by id, for which the watermarks do not hold from now on. What is not published is
	// passed over.
	Made map[string]NoticeState
	// Items go into the outbox in the same transaction.
	Items []OutboxItem
}

// OutboxItem is something that must be delivered outside of the gateway at least once, such as a webhook.
type OutboxItem struct {
	ID       string // unique for the target
	Target   string
	Order    string // items of a target with the same Order are delivered one after the other; a user, for example
	Payload  []byte
	Time     time.Time // when it was accepted, or replayed; zero means that the outbox says so
	Seq      uint64    // rises in the order of acceptance; the outbox assigns it
	Attempts int       // made so far
	Error    string    // of the last attempt; "" if there was none
}

// Outbox keeps items until they are delivered. Its methods may be called concurrently.
type Outbox interface {
	// Put accepts items. Those whose ID the target has or had within a day are left out.
	Put(ctx context.Context, items []OutboxItem) error
	// Claim returns up to limit items of a target that may be tried now, the oldest first, of each Order only the first that is
	// not delivered. Nobody else gets them for as long as lease says.
	Claim(ctx context.Context, target string, limit int, lease time.Duration) ([]OutboxItem, error)
	// Settle says what became of claimed items.
	Settle(ctx context.Context, done []Settlement) error
	// Dead lists items of a target that were given up, from the one after the Seq after on.
	Dead(ctx context.Context, target string, after uint64, limit int) ([]OutboxItem, error)
	// Replay has dead items tried again, as if they were accepted now, but with their Seq. It tells how many of the ids were dead.
	Replay(ctx context.Context, target string, ids []string) (int, error)
}

// Backlogs is what operators need of the outbox. Its methods may be called concurrently.
type Backlogs interface {
	// Backlogs tells what is in the outbox for each target that has or had something, in ascending order of their names.
	Backlogs(ctx context.Context) ([]Backlog, error)
	// Discard removes up to limit dead items that were accepted before a time, and of targets that are not among those named all
	// items that were. It tells whether there may be more.
	Discard(ctx context.Context, before time.Time, targets []string, limit int) (more bool, err error)
}

// Backlog is what is in the outbox for a target.
type Backlog struct {
	Target  string
	Waiting int       // items that are to be delivered
	Dead    int       // items that were given up
	Oldest  time.Time // when the oldest that waits was accepted; zero if none does
}

// Settlement is what became of an item.
type Settlement struct {
	Target, ID string
	Outcome    Outcome
	Retry      time.Time // of OutcomeRetry: not before
	Error      string    // why it was not delivered
}

// Outcome is how an attempt to deliver an item ended.
type Outcome uint8

// The outcomes.
const (
	OutcomeDelivered Outcome = iota // it is removed
	OutcomeRetry                    // it waits, and so do those of the same Order
	OutcomeDead                     // it is given up; those of the same Order go on
)

// RoomStates remembers which rooms were told to be occupied, so that those who are told hear of each change once, also if the
// process dies. Its methods may be called concurrently.
type RoomStates interface {
	// SetOccupied remembers whether somebody is in a room. If that is new, it puts the items into the outbox in the same
	// transaction, and tells so.
	SetOccupied(ctx context.Context, room string, occupied bool, items []OutboxItem) (changed bool, err error)
	// OccupiedRooms lists the rooms that are remembered as occupied in ascending order, from the one after after.
	OccupiedRooms(ctx context.Context, after string, limit int) ([]string, error)
}

// KeptRevocations keeps revocations beyond the life of what decides by them. Its methods may be called concurrently.
type KeptRevocations interface {
	// KeepRevocation remembers a revocation until its Until.
	KeepRevocation(ctx context.Context, r Revocation) error
	// KeepBlock remembers a block of a user in place of those that there are, see [Revocations]; a zero until means for ever.
	KeepBlock(ctx context.Context, user string, until time.Time) error
	// ForgetBlocks forgets the blocks of a user.
	ForgetBlocks(ctx context.Context, user string) error
	// KeptBlock tells whether a block of a user is kept that is not over, and until when it holds; zero means for ever.
	KeptBlock(ctx context.Context, user string) (blocked bool, until time.Time, err error)
	// KeptRevocations lists what is not over, in an order of its own, from the one after the cursor after; "" is the beginning, and
	// a next of "" the end.
	KeptRevocations(ctx context.Context, after string, limit int) (rs []Revocation, next string, err error)
	// KeptAgainst tells whether a revocation is kept that is not over and holds for a session, of which User, Device, Token and Issued count.
	KeptAgainst(ctx context.Context, s SessionRecord) (bool, error)
}

// Eraser forgets people.
type Eraser interface {
	// Erase removes a part of everything that is kept about a user, and tells whether there is more: who the user is, what the user
	// has sent to rooms, conversations with others as a whole, memberships, receipts, the inbox, and what waits in the outbox
	// in the order of the user. What is begun anew under the same name has nothing of it. Other streams keep their order and epoch:
	// what was erased is a hole. Revocations stay until they are over, so that an erased user does not come back with old credentials. It
	// may be called concurrently; calling it again is harmless.
	Erase(ctx context.Context, user string) (more bool, err error)
}

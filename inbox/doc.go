// Package inbox keeps the inboxes of users: notices, announcements, and the red dots that count them.
//
// A backend publishes a notice to named users or to the members of a room, and each of them has it in their inbox from then on, online
// or not. What it publishes to everybody, or to users with certain attributes, is an announcement. That is stored once, however
// many users there are, and merged into an inbox when it is read: for each user the store keeps only up to where they have
// seen, read or archived announcements (watermarks), and what they have done with single ones (exceptions). Users have the
// announcements that were published since they first signed in, and of the older ones those for newcomers.
//
// An [Inbox] stands on the inbox parts of a [hubbub.Store] and keeps nothing of its own that matters: all announcements are held in
// memory, in an order in which counting does not have to look at each, and read again when the store says that there is a new
// revision of them. [Inbox.Start] runs the sweeper, which twice a second delivers what is due and removes what has expired. It
// also finishes what a process began that died. The sweeper is the only goroutine, and [Inbox.Close] waits for it.
//
// # How it works
//
//	Publish (publish.go)      accept: checks and fills in (validate.go, link.go). Store.Publish takes the first step, Store.Deliver the
//	                          others, of at most hubbub.DeliveryStep users each; after each step its events are published (tell.go)
//	sweep (sweep.go)          Store.Due and Deliver, Store.Expire, in the same steps. What Publish delivers right now it leaves alone
//	Counts, List, Mark        look (cache.go): Store.Inbox, which is what is known of one user, and a board (board.go), which is all
//	                          announcements of the same revision. A reader is the two together; numbers follow from it by binary
//	                          search in piles (counts.go), pages by merging (list.go), marks as watermarks and exceptions (mark.go)
//
// Of locks there are two, beside those within the store and the bus. Marks of one user take turns (turn.go), since what is
// made of announcements depends on what was made before. And announcing is held over each step that can change the list of announcements and over the
// telling of it, so that Announced comes in the order of the revisions. Nobody holds both.
//
// # Events
//
// What has changed is published on the bus after the store has committed it, so that the hubs of all nodes can tell the sessions:
//
//   - [hubbub.Noticed] on the topic of each user who got a notice. It implies that the user's counts have changed; there is no
//     InboxChanged besides. Clients put a notice with a Collapse in the place of the older one with the same.
//   - [hubbub.Announced] on the topic of all, in the order of the revisions. If the announcement took the place of an older one by its
//     Collapse, NoticeRemoved of that comes before it, and InboxChanged for everybody after it.
//   - [hubbub.NoticesMarked] and [hubbub.InboxChanged] on the topic of a user who has marked something. The mark of a category, or of
//     all, always has the Until to which it was limited.
//   - [hubbub.NoticeRemoved] and [hubbub.InboxChanged] for what was withdrawn, on the topics of the users who had it, or of all if it
//     was an announcement. What expires is told likewise, but notices by InboxChanged alone, since clients know when they expire.
//
// An event may be lost, with the process or the bus; what it tells is not. So whoever keeps counts reads them again when a user
// signs in, and when the bus says that something was missed.
package inbox

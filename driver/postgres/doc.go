// Package postgres keeps what must last in PostgreSQL, for any number of nodes.
//
// A [Store] is a hubbub.Store. When one of its methods has returned, what it has done is committed.
//
// # How it works
//
//	Append          lanes.go: those who append to one stream at the same time share a transaction of two round
//	                trips, append.go with pipeline.go
//	other writes    write (transactions.go): a transaction of which each statement sees what was committed before it (READ COMMITTED),
//	                so what must not change in between is locked first. It is run again if the database takes it back (a deadlock), and
//	                goes on when the caller's context ends
//	reads           read: a transaction that sees one moment (REPEATABLE READ), or readOne: one query
//
// There is no goroutine beside those of the pool and of the lock (exclusive.go), and Close waits for them. SQL is in queries/ and
// migrations/, from which sqlc makes internal/db (make generate). The interfaces of the root are in lanes.go, append.go, keys.go, pages.go and
// trim.go (Log), conversations.go, members.go, journal.go with record.go, outbox.go with settle.go, backlog.go, rooms.go
// (RoomStates), revocations.go, erase.go with eraserest.go; Notices in publications.go (Publish), delivery.go (Deliver, Due) and removal.go
// (Expire, Withdraw), Inboxes in inbox.go (lists and counts) and marks.go.
//
// # Order
//
// An append holds the row of its stream until its commit, and the offset it gives is in that row. So whoever gets the next offset, in any
// process, has waited for that commit, and no reader sees 6 before 5 is there, at any level of isolation. A page is read in one
// snapshot, so the head that it tells belongs to its messages.
//
// # The order of locks
//
// A transaction takes the locks that it needs in this order, so that no two wait for each other in a circle; where some slip through, the
// database ends one of them, and it is run again.
//
//  1. the row 'erased' of meta, by who begins a stream (shared) or erases pairs
//  2. rows of streams, in ascending order of their ids; who trims passes over those that are locked. Who has the row of a stream may
//     change its messages, keys and takers
//  3. the members of a room, in ascending order of the rooms
//  4. rows of senders, in ascending order of the users, by one statement
//  5. rows of users, in ascending order, by one statement (Record); then their sessions
//  6. who tells of the same room, of revocations or marks of the same user (advisory locks, one in a transaction)
//  7. the row of announcement_clock, by who publishes, withdraws or expires an announcement; then rows of publications. Of other
//     publications a transaction locks one; who delivers or expires passes over those that are locked
//  8. rows of inboxes, in ascending order of the users, by one statement; then their notices and counts
//  9. rows of outbox_lines, in ascending order, by one statement and last of all; then items of these lines
//
// Whoever claims items locks nothing else and passes over those that are locked, so a claim never waits. Most transactions take locks of
// one or two kinds: none but those of the inboxes and of Record takes many, and none holds one while it waits for the network outside.
//
// # The outbox
//
// Items of a target with the same order are a line. A line is the work of one node at a time, as its first item alone can be claimed: until
// it is settled or its claim is over. The claim names the store that has it, and what another store says of such an item is passed
// over; once a claim is over, and nobody else has the item, what is said of it late holds, since it was delivered.
//
// Numbers of a sequence do not rise in the order of the commits. Where the order matters it is made by a lock that is held until the
// commit: that of a stream, of the announcements, and of a line for the Seqs of its items. Items of different lines may be committed in
// another order than that of their Seqs; nobody reads the outbox after a Seq but [Store.Dead], whose items are not in that order anyway. A page
// of [Store.KeptRevocations] may pass by one that is being committed, see there.
//
// # When the server is away
//
// Calls are Unavailable, at once where the server refuses connections, after some seconds where it does not answer, and work again by
// themselves when it is back. What was being committed at that moment may be there or not. A message with a key that is sent again is found
// and not doubled; of one without a key nobody learns more than the error, and it may be there. Items of the outbox and transitions
// have ids, which makes it harmless to write them again.
//
// Synchronous commit is left as the server has it (on), but for claims and settlements of the outbox: a server that dies may forget those of
// its last moments, and what they were about is delivered once more. Where a standby takes over that did not have the last commits, those are
// gone: use synchronous_standby_names where that must not happen. Streams get a new epoch then in any case, and after a backup was
// restored (epoch.go), so that clients read anew.
//
// # Rights, TLS, and what lies between
//
// The user of the URL must own the schema, or be allowed to make it; nothing else. sslmode, sslrootcert, sslcert and sslkey in the URL say
// how to connect, as for libpq; without sslmode TLS is used if the server offers it, but nobody checks whose it is: write
// sslmode=verify-full. Connections are called "hubbub" in pg_stat_activity, unless application_name in the URL says otherwise.
//
// PgBouncer works in its session mode only, and only if it passes on what a connection says at its start (search_path and timeouts, see
// ignore_startup_parameters): locks of sessions (migrations, Options.Exclusive) and these settings do not survive its transaction mode. It is
// not needed: each node has no more than Options.MaxConns connections.
//
// # Erasing people
//
// [Store.Erase] removes what hubbub.Eraser says, some rows at a time. Of a room whose last owner is erased the admin of the longest standing
// becomes owner, or else the member. What was erased from a room is a hole: offsets, head and epoch stay, and it counts for
// retention until it would have been dropped. What stays:
//   - revocations, until they are over, so that nobody comes back with old credentials;
//   - in the outbox, messages of the user to rooms, which are in the order of the room, until they are delivered or discarded, and
//     then their ids for a day;
//   - hashes of keys of messages of which nothing is kept, until the key is forgotten;
//   - what others have said of the user;
//   - in pages of tables, rows that were deleted, until vacuum has removed them and others are written over them, and in the
//     write-ahead log until it is recycled;
//   - in backups, archived logs, and standbys that lag.
//
// # Times
//
// Times are kept in whole milliseconds. All that depends on the present goes by Options.Now, so the clocks of the nodes should not differ by
// more than some seconds.
package postgres

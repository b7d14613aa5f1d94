// Package sqlite is the store of a single process: one file, in which everything that must last is kept.
//
// A [Store] is a hubbub.Store. When one of its methods has returned, what it has done is on the disk (synchronous=FULL). That
// is fast enough since writers share commits: all writes that are waiting go into one transaction, each within its own
// savepoint, so that one that is refused takes back only what itself has done.
//
// # How it works
//
//	a method that writes     write (writer.go): its function goes into the queue of the writer, the goroutine that owns the one
//	                         connection which writes
//	writer.run               gathers a batch; BEGIN, each function within its savepoint, the number of the commit, COMMIT; notes that
//	                         number in PATH.lock (tally.go); calls what must happen in the order of the writes (writeThen), and answers all
//	                         Of those that change many rows one is queued at a time (writeRows, long.go)
//	a method that reads      read (reader.go): a transaction on one of some connections, which sees one moment. Those that read many
//	                         rows leave one connection to the others (readMany)
//
// That goroutine is the only one; Close waits for it, and for the reads. SQL is in queries/ and migrations/, from which sqlc makes
// internal/db (make generate). The interfaces of the root are in streams.go, pages.go and keys.go (Log), conversations.go,
// members.go, journal.go, outbox.go and claims.go, backlog.go, rooms.go (RoomStates), revocations.go, erase.go with erasestreams.go and
// eraserest.go; Notices in publications.go (Publish), delivery.go (Deliver, Due) and removal.go (Expire, Withdraw),
// Inboxes in inbox.go (lists and counts) and marks.go. inspect.go and wal.go look for damage before a file is opened, backup.go copies one.
//
// # Files
//
// Beside PATH there are PATH-wal and PATH-shm, which belong to the database and must stay with it, and PATH.lock, by which a
// second process is kept away, and in which the commits are counted. Use [Backup] for copies: to copy PATH alone loses what is
// still in PATH-wal. To restore one, stop the server, remove all four, and copy the backup to PATH.
//
// # Damage
//
// [Open] looks at the files before it writes to them, and refuses those that are damaged or have lost something, with an error
// that says what to do. It notices
//   - a file that is no database, that of another program, or of a newer schema;
//   - a file that is cut off, empty or missing, and pages that are not what they should be. Up to 16 MiB everything is looked at; up to
//     256 MiB, or 1 GiB after an unclean end, all but whether the indexes belong to their tables, which takes some seconds. In larger
//     files damage is found when it is read; [Backup] looks through the whole copy;
//   - commits that were acknowledged and are missing, because PATH-wal was cut off, damaged or removed, or an older file was put in
//     place of PATH: PATH.lock has counted more;
//   - PATH-wal of the file that was here before a backup was restored.
//
// A commit that was under way when the process ended was told to nobody, and is dropped with a line in the log.
//
// It does not notice: what the disk has changed within a row, since there are no checksums of pages in PATH; and the end of PATH-wal
// that is lost together with the newest state of PATH.lock, which is not synced, as by a power failure of a disk that had not
// written what it said it had.
//
// While the disk is full, writes fail as Unavailable and take no effect; reads go on, and so do writes when there is room again.
//
// # Outbox
//
// Who is trying to deliver what is known in memory only: all claims end with the process, and an attempt under way then is not counted.
// What else is reported with a write, such as the item of a message, is in the outbox if and only if the write is in the file.
//
// # Erasing people
//
// [Store.Erase] removes, some rows at a time: who the user is, open sessions, memberships, receipts, notices and marks,
// the content of publications that only the user had, the name in lists of recipients, the user's streams with others as a whole,
// what the user has sent to rooms, with its keys, and what is in the outbox in the order "user NAME" or of a pair with NAME. Of a room
// whose last owner is erased the admin of the longest standing becomes owner, or else the member. What was erased from a room
// is a hole: offsets, head and epoch stay, and it counts for retention until it would have been dropped.
//
// What stays:
//   - revocations, until they are over, so that nobody comes back with old credentials;
//   - in the outbox, messages of the user to rooms, which are in the order of the room, until they are delivered or discarded, and
//     then their ids for a day;
//   - hashes of keys of messages of which nothing is kept, and the content of a publication whose notice was gone before, until the
//     key is forgotten;
//   - what others have said of the user;
//   - in free parts of the file, what was deleted there before the user was erased, and pieces of rows that the database has moved. What
//     Erase deletes is overwritten (secure_delete), and other deletions overwrite within the pages that they write anyway. VACUUM,
//     or a backup that takes the place of the file, removes the rest;
//   - in PATH-wal, older states of pages, until the log has begun anew and written over them, or the store was closed;
//   - in backups.
//
// # Times
//
// Times are kept in whole milliseconds. All that depends on the present goes by Options.Now.
package sqlite

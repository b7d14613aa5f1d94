// Package sqlite is the store of a single process: one file, in which everything that must last is kept.
//
// A [Store] is a hubbub.Store. When one of its methods has returned, what it has done is on the disk (synchronous=FULL). That
// is fast enough since writers share commits: all writes that are waiting go into one transaction, each within its own
// savepoint, so that one that is refused takes back only what itself has done.
//
// # Files
//
// Beside PATH there are PATH-wal and PATH-shm, which belong to the database and must stay with it, and PATH.lock, by which a
// second process is kept away. Use [Backup] for copies: to copy PATH alone loses what is still in PATH-wal.
//
// # Times
//
// Times are kept in whole milliseconds. All that depends on the present goes by Options.Now.
package sqlite

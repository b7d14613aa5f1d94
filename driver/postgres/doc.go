// Package postgres keeps what must last in PostgreSQL, for any number of nodes.
//
// A [Store] is a hubbub.Store. When one of its methods has returned, what it has done is committed.
//
// # How it works
//
//	read, readOne   transactions.go: a transaction that sees one moment (REPEATABLE READ), or one query
//	write           transactions.go: a transaction of which each statement sees what was committed before it (READ COMMITTED), so what
//	                must not change in between is locked first. It is run again if the database takes it back (a deadlock), and goes
//	                on when the caller's context ends
//
// SQL is in queries/ and migrations/, from which sqlc makes internal/db (make generate).
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
//  5. lines of the outbox
package postgres

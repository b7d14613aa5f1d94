// Package migrate moves what a store in a file has to PostgreSQL: messages with their positions, members, receipts, who was here, inboxes,
// announcements, what waits for webhooks, and what was revoked. So clients recover across the move, as if the gateway had only been started
// anew.
//
// The move is one transaction. It begins by locking the tables of the target, which must be empty, and ends by counting the rows of each
// table on both sides and comparing a hash of all values in them, which does not depend on how a database keeps a value. Only then it is
// committed: a move that is interrupted, or that would lose something, leaves the target as empty as it was. The file is only read.
package migrate

// Package redis keeps what is live in Redis 7 or Valkey, for any number of nodes: the streams of rooms with history in memory, the bus
// between nodes, and the registry of who is online. It works with one server, with Sentinel, and with a Cluster.
//
// # How it works
//
//	connections    client.go (one to each server, of all callers), exec.go (scripts and commands), errors.go; check.go looks at the server
//	               when it is opened, clock.go takes its time, url.go reads addresses
//	Bus            bus.go has the topics, link.go their connections, slots.go the servers of a Cluster, moved.go tells who has moved there,
//	               lanes.go calls subscribers. What is published: codec.go and wire.go; messages: posted.go, parse.go and batch.go
//	Log, Poster    log.go, with appends.go (one call at a time for a stream), groups.go and bundles.go (what goes together), entries.go and
//	               streamstate.go (what is kept), budget.go (what a user may send) and aging.go (Trim); takers.go and conversations.go (who takes part in what), erasestreams.go
//	Registry       registry.go and restoring.go; decide.go reads, decides and writes, decision.go is the decisions, user.go what is kept of a
//	               user, diff.go what is written of a change, pending.go what is told and left to do, leaving.go does the latter;
//	               fences.go ends what the registry has lost, and remembers what was ended
//	Revocations    revoke.go
//	Leases         leases.go and renew.go; reap.go with due.go, again.go and orphans.go
//	Occupancy      occupancy.go; ghosts.go takes sessions out of rooms that they are not in
//	Directory      directory.go and count.go; present.go lists who is in a room
//	Scratch        scratch.go
//
// Each script in scripts/ says its KEYS and ARGV; those about one stream begin with stream.lua. There are goroutines of the client, of
// links and lanes, and of appends; Close waits for them.
//
// # Keys
//
// All keys begin with Options.Prefix. What belongs together has one hash tag and so one slot, which a script may touch:
//
//	{room:NAME}        what follows it: state (epoch, head, limits), log (the messages), read (positions), key:DIGEST (an idempotency key).
//	{pair:A B}         The same for a pair. The tag of a room alone is the room's channel
//	{u0} to {u255}     users, by the first byte of the SHA-256 of their names.
//	                   Of a user: u:NAME (sessions with their rooms, last seen, revocations), p:ID (transitions that nobody has confirmed, by the
//	                   first four characters of their ids), streams:NAME (in which the user takes part), sent:NAME (the budget), erasing:NAME.
//	                   Of all of them: online, grace, sessions (their number), leases and on:LEASE (sessions of a lease), todo (what is left to
//	                   do in other slots), due (when it, and what is not confirmed, is due).
//	                   Channels: user:NAME, presence:NAME
//	{r0} to {r255}     rooms that somebody is in, by the first byte of the SHA-256 of their names: rooms, counts (of their users),
//	                   in:NAME (sessions, in the order of their users' names), gone:SESSION (one that has ended before it had entered),
//	                   suspect:ROOM SESSION (one that may not be there)
//	{scratch:NAME}     what is kept for all nodes for a while
//	{nodes}            leases, status (how the nodes are), ended:NODE (sessions that the node has to hear of). Channels: all, presence
//
// The times within values decide; Redis forgets keys later than that, to free memory.
//
// # Streams
//
// Messages that come at once from one sender can be one entry of a Redis Stream, a bundle: see scripts/stream.lua. Each has its own offset, and
// limits may keep only the last of them.
//
// The epoch of a stream changes with the server that has it: when that was started anew, or a replica has taken over, since then the newest
// messages may be lost. What is there can be read under the new epoch.
//
// # Rights
//
// A user of Redis with this rule may do all that is needed, and nothing to keys and channels of others, with the prefix "hubbub:":
//
//	user hubbub on >PASSWORD ~hubbub:* &hubbub:* -@all +@read +@write +@pubsub +@scripting +@connection -@dangerous +info +time +role +cluster|slots +cluster|shards
//
// A Sentinel's user needs +@connection +subscribe +unsubscribe +sentinel|sentinels +sentinel|get-master-addr-by-name +sentinel|replicas and &*.
//
// # Settings
//
// The server's maxmemory-policy must be noeviction: others throw away sessions and messages when memory is full, and nobody learns of it. A
// subscriber that falls behind is cut off by client-output-buffer-limit pubsub; it connects again, and fetches what it has missed.
package redis

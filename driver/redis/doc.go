// Package redis keeps what is live in Redis 7 or Valkey, for any number of nodes: the streams of rooms with history in memory, the bus
// between nodes, and the registry of who is online. It works with one server, with Sentinel, and with a Cluster.
//
// # Keys
//
// All keys begin with Options.Prefix. What belongs together has one hash tag and so one slot, which a script may touch:
//
//   - {room:NAME} and {pair:A B}: the stream of a room or pair, its idempotency keys and read positions, and the channel of the room
//   - {u0} to {u255}: users, by the first byte of the SHA-256 of their names: sessions, last seen, revocations, transitions, and the
//     channels of users and of their presence
//   - {r0} to {r255}: who is in which rooms, by the first byte of the SHA-256 of the rooms' names
//   - {nodes}: leases and nodes, and the channel of what concerns everybody
//
// # Streams
//
// The epoch of a stream changes with the server that has it: when that was started anew, or a replica has taken over, since then the newest
// messages may be lost. What is there can be read under the new epoch. Redis must be allowed to refuse writes when its memory is full
// (maxmemory-policy noeviction), and the user of an ACL to run INFO in scripts.
package redis

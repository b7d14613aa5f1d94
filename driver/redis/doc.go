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
//   - {scratch:NAME}: what is kept for all nodes for a while
//   - {nodes}: leases and nodes, and the channel of what concerns everybody
//
// # Streams
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

// Package memory is the driver of a single process: everything is kept in its memory and gone when it ends.
//
// It is the default of the gateway and a real product, not a mock: 100,000 users online, 10,000 rooms and 200,000 pairs of
// users are what it is built for. Several hubs of one process may share a [Driver]; each is a node then.
//
// Nothing runs in the background. Ages and deadlines are judged by the clock when somebody asks, and what is over is dropped
// when the hub calls Trim and Reap.
//
// What is erased of a room stays as a hole, without content, until its time is over; of a pair nothing stays, and what is begun anew has
// another epoch.
//
// # Locks
//
// A stream has its own lock, users, rooms and topics share [shards] locks by their hash. Who holds one may take one further
// to the right, never to the left:
//
//	stream → user's conversations
//	stream → order of a topic → (subscribers)
//	user   → room
//	user   → nodes
//	user   → names of who is online
//	user   → unconfirmed transitions
package memory

// Package hubbub is the domain of the realtime gateway: who is online with which devices, which rooms there are, what was
// said in them and who may say it. It knows nothing of WebSockets, HTTP or databases. A transport opens a [Session] for each
// of its connections, and a driver (package driver/memory is the one for a single process) keeps what all nodes share.
//
// # How to think of it
//
//   - A [Hub] is one node. It has the sessions of this process and speaks to the other nodes through its [Driver].
//   - An [Identity] is what authentication found out: user, device, permissions, until when.
//   - A [Session] is one connection of one user's device. What a client may ask for is a method of it.
//   - A room is a named audience on all nodes, with a [RoomRule]. A [Stream] is the ordered messages of one room or of one
//     pair of users; a [Position] is a message's place in it.
//   - An [Event] is what a client is told: a message, somebody who came or went, a receipt.
//
// # Drivers
//
// A driver implements the small interfaces that [Driver] combines. Each call may take a network round trip and fail; the hub
// holds no lock during one. Package driver/drivertest has the tests that each must pass.
package hubbub

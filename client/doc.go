// Package client speaks to a hubbub gateway from Go: [Dial] opens a session of hubbub.v1 that reconnects by itself and
// recovers what it has missed, and [API] makes the calls for backends.
//
// # What comes
//
// Handlers are plain functions, in [Handlers] for the whole session and in [RoomHandler] for one room. They are called by one
// goroutine, one at a time, in the order in which things happened; they may block, and may make calls of the same client.
// Messages of a room, and of a private conversation, come in the order of their positions, each once, also when the connection
// was lost in between. Where that is impossible, since the server does not have the messages any more, the handler Lost says so
// before the next message.
//
// Notices that come while there is no connection are not handed over later: they are in the inbox, which [Client.Inbox] lists,
// and [Handlers].Counts says how many are unread, first when a session begins.
//
// # What goes
//
// [Stream.Send] and [Client.Join] wait for a connection, and are repeated after a lost one until they are answered or their
// context ends: a send has a key, so that it still is one message. All other calls fail at once without a connection, and when
// it is lost before the reply has come, with a [hubbub.Error] that is [ErrDisconnected] and has the reason
// [hubbub.Unavailable]. What the server answers with an error comes as a [hubbub.Error], too.
package client

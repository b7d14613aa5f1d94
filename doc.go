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
// # Drivers and stores
//
// What is live is a driver's, what must last is a [Store]'s: streams with [HistoryDurable], members of rooms, who was here, and
// the inboxes of package inbox. Both implement small interfaces; each call may take a network round trip and fail. Package
// driver/drivertest has the tests that each must pass.
//
// # How a durable message goes
//
//	Session.SendRoom, SendUser   checks rule, rate and size                  (send.go)
//	  Hub.postDurable            Store.Append: on the disk when it returns   (post.go)
//	    Draft.Accepted           called by the store in the order of the positions: takes a place in the stream's queue (turns)
//	    turn.wait                until those before have published
//	    Driver.Publish(Posted)   on the topic of the room, or of both users
//	                             … and on each node that has somebody there:
//	      room, person.Receive   sequence: in the order of the positions; what is missing is fetched from the store (sequence.go)
//	      Audience.Deliver       the transport encodes it once for all
//	  the reply                  after that, so senders see their own messages in time
//
// If the process dies after the commit, or the bus fails, nobody was told, but the message is kept: who gets the next one sees by
// its Previous that one is missing, and who comes back asks for what follows their last position.
//
// # How a notice goes
//
//	inbox.Publish                Store.Publish: notices and their counts in one commit, then on the bus:
//	  Noticed, for a user        person.Receive tells the sessions at once, and notes that the counts must be read again
//	  InboxChanged               only the latter: something was marked, withdrawn or has expired
//	  Announced, for all         everybody.Receive, then person.announced for each user who is here: tells those who are meant, and adds
//	                             one to counts of the revision before, so that an announcement to 10,000 users reads nothing
//	counting.run                 one goroutine while there is something to do: Options.Counts (package inbox) for each who was noted,
//	                             then InboxCounted to the sessions if it is not what they were told last (counts.go)
//
// # How a decision reaches the outbox
//
//	Registry.Open, End, Reap …   decide who came and went; an Ordered driver calls with its lock held
//	  handover.add               appends to the queue (handover.go)
//	  Hub.spread                 the caller tells rooms and watchers at once (upkeep.go)
//	handover.run                 one goroutine: Store.Record with the items that Options.Report makes of all that waits, then Leases.Confirm
//	vacancies.keep               one goroutine: Store.SetOccupied for rooms that somebody came into first or left last (vacancies.go)
//
// If the process dies before Record, nobody has heard of it, or Journal.Lost tells the end at the next start; after it, the ids are known, so
// that what is recorded again is not told again.
//
// What starts goroutines here is [New] (the lease, reaping and repeating, trimming: upkeep.go) and begin, for work that ends by itself.
// [Hub.Close] waits for all of them.
//
// # Locks, for maintainers
//
// Who holds one may take one further down, never one further up:
//
//	Session.ops       one session at a time: opened, joins, leaves, watches, refreshed, wound up
//	holders.opening   one topic is subscribed or given back
//	(those of package inbox)
//	(those of the driver, which calls Receive and Missed, and of the store, which calls Draft.Accepted)
//	room.mu, watch.mu, everybody.mu
//	shelf.mu          which topics this node holds
//	person.mu
//	Session.mu
//	counting.mu
//	Hub.mu, expiries.mu, turns.mu, handover.mu, vacancies.mu, news.mu
//	(those of the transport)
//
// Options.MayJoin and MaySend are asked with Session.ops held at most, and with a context that ends with the session. The driver, the
// store and Options.Counts are called with the first two held at most, so a slow one delays the session that asks, and others only
// while the first of them subscribes to the same room or user. A driver that calls Receive from within Publish must not hold a lock then
// that Subscribe and the function that it returns need. The replies of Join and Watch and an Arrival's Welcome are called with locks
// held: they hand a frame to the transport, and may call nothing but the ID, Identity and Node of the session.
package hubbub

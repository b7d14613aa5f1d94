// Package webhook tells other programs by HTTP what happens in the gateway: who came and went, which rooms have people in them,
// what was sent, what was read.
//
// A [Sender] is told facts ([Sender.Report], which is what a hub's Report option wants) and makes outbox items of them, which the
// store commits together with the fact. From the outbox it delivers them, so a webhook is owed if and only if the fact is known,
// and none is lost when the process dies.
//
// # What a target gets
//
// A POST whose form is that of Standard Webhooks (https://www.standardwebhooks.com), for which there are libraries in many languages:
//
//	POST /hooks HTTP/1.1
//	Content-Type: application/json
//	webhook-id: UqXK2v5cTg0m3a9Rk1bYw7dE
//	webhook-timestamp: 1767225600
//	webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=
//
//	{"type":"user.online","timestamp":"2026-01-01T00:00:00.000Z","sequence":42,"data":{"user":"ann","time":1767225600000}}
//
// The id stays the same over all attempts. The sequence rises in the order in which things happened; it has holes. Times in data are
// Unix milliseconds. The types are session.connected, session.disconnected, user.online, user.offline, room.occupied, room.vacated,
// message.sent, notice.read, and hubbub.test, which [Sender.Test] makes.
//
// # Order, and what happens when a target fails
//
// Items are delivered at least once. Those of one user are delivered one after the other, as are those of one room, and messages
// between the same two users. An answer of 2xx is a delivery; everything else is a failure, redirects among them.
//
// What failed is tried again, later each time: after a random time of up to 1 s, 2 s, 4 s, … 15 minutes, or when the target's
// Retry-After says, if that is later, but within an hour. Only what is of the same order waits for it. After Target.RetryFor it is dead: it
// is kept for 30 days, in which it can be listed ([Sender.Dead]) and replayed ([Sender.Replay]), and what comes after it goes on.
//
// When ten attempts in a row have failed, the target is taken to be down. From then on one item at a time is tried, with a second between two,
// until one is delivered. Other targets do not notice any of this: each has its own workers.
//
// # Addresses
//
// A target's host is looked up for every new connection, and the connection is made only if the address is a public one, whatever
// the name was before, unless Target.AllowPrivate says that the target is meant to be inside. Redirects are not followed, and
// proxies named in the environment are not used.
package webhook

// Package httpapi serves the HTTP API for backends under /api/v1: they send messages, put notices into inboxes, ask and follow who is
// online, say who is a member of a room, sign people out, block and erase them, and look after webhooks. Some calls make others: a
// batch of calls, and an event, from which the operator's rules make calls.
//
// The package joins [hubbub.Hub] to HTTP and decides nothing of the domain. Its calls are described by an OpenAPI 3.1 document
// that is made from the same Go types which decode and check the requests, so it cannot differ from what the server does; a page
// at /api/v1/ shows it.
//
// A request passes these gates, in this order, and the first that refuses answers with a problem document (RFC 9457): the API
// key (401), its rate (429), the path and method (404, 405), the key's scope (403), the body's type and size (415, 413, 400),
// its fields (422). What the domain refuses has the status of its reason, see [hubbub.Reason.Status].
//
// A call within another one passes the same gates and the same mux (batch.go); one that an event leads to needs no scope and has no rate.
// A POST with an Idempotency-Key is not made twice (once.go). Keys come from the options and from a file that may change (keyring.go). Plain
// messages to rooms take a way around huma (fast.go).
package httpapi

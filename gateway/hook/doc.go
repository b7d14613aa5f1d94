// Package hook asks backends before something happens: whether somebody may connect, join a room, or send a message.
//
// Rules say which backend is asked about what; the first rule that matches decides alone. The backend gets a POST with a JSON object
// and its answer is a JSON object with the status 200, within the rule's timeout.
//
// # What is asked
//
// Before somebody joins a room, and before a message goes to a room or to a user:
//
//	{"hook": "room.join", "user": "ann", "device": "d1", "platform": "web", "session": "…", "info": {…}, "attrs": {…}, "room": "lobby"}
//	{"hook": "room.send", …, "room": "lobby", "data": …, "key": "…"}
//	{"hook": "user.send", …, "to": "bob", "data": …, "key": "…"}
//
// info, attrs and key are there only if there are any. A message that is refused or changed has not been seen by anybody. What else
// than joining needs the same answer is told at hubbub.Options.MayJoin.
//
// Before somebody connects:
//
//	{"hook": "connect", "identity": {"user": "ann", "device": "d1", "platform": "web", "info": {…}, "attrs": {…},
//	  "rooms": {"join": […], "send": […]}, "expires": 1772366400000, "anonymous": true},
//	  "headers": {"Cookie": ["…"]}, "query": {"lang": ["de"]}, "path": "/ws", "address": "203.0.113.7"}
//
// identity says who has been signed in by a token, a password or a cookie; without it nobody has been, and the hook is what signs in.
// Only headers that the rule lists are told, by their canonical names.
//
// # What is answered
//
// {"allow": false} refuses. It may have a "reason", unauthorized or forbidden (the default), and a "message" for the person, of which
// at most 300 bytes are passed on. Whatever else is wrong with such an answer, a no is a no.
//
// {"allow": true} lets it happen. An answer about a message may have "data" that are sent instead. An answer about a connection may
// have:
//
//	user               who it is: required if nobody has been signed in
//	device, platform   of the user, unless they are known
//	info               instead of what the token says, an object that others see
//	attrs              instead of what the token says, an object of strings, numbers and booleans
//	rooms              instead of what the token says, {"join": [globs], "send": [globs]}
//	expires            when the session ends, in Unix milliseconds; it can only shorten what the token says
//
// Who has been signed in stays who they are: an answer may repeat their user, device and platform and not contradict them. For
// anonymous ones it may name the user. null stands for a field that is not there, and unknown fields are ignored.
//
// # Failures
//
// Everything else is a failure: no answer in time, another status, no JSON, a value that cannot be. Then the rule's OnFailure
// decides: refuse (the default), so that the client gets the reason unavailable and may try again, or allow, as if there were no rule. A
// connection of somebody who has not been signed in cannot be allowed, since nobody knows who it is. Failures are logged, at most
// every ten seconds for each rule, without anything that was asked or answered.
package hook

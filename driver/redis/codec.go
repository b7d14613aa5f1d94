package redis

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/hubbub-dev/hubbub"
)

// What travels between nodes is one of two forms. They must be understood by nodes of other versions, too: fields and types are added, never
// changed, and what is unknown is passed over.
//
// A message, which is by far the most, is two lines and its data, as they came:
//
//	EPOCH OFFSET PREVIOUS
//	{"id":"m1","room":"lobby","user":"ann","time":1767323045678000000}
//	DATA
//
// The first line is empty if the message has no position. All that follows it is known before the position is: streams keep it like that, and
// the script that assigns the position puts the line before it to publish it. See [appendBody].
//
// Every other event is one JSON object, so that it begins with a brace, which no epoch does:
//
//	{"type":"joined","event":{…}}

// encodeEvent makes of an event what is published.
func encodeEvent(e hubbub.Event) ([]byte, error) {
	if posted, ok := e.(hubbub.Posted); ok {
		return encodePosted(&posted)
	}
	kind, event := toWire(e)
	if kind == "" {
		return nil, fmt.Errorf("encode event: %T is unknown", e)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // the data of others come as they were, but for spaces between their parts
	if err := enc.Encode(envelope[any]{kind, event}); err != nil {
		return nil, fmt.Errorf("encode %s: %w", kind, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// decodeEvent decodes an event that is one JSON object. It returns nil for one of a type that it does not know, which a newer node has published.
func decodeEvent(s string) (hubbub.Event, error) {
	var outer envelope[json.RawMessage]
	if err := json.Unmarshal([]byte(s), &outer); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	e, err := fromWire(outer.Type, outer.Event)
	if err != nil {
		return nil, fmt.Errorf("decode %s: %w", outer.Type, err)
	}
	return e, nil
}

type envelope[T any] struct {
	Type  string `json:"type"`
	Event T      `json:"event"`
}

// toWire returns an event with the word for its type; "" for an unknown one.
func toWire(e hubbub.Event) (kind string, event any) {
	switch e := e.(type) {
	case hubbub.Direct:
		return "direct", wireDirect(e)
	case hubbub.Broadcast:
		return "broadcast", wireBroadcast(e)
	case hubbub.Joined:
		return "joined", wireCrowd(e)
	case hubbub.Left:
		return "left", wireCrowd(e)
	case hubbub.Skipped:
		return "skipped", e
	case hubbub.Read:
		return "read", e
	case hubbub.Typing:
		return "typing", e
	case hubbub.PresenceChanged:
		return "presence", wirePresence(e.Presence)
	case hubbub.Ended:
		return "ended", wireEnded{e.Sessions, e.User, e.Why, (*wireRecord)(e.By)}
	case hubbub.MemberChanged:
		return "member", e
	case hubbub.Noticed:
		return "noticed", e
	case hubbub.Announced:
		return "announced", e
	case hubbub.NoticesMarked:
		return "marked", wireMarked{e.User, wireMark(e.Mark)}
	case hubbub.NoticeRemoved:
		return "removed", e
	case hubbub.InboxChanged:
		return "changed", e
	case hubbub.InboxCounted:
		return "counted", (*wireCounts)(e.Counts)
	case hubbub.Draining:
		return "draining", e
	}
	return "", nil
}

// fromWire is the inverse of toWire.
func fromWire(kind string, b json.RawMessage) (hubbub.Event, error) {
	switch kind {
	case "direct":
		return as(b, func(w wireDirect) hubbub.Event { return hubbub.Direct(w) })
	case "broadcast":
		return as(b, func(w wireBroadcast) hubbub.Event { return hubbub.Broadcast(w) })
	case "joined":
		return as(b, func(w wireCrowd) hubbub.Event { return hubbub.Joined(w) })
	case "left":
		return as(b, func(w wireCrowd) hubbub.Event { return hubbub.Left(w) })
	case "skipped":
		return as(b, func(e hubbub.Skipped) hubbub.Event { return e })
	case "read":
		return as(b, func(e hubbub.Read) hubbub.Event { return e })
	case "typing":
		return as(b, func(e hubbub.Typing) hubbub.Event { return e })
	case "presence":
		return as(b, func(w wirePresence) hubbub.Event { return hubbub.PresenceChanged{Presence: hubbub.Presence(w)} })
	case "ended":
		return as(b, func(w wireEnded) hubbub.Event {
			return hubbub.Ended{Sessions: w.Sessions, User: w.User, Why: w.Why, By: (*hubbub.SessionRecord)(w.By)}
		})
	case "member":
		return as(b, func(e hubbub.MemberChanged) hubbub.Event { return e })
	case "noticed":
		return as(b, func(e hubbub.Noticed) hubbub.Event { return e })
	case "announced":
		return as(b, func(e hubbub.Announced) hubbub.Event { return e })
	case "marked":
		return as(b, func(w wireMarked) hubbub.Event {
			return hubbub.NoticesMarked{User: w.User, Mark: hubbub.NoticeMark(w.Mark)}
		})
	case "removed":
		return as(b, func(e hubbub.NoticeRemoved) hubbub.Event { return e })
	case "changed":
		return as(b, func(e hubbub.InboxChanged) hubbub.Event { return e })
	case "counted":
		return as(b, func(w *wireCounts) hubbub.Event { return hubbub.InboxCounted{Counts: (*hubbub.InboxCounts)(w)} })
	case "draining":
		return as(b, func(e hubbub.Draining) hubbub.Event { return e })
	}
	return nil, nil
}

func as[T any](b json.RawMessage, event func(T) hubbub.Event) (hubbub.Event, error) {
	var w T
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, err
	}
	return event(w), nil
}

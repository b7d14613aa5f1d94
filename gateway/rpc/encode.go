package rpc

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/ws"
)

// appender is a wire type that encodes itself, since it is sent often.
type appender interface{ appendJSON([]byte) []byte }

// encode makes the frame of an event as a user sees it. It tells false for an event that clients are not told in a frame.
// Only what is said in a conversation of two looks different for each of them.
func encode(e hubbub.Event, viewer string) (ws.Message, bool) {
	switch e := e.(type) {
	case hubbub.Posted:
		return encodePosted(&e.Message, viewer), true
	case hubbub.Direct:
		return notify("user.message", wireMessage{Message: hubbub.Message{ID: e.ID, Data: e.Data, Time: e.Time}})
	case hubbub.Broadcast:
		return notify("broadcast", broadcastParams{e.ID, e.Data, millis(e.Time)})
	case hubbub.Joined:
		return notify("room.joined", roomChange{e.Room, person{e.User, e.Info}, e.Count})
	case hubbub.Left:
		return notify("room.left", roomChange{e.Room, person{e.User, e.Info}, e.Count})
	case hubbub.Skipped:
		return notify("room.skipped", skippedParams(e))
	case hubbub.Read:
		return notify("message.read", readParams{placeOf(e.Stream, viewer), e.User, e.Position})
	case hubbub.Typing:
		return notify("typing", typingParams{placeOf(e.Stream, viewer), e.From, e.Active})
	case hubbub.MemberChanged:
		return notify("room.member", memberParams(e))
	case hubbub.Noticed:
		return notify("inbox.notice", noticeOf(&e.Notice))
	case hubbub.InboxCounted:
		return notify("inbox.counts", wireCounts(*e.Counts))
	case hubbub.NoticesMarked:
		return notify("inbox.marked", markedOf(e.Mark))
	case hubbub.NoticeRemoved:
		return notify("inbox.removed", removedParams{e.ID})
	case hubbub.PresenceChanged:
		return notify("presence.changed", presenceOf(e.Presence))
	case hubbub.Draining:
		return notify("server.draining", drainingParams{windowOf(e.Retry)})
	case hubbub.Ended:
		if e.Why == hubbub.EndReplaced && e.By != nil {
			return notify("session.replaced", replacedParams{replacedBy{e.By.Device, e.By.Platform, e.By.ID}})
		}
	}
	return ws.Message{}, false
}

// encodePosted makes the frame of a message. It is done for each on each node that has somebody to tell, so there is nothing in between.
func encodePosted(m *hubbub.Message, viewer string) ws.Message {
	method := "room.message"
	if m.Stream.Room == "" {
		method = "user.message"
	}
	b := notification(method, hintOf(m))
	frame := ws.Framed(append(appendMessage(b, m, viewer), '}'))
	frame.Collapse = m.Collapse
	return frame
}

// notify makes the frame of a notification. It fails if what somebody else has put in is not JSON.
func notify(method string, params any) (ws.Message, bool) {
	b, err := appendAny(notification(method, sizeHint(params)), params)
	return ws.Framed(append(b, '}')), err == nil
}

// notification begins the frame of a notification that will have about so many bytes.
func notification(method string, size int) []byte {
	b := append(make([]byte, ws.Headroom, ws.Headroom+size), `{"jsonrpc":"2.0","method":"`...)
	return append(append(b, method...), `","params":`...)
}

// maxReply is how many bytes a reply may have. It is the default of what may wait for a client: a single one must not end the conn.
const maxReply = 1 << 20

// reply makes the frame of a reply. It fails for what another package's method has returned and cannot be encoded, and is TooLarge
// for a page of items that are larger than most.
func reply(id []byte, result any) (ws.Message, error) {
	b, err := appendAny(append(replyTo(id, sizeHint(result)), `,"result":`...), result)
	if size := len(b) + len("}") - ws.Headroom; err == nil && size > maxReply {
		err = hubbub.Errorf(hubbub.TooLarge, "the reply would have %d bytes; at most %d are allowed: ask for fewer at once, with a smaller "+
			"limit or fewer users", size, maxReply)
	}
	if err != nil {
		return ws.Message{}, err
	}
	return ws.Framed(append(b, '}')), nil
}

func replyError(id []byte, why *refusal) ws.Message {
	b, err := appendAny(append(replyTo(id, 256), `,"error":`...), why.wire())
	if err != nil {
		panic("rpc: " + err.Error()) // it has nothing but strings and numbers
	}
	return ws.Framed(append(b, '}'))
}

// replyTo begins a reply. The id is null for what was too broken to have one.
func replyTo(id []byte, size int) []byte {
	if id == nil {
		id = []byte("null")
	}
	b := append(make([]byte, ws.Headroom, ws.Headroom+size+len(id)), `{"jsonrpc":"2.0","id":`...)
	return append(b, id...)
}

// sizeHint is about how many bytes the frame around v will have.
func sizeHint(v any) int {
	switch v := v.(type) {
	case wireMessage:
		return hintOf(&v.Message)
	case noticesResult:
		return len(v.notices) + 256
	case wireCounts:
		return 128 + 64*len(v.Categories)
	case json.RawMessage:
		return len(v) + 128
	}
	return 128
}

// hintOf is sizeHint for a message.
func hintOf(m *hubbub.Message) int { return len(m.Data) + len(m.From.Info) + 320 }

func appendAny(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case appender:
		return v.appendJSON(b), nil
	case json.RawMessage:
		if len(v) > 0 {
			return append(b, v...), nil
		}
	}
	encoded, err := json.Marshal(v)
	return append(b, encoded...), err
}

// wireMessage is a message as a user sees it.
type wireMessage struct {
	hubbub.Message
	viewer string
}

// MarshalJSON is for messages within results.
func (m wireMessage) MarshalJSON() ([]byte, error) {
	return m.appendJSON(make([]byte, 0, sizeHint(m))), nil
}

func (m wireMessage) appendJSON(b []byte) []byte { return appendMessage(b, &m.Message, m.viewer) }

func appendMessage(b []byte, m *hubbub.Message, viewer string) []byte {
	b = appendString(append(b, `{"id":`...), m.ID)
	switch stream := m.Stream; {
	case stream.Room != "":
		b = appendString(append(b, `,"room":`...), stream.Room)
	case stream.Pair[0] != "":
		b = appendString(append(b, `,"peer":`...), stream.Peer(viewer))
		b = appendString(append(b, `,"to":`...), stream.Peer(m.From.User))
	}
	if m.From.User != "" {
		b = appendString(append(b, `,"from":{"user":`...), m.From.User)
		if len(m.From.Info) > 0 {
			b = append(append(b, `,"info":`...), m.From.Info...)
		}
		if m.From.Device != "" {
			b = appendString(append(b, `,"device":`...), m.From.Device)
		}
		b = append(b, '}')
	}
	b = append(append(b, `,"data":`...), m.Data...)
	b = strconv.AppendInt(append(b, `,"time":`...), m.Time.UnixMilli(), 10)
	if m.Position != (hubbub.Position{}) {
		b = appendPosition(append(b, `,"position":`...), m.Position)
	}
	if m.Collapse != "" {
		b = appendString(append(b, `,"collapse":`...), m.Collapse)
	}
	return append(b, '}')
}

func (r sendResult) appendJSON(b []byte) []byte {
	b = appendString(append(b, `{"id":`...), r.ID)
	if r.Position != (hubbub.Position{}) {
		b = appendPosition(append(b, `,"position":`...), r.Position)
	}
	return append(b, '}')
}

func appendPosition(b []byte, p hubbub.Position) []byte {
	b = appendString(append(b, `{"epoch":`...), p.Epoch)
	b = strconv.AppendUint(append(b, `,"offset":`...), p.Offset, 10)
	return append(b, '}')
}

// appendString appends a JSON string. Most strings are names and ids, which need no escapes.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			b, _ = appendAny(b, s) // a string can always be encoded
			return b
		}
	}
	b = append(append(b, '"'), s...)
	return append(b, '"')
}

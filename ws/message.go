package ws

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Message is one text or binary message. The zero value is an empty text message. The receiver of a message owns its Data;
// the sender of a message must not change Data afterwards, since it may be sent later.
type Message struct {
	Data   []byte
	Binary bool // a binary message; otherwise text, which must be UTF-8
	// Collapse names what the message is about, for groups with [SlowLatest]: while it waits for a slow member, a newer
	// message with the same Collapse takes its place. It is not sent.
	Collapse string

	err   error  // from JSON; reported by whoever sends the message
	frame []byte // the whole frame of a server, of which Data are the end; nil if it is not made yet
}

// Headroom is how many bytes [Framed] needs before a message.
const Headroom = 10

// Framed returns a text message whose data are what follows the first [Headroom] bytes of b, where its frame's header is put. For who makes
// a message to send it: a server that does not compress it need not copy it. b must not be used any more, nor Data and Binary be changed.
// Framed panics if b is shorter than Headroom.
func Framed(b []byte) Message {
	data := b[Headroom:]
	var header [maxHeader]byte
	h := appendHeader(header[:0], opText, false, nil, len(data))
	frame := b[Headroom-len(h):]
	copy(frame, h)
	return Message{Data: data, frame: frame}
}

// Text returns a text message. The text must be UTF-8; sending anything else is an error (RFC 6455, section 5.6).
func Text(text string) Message { return Message{Data: []byte(text)} }

// Binary returns a binary message. It keeps data, which must not be changed afterwards.
func Binary(data []byte) Message { return Message{Data: data, Binary: true} }

// JSON returns a text message that holds v as [json.Marshal] encodes it. A value that cannot be encoded is reported by
// whatever sends the message, so that a call like Send(JSON(v)) has one error to look at.
func JSON(v any) Message {
	data, err := json.Marshal(v)
	if err != nil {
		return Message{err: fmt.Errorf("ws: encode message as JSON: %w", err)}
	}
	return Message{Data: data}
}

// String returns the message's data as a string, binary or not.
func (m Message) String() string { return string(m.Data) }

// Unmarshal decodes the message's data as JSON into v, which is a pointer, as [json.Unmarshal] does.
func (m Message) Unmarshal(v any) error {
	if m.err != nil {
		return m.err
	}
	if err := json.Unmarshal(m.Data, v); err != nil {
		return fmt.Errorf("ws: decode message as JSON: %w", err)
	}
	return nil
}

var errTextNotUTF8 = errors.New("ws: a text message must be UTF-8; send other data with Binary")

// sendable says why the message cannot be sent, or nil. Text is checked here because a peer would answer it by closing
// the conn with 1007, and a broadcast would lose all of its receivers.
func (m Message) sendable() error {
	if m.err != nil {
		return m.err
	}
	if !m.Binary && !utf8.Valid(m.Data) {
		return errTextNotUTF8
	}
	return nil
}

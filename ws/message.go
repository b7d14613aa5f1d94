package ws

// Message is one text or binary message. The zero value is an empty text message. The receiver of a message owns its Data;
// the sender of a message must not change Data afterwards, since it may be sent later.
type Message struct {
	Data   []byte
	Binary bool // a binary message; otherwise text, which must be UTF-8
	// Collapse names what the message is about, for groups with [SlowLatest]: while it waits for a slow member, a newer
	// message with the same Collapse takes its place. It is not sent.
	Collapse string

	err error // from JSON; reported by whoever sends the message
}

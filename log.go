package hubbub

import (
	"context"
	"encoding/json"
	"time"
)

// Retention says how much of a stream is kept. A message is dropped when it is over any of the limits, the oldest first; 0
// means no limit of that kind.
type Retention struct {
	// Messages is their number. Negative means that nothing is kept: the message gets no position, what was kept of the stream
	// is dropped, and only the key is remembered.
	Messages int
	Bytes    int           // of their data
	Age      time.Duration // since their Time; a message that is older is not read any more, even if nobody has trimmed
}

// Draft is a message that is to be appended. The log assigns its position.
type Draft struct {
	Message   Message   // without position
	Retention Retention // what is kept of the stream from now on
	// Key makes the append idempotent: the same key of the same Author in the same stream within [KeyLife] is the same
	// message. "" means none.
	Key    string
	Author string // the scope of Key: who uses it, a user's device or an API key
	// Accepted is called with a message that is new, before Append returns: for the messages of one stream in the order of
	// their positions, as far as they are appended by this process. It must not block nor call the log. nil means that
	// nobody wants to know.
	Accepted func(Appended)
	// Original is what the key stands for, if somebody has changed the data of the message meanwhile; nil means Message.Data. Repeated
	// then has the data that were accepted, as long as the message is kept.
	Original json.RawMessage
	// Report makes the outbox items of a message that is new, which a store puts there in the same transaction. nil means none.
	// Drivers that are no store do not call it.
	Report func(Message) []OutboxItem
}

// KeyLife is how long an idempotency key is remembered at least. Trimming forgets it after that.
const KeyLife = 5 * time.Minute

// Appended is an accepted message.
type Appended struct {
	Message  Message // with position, unless nothing is kept
	Previous uint64  // offset of the message before it in the stream; 0 if there was none, or nothing is kept
	Repeated bool    // the key was known: this is the message that was accepted then
	Unheard  bool    // by a [Poster]: it was accepted and could not be published, which is left to the caller
}

// Page is a part of a stream, oldest message first.
type Page struct {
	Messages []Message
	More     bool // there are more in the direction of reading
	// Head is of the newest message of the stream, dropped or not, when the page was read. The epoch is set even if there was
	// none yet, and who reads from that head of a room on gets what comes later. With a pair the first message may have another one.
	Head Position
	// Complete says that nothing that was ever after (or before, when reading backwards) the given position is missing between
	// it and the page: the epoch is the stream's and what followed is still kept.
	Complete bool
}

// Log keeps the messages of streams in order. Its methods may be called concurrently. An offset is given once, and a message
// that was read at an offset is there until it is dropped.
type Log interface {
	// Append accepts a message. A known key with the same data, sender and Except returns the earlier message (Repeated); with
	// other data it is a Conflict.
	Append(ctx context.Context, d Draft) (Appended, error)
	// After reads up to limit messages that follow a position. The zero position is before the first message that is kept,
	// and always Complete. A position of another epoch, or past the head, gives an empty page that is not Complete.
	After(ctx context.Context, s Stream, p Position, limit int) (Page, error)
	// Before reads the limit messages that precede a position; before the zero position means the newest, and is always
	// Complete. A position past the head does too; one of another epoch gives an empty page that is not Complete.
	Before(ctx context.Context, s Stream, p Position, limit int) (Page, error)
	// Trim drops up to limit messages and keys of all streams that are past their age, and tells whether there may be
	// more to drop. It may forget streams of which nothing is kept and nothing was read or appended for an hour; they begin
	// again with a new epoch then.
	Trim(ctx context.Context, limit int) (more bool, err error)
}

// Poster is a [Log] that can append and publish in one step, so that messages of a stream are published in the order of
// their positions. The message is published as a [Posted] event on the topic of the room, or on those of both users of a pair.
// A repeated key is published again, since whoever used it first may have died in between; receivers drop the positions that
// they have. Without a position it is not. What was accepted and cannot be published is not an error, but Unheard.
type Poster interface {
	Post(ctx context.Context, d Draft) (Appended, error)
}

// Pipeline is a [Poster] whose callers can have several messages on their way.
type Pipeline interface {
	// BeginPost is Post that need not wait until the message is accepted: done is called with what Post would return, once, by this
	// goroutine or by another; soon, too, if ctx ends. done must not block. The messages of one stream that a goroutine begins are accepted in
	// the order in which it begins them.
	BeginPost(ctx context.Context, d Draft, done func(Appended, error))
}

// Conversation is a stream that a user takes part in.
type Conversation struct {
	Stream   Stream
	Last     Message  // the newest message that is kept
	Read     Position // up to where the user has read; zero means nothing
	PeerRead Position // up to where the other one of the pair has read; zero for rooms
	Unread   int      // messages after Read that others sent, as far as kept; counted up to 1000
	Cursor   string   // for the page that begins after this one
}

// Conversations knows the streams that users take part in and what they have read: the pairs with a message, and the rooms
// that the user sent to or marked as read. Its methods may be called concurrently.
type Conversations interface {
	// Conversations lists a user's streams with messages, those with the newest message first. before is the Next of the
	// page before it, "" for the first.
	Conversations(ctx context.Context, user, before string, limit int) (ConversationPage, error)
	// MarkRead remembers up to where a user has read a stream. It tells false if that was known already, or more than that.
	// A position of another epoch or past the head is Invalid.
	MarkRead(ctx context.Context, user string, s Stream, p Position) (changed bool, err error)
}

// ConversationPage is a part of a user's conversations.
type ConversationPage struct {
	Conversations []Conversation
	Next          string // for the next page; "" if this is the last
}

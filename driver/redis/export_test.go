package redis

import (
	"time"

	"github.com/hubbub-dev/hubbub"
)

// What tests of the package's inside use.
var (
	EncodeEvent = encodeEvent
	ParseLine   = parseLine
)

// Channel is the channel of a topic.
func (d *Driver) Channel(t hubbub.Topic) string { return d.channel(t) }

// OnDial tells of new connections.
func (d *Driver) OnDial(f func()) { d.onDial(f) }

// What is read back from Redis.
var (
	ReadState  = parseStreamState
	ReadStream = parseStream
)

// EntryHead is the field p of an entry.
func EntryHead(m *hubbub.Message, key string) string { return string(appendHead(nil, m, key)) }

// DecodeEvents decodes what was published.
func DecodeEvents(b []byte) (all []hubbub.Event, err error) {
	nothing := func(hubbub.Position) bool { return false }
	err = eachEvent(string(b), nothing, func(e hubbub.Event) { all = append(all, e) })
	return all, err
}

// Body is the body of a message.
func Body(m *hubbub.Message) string { return string(appendBody(nil, m)) }

// ReadEntry reads the messages of an entry at offsets from low to high. sizes are of a bundle, "" otherwise.
func ReadEntry(s hubbub.Stream, id, head, body, sizes string, low, high uint64) ([]hubbub.Message, error) {
	e, err := newEntry(id, head, body)
	if err != nil {
		return nil, err
	}
	e.sizes = sizes
	return e.appendMessages(nil, s, "epoch", low, high)
}

// ReadKey reads what is kept of a key.
func ReadKey(d *hubbub.Draft, kept, body string) (hubbub.Appended, error) {
	return repeated(d, "epoch", kept, body)
}

// Slot is the slot of a topic's channel in a Cluster.
func (d *Driver) Slot(t hubbub.Topic) uint16 { return d.slot(d.channel(t)) }

// Line is the first line of the body of a message.
type Line = wireMessage

// DecodeEvent decodes one event.
func DecodeEvent(b []byte) (e hubbub.Event, err error) {
	all, err := DecodeEvents(b)
	if len(all) > 0 && err == nil {
		e = all[0]
	}
	return e, err
}

// Settle changes after which time the subscribers of topics that have moved are told once more.
func (d *Driver) Settle(after time.Duration) {
	d.bus.mu.Lock()
	defer d.bus.mu.Unlock()
	d.bus.settle = after
}

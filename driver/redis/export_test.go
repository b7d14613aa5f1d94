package redis

import (
	"context"
	"testing"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

// What tests of the package's inside use.
var (
	EncodeEvent = encodeEvent
	DecodeEvent = decodeEvent
	ParseLine   = parseLine
)

// Channel is the channel of a topic.
func (d *Driver) Channel(t hubbub.Topic) string { return d.channel(t) }

// OnDial tells of new connections.
func (d *Driver) OnDial(f func()) { d.onDial(f) }

// What is read back from Redis.
var (
	EntryHead  = entryHead
	ReadState  = parseStreamState
	ReadStream = parseStream
)

// Body is the body of a message.
func Body(m *hubbub.Message) string { return string(appendBody(nil, m)) }

// ReadEntry reads a message.
func ReadEntry(s hubbub.Stream, id, head, body string) (hubbub.Message, error) {
	e, err := newEntry(id, head, body)
	if err != nil {
		return hubbub.Message{}, err
	}
	return e.message(s, "epoch")
}

// ReadKey reads what is kept of a key.
func ReadKey(d *hubbub.Draft, kept, body string) (hubbub.Appended, error) {
	return repeated(d, "epoch", kept, body)
}

// Slot is the slot of a topic's channel in a Cluster.
func (d *Driver) Slot(t hubbub.Topic) uint16 { return d.slot(d.channel(t)) }

// Line is the first line of the body of a message.
type Line = wireMessage

// EraseUser is the registry's part of Erase.
func (d *Driver) EraseUser(ctx context.Context, user string) (bool, error) {
	return d.eraseUser(ctx, user)
}

// SetHook has f called before and after each step, which fails if f says so.
func (d *Driver) SetHook(f func(step string, before bool) error) { d.registry.hook = f }

// Entries counts what is due, now or later, in all buckets.
func (d *Driver) Entries(t testing.TB) (n int64) {
	for bucket := range buckets {
		k := d.userKeys(bucket)
		for _, cmd := range []rueidis.Completed{d.b().Zcard().Key(k.due).Build(), d.b().Zcard().Key(k.grace).Build(),
			d.b().Hlen().Key(k.todo).Build()} {
			some, err := d.do(t.Context(), cmd).AsInt64()
			if err != nil {
				t.Fatal(err)
			}
			n += some
		}
	}
	return n
}

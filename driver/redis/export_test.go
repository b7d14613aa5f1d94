package redis

import "github.com/hubbub-dev/hubbub"

// What tests of the package's inside use.
var (
	EncodeEvent = encodeEvent
	DecodeEvent = decodeEvent
	ParseLine   = parseMessage
)

// Channel is the channel of a topic.
func (d *Driver) Channel(t hubbub.Topic) string { return d.channel(t) }

// OnDial tells of new connections.
func (d *Driver) OnDial(f func()) { d.onDial(f) }

// Slot is the slot of a topic's channel in a Cluster.
func (d *Driver) Slot(t hubbub.Topic) uint16 { return d.slot(d.channel(t)) }

// Line is the first line of the body of a message.
type Line = wireMessage

package redis

import "github.com/hubbub-dev/hubbub"

// What tests of the package's inside use.
var (
	EncodeEvent = encodeEvent
	DecodeEvent = decodeEvent
)

// Channel is the channel of a topic.
func (d *Driver) Channel(t hubbub.Topic) string { return d.channel(t) }

// OnDial tells of new connections.
func (d *Driver) OnDial(f func()) { d.onDial(f) }

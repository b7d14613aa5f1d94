package redis

import (
	"context"

	"github.com/hubbub-dev/hubbub"
)

// What tests of the package's inside use.
var (
	EncodeEvent = encodeEvent
	DecodeEvent = decodeEvent
)

// Channel is the channel of a topic.
func (d *Driver) Channel(t hubbub.Topic) string { return d.channel(t) }

// OnDial tells of new connections.
func (d *Driver) OnDial(f func()) { d.onDial(f) }

// EraseUser is the registry's part of Erase.
func (d *Driver) EraseUser(ctx context.Context, user string) (bool, error) {
	return d.eraseUser(ctx, user)
}

package redis

import "context"

// Erase implements [hubbub.Eraser]. Two things are left to go by themselves: idempotency keys of messages to rooms that nothing is kept of, after
// [hubbub.KeyLife], and transitions that nobody has confirmed, since somebody must hear of them.
func (d *Driver) Erase(ctx context.Context, user string) (more bool, err error) {
	if more, err := d.eraseStreams(ctx, user); more || err != nil {
		return more, err
	}
	return d.eraseUser(ctx, user)
}

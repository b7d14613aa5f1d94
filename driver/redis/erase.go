package redis

import "context"

// Erase implements [hubbub.Eraser]. Two things are left to go by themselves: idempotency keys of messages to rooms that nothing is kept of, after
// [hubbub.KeyLife], and transitions that nobody has confirmed, since somebody must hear of them.
func (d *Driver) Erase(ctx context.Context, user string) (more bool, err error) {
	more, err = d.eraseUser(ctx, user)
	if err != nil || more {
		return more, err
	}
	return d.eraseStreams(ctx, user)
}

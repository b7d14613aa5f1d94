package redis

import (
	"context"
	"slices"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/hubbub-dev/hubbub"
)

var (
	leaveScript     = newScript("leave")
	eraseScript     = newScript("stream", "erase")
	erasePairScript = newScript("stream", "erasepair")
)

// eraseStreams erases a part of what a user has sent and read: pairs as a whole, and the user's messages in rooms. The notes of the streams are
// first moved to a list of what is to be done, so that what the user begins meanwhile is not mistaken for what is erased.
func (d *Driver) eraseStreams(ctx context.Context, user string) (more bool, err error) {
	base := d.options.Prefix + userTag(bucketOf(user))
	erasing := base + "erasing:" + user
	streams, err := d.exec(ctx, leaveScript, []string{d.takesKey(user), erasing}, strconv.Itoa(hubbub.DeliveryStep)).AsStrSlice()
	if err != nil {
		return false, unavailable(err, "erase")
	}
	for work := 0; len(streams) > 0 && work < hubbub.DeliveryStep; streams = streams[1:] {
		s, _ := parseStream(streams[0])
		n, done := 1, true
		if s.Room != "" {
			n, done, err = d.eraseInRoom(ctx, user, s)
		} else {
			err = d.erasePair(ctx, user, s)
		}
		if err == nil && done {
			err = d.do(ctx, d.b().Srem().Key(erasing).Member(streams[0]).Build()).Error()
		}
		if err != nil {
			return false, unavailable(err, "erase")
		}
		if work += n; !done {
			return true, nil
		}
		more = true
	}
	if more || len(streams) > 0 {
		return true, nil
	}
	return false, unavailable(d.do(ctx, d.b().Del().Key(base+"sent:"+user).Build()).Error(), "erase")
}

// erasePair erases all of a pair, and the peer's note of it.
func (d *Driver) erasePair(ctx context.Context, user string, s hubbub.Stream) error {
	peer := s.Peer(user)
	if err := d.do(ctx, d.b().Zrem().Key(d.takesKey(peer)).Member(s.String()).Build()).Error(); err != nil {
		return err
	}
	err := d.exec(ctx, erasePairScript, d.streamKeys(s), d.streamArgs()...).Error()
	if rueidis.IsRedisNil(err) {
		return nil
	}
	return err
}

// erasedAtOnce is how many entries of a room are looked at with one call. All that is kept of them comes here.
const erasedAtOnce = 100

// eraseInRoom erases what a user has sent to a room, up to a number of entries, and at the end what the user has read there.
func (d *Driver) eraseInRoom(ctx context.Context, user string, s hubbub.Stream) (n int, done bool, err error) {
	keys := d.streamKeys(s)
	for after := "0-0"; ; {
		entries, err := d.do(ctx, d.b().Xrange().Key(keys[1]).Start("("+after).End("+").Count(erasedAtOnce).Build()).ToArray()
		if err != nil {
			return n, false, err
		}
		ids, forget := []string{}, slices.Clone(keys)
		for i := range entries {
			e, err := parseEntry(&entries[i])
			if err != nil {
				return n, false, err
			}
			if after = e.id; e.sender != user {
				continue
			}
			if ids = append(ids, e.id); e.key != "" {
				forget = append(forget, d.idempotencyKey(s, e.key))
			}
		}
		end := ""
		if len(entries) < erasedAtOnce {
			end = after
		}
		if len(ids) > 0 || end != "" {
			args := append(d.streamArgs(user, end), ids...)
			all, err := d.exec(ctx, eraseScript, forget, args...).AsInt64()
			if err != nil {
				return n, false, err
			}
			done = all == 1
		}
		if n += len(ids); done || n >= hubbub.DeliveryStep {
			return n, done, nil
		}
	}
}

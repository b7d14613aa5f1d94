package postgres

import (
	"context"
	"math"
	"strconv"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// MarkRead implements [hubbub.Conversations].
func (s *Store) MarkRead(ctx context.Context, user string, name hubbub.Stream, p hubbub.Position) (changed bool, err error) {
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		v, err := s.view(ctx, q, name)
		if err != nil {
			return err
		}
		if v.ID == 0 || !v.has(p) {
			return hubbub.Errorf(hubbub.Invalid, "%s has no such position; take one of a message that was received from it", name)
		}
		var n int64
		if name.Room == "" {
			n, err = q.MarkPairRead(ctx, db.MarkPairReadParams{Who: user, Stream: v.ID, Read: int64(p.Offset)})
		} else if p.Offset > 0 {
			n, err = q.MarkRoomRead(ctx, db.MarkRoomReadParams{Who: user, Stream: v.ID, Read: int64(p.Offset)})
		}
		changed = n > 0
		return err
	})
	return changed && err == nil, err
}

// Conversations implements [hubbub.Conversations]. The time that it takes grows with the number of the user's streams, but not
// with what is in them.
func (s *Store) Conversations(ctx context.Context, user, before string, limit int) (page hubbub.ConversationPage, err error) {
	place, err := parsePlace(before)
	if err != nil || limit <= 0 {
		return page, err
	}
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		rows, err := q.StreamsOf(ctx, db.StreamsOfParams{Who: user, Place: place, Now: millis(s.o.Now()), Most: int64(limit) + 1})
		if err != nil {
			return err
		}
		for _, row := range rows[:min(limit, len(rows))] {
			c, ok, err := s.conversation(ctx, q, user, row)
			if err != nil {
				return err
			}
			if ok {
				page.Conversations = append(page.Conversations, c)
			}
		}
		if len(rows) > limit {
			page.Next = placeText(rows[limit-1].Place)
		}
		return nil
	})
	return page, err
}

// parsePlace returns the place in a list of conversations that those to be listed come after. The list is in falling order.
func parsePlace(s string) (int64, error) {
	if s == "" {
		return math.MaxInt64, nil
	}
	place, err := strconv.ParseInt(s, 36, 64)
	if err != nil {
		return 0, hubbub.Errorf(hubbub.Invalid, "%q is no place in a list of conversations; take the next of a page", s)
	}
	return place, nil
}

func placeText(place int64) string { return strconv.FormatInt(place, 36) }

// conversation describes a stream as a user sees it, and tells false if all of it was erased.
func (s *Store) conversation(ctx context.Context, q *db.Queries, user string, st db.Streams) (c hubbub.Conversation, ok bool, err error) {
	v, err := s.viewOf(ctx, q, st)
	if err != nil {
		return c, false, err
	}
	name := hubbub.Stream{Room: st.Room, Pair: [2]string{st.A, st.B}}
	last, err := v.before(ctx, q, v.Head, 1)
	if err != nil || len(last) == 0 {
		return c, false, err
	}
	c = hubbub.Conversation{Stream: name, Last: v.messages(name, last)[0], Cursor: placeText(v.Place)}
	read, err := v.readBy(ctx, q, user)
	if err != nil {
		return c, false, err
	}
	c.Read = v.readPosition(read)
	if name.Room == "" {
		peer, err := v.readBy(ctx, q, name.Peer(user))
		if err != nil {
			return c, false, err
		}
		c.PeerRead = v.readPosition(peer)
	}
	c.Unread, err = v.unread(ctx, q, user, read)
	return c, true, err
}

// readBy returns the offset up to which a user has read.
func (v *view) readBy(ctx context.Context, q *db.Queries, user string) (int64, error) {
	read, err := q.ReadBy(ctx, db.ReadByParams{Who: user, Stream: v.ID})
	return read, ignoreNone(err)
}

func (v *view) readPosition(offset int64) hubbub.Position {
	if offset == 0 {
		return hubbub.Position{}
	}
	return v.position(offset)
}

const maxUnread = 1000

// unread counts the messages after an offset that others than a user sent. Usually those that come into question are few, or
// most of the newest are of others. Otherwise it goes from run to run of messages of one sender, which are at most twice as
// many as are counted.
func (v *view) unread(ctx context.Context, q *db.Queries, user string, read int64) (int, error) {
	after := max(read, v.First-1)
	newest := max(after, v.Head-2*maxUnread)
	n, err := q.CountOfOthers(ctx, db.CountOfOthersParams{Stream: v.ID, After: newest, Last: v.Head, Who: user})
	if err != nil || newest == after || n >= maxUnread {
		return int(min(n, maxUnread)), err
	}
	for at := newest; at > after && n < maxUnread; {
		run, err := q.LastRun(ctx, db.LastRunParams{Stream: v.ID, Until: at})
		if err != nil || run.Seq <= after {
			return int(min(n, maxUnread)), ignoreNone(err)
		}
		at = run.Seq // what is between was erased
		length := min(run.Run, at-after)
		if run.Sender != user {
			n += length
		}
		at -= length
	}
	return int(min(n, maxUnread)), nil
}

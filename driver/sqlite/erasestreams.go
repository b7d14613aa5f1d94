package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// pairs erases the streams that the user has with others, as a whole. Of one that is begun nothing can be read any more.
func (e eraser) pairs(ctx context.Context, q *db.Queries, most int64) (n int64, err error) {
	for n < most {
		st, err := q.PairOfFirst(ctx, e.user)
		if errors.Is(err, sql.ErrNoRows) {
			st, err = q.PairOfSecond(ctx, e.user)
		}
		if err != nil {
			return n, ignoreNone(err)
		}
		done, err := erasePair(ctx, q, &st, most-n)
		if n += done; err != nil {
			return n, err
		}
	}
	return n, nil
}

// erasePair removes up to most rows of a pair, and then the pair. Its positions are not given again: what is begun from now on has another
// epoch.
func erasePair(ctx context.Context, q *db.Queries, st *db.Streams, most int64) (n int64, err error) {
	st.First, st.Due = st.Head+1, 0
	if err := setStream(ctx, q, st); err != nil {
		return 0, err
	}
	if n, err = q.ErasePairMessages(ctx, db.ErasePairMessagesParams{Stream: st.ID, Most: most}); err != nil || n == most {
		return n, err
	}
	keys, err := q.ErasePairKeys(ctx, db.ErasePairKeysParams{Stream: st.ID, Limit: most - n})
	if n += keys; err != nil || n == most {
		return n, err
	}
	for _, user := range []string{st.A, st.B} {
		if err := q.EraseTaker(ctx, db.EraseTakerParams{User: user, Stream: st.ID}); err != nil {
			return n, err
		}
	}
	erased, err := erasedPairs(ctx, q)
	if err != nil {
		return n, err
	}
	err = q.SetMeta(ctx, db.SetMetaParams{Name: "erased", Value: strconv.FormatInt(erased+1, 10)})
	if err != nil {
		return n, err
	}
	return n + 1, q.ErasePair(ctx, st.ID)
}

// sendersAtOnce is how many messages one read looks through.
const sendersAtOnce = 5000

// room erases what the user has sent to one room, and what the user has read there. Offsets of others do not change.
func (e eraser) room(ctx context.Context) (bool, error) {
	var stream int64
	err := e.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		stream, err = q.StreamTaken(ctx, e.user)
		return ignoreNone(err)
	})
	if err != nil || stream == 0 {
		return false, err
	}
	for after, done := int64(-1), false; !done; {
		found, last, err := e.sent(ctx, stream, after)
		if err != nil {
			return false, err
		}
		for some := range slices.Chunk(found, hubbub.DeliveryStep/2) { // each may have a key
			if err := e.eraseSent(ctx, stream, some); err != nil {
				return false, err
			}
		}
		if after = last; len(found) == 0 {
			if done, err = e.leaveStream(ctx, stream, after); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// sentMessage is a message of the user.
type sentMessage struct{ offset, key int64 } // key is 0 if there is none

// sent finds messages of the user after an offset, and how far it has looked: until it has found some, or to the end.
func (e eraser) sent(ctx context.Context, stream, after int64) (found []sentMessage, last int64, err error) {
	for more := true; more && len(found) == 0 && err == nil; {
		err = e.readMany(ctx, func(ctx context.Context, q *db.Queries) error {
			rows, err := q.SendersAfter(ctx, db.SendersAfterParams{Stream: stream, After: after, Most: sendersAtOnce})
			more = len(rows) == sendersAtOnce
			for _, row := range rows {
				after = row.Offset
				if row.Sender == e.user {
					found = append(found, sentMessage{offset: row.Offset})
				}
			}
			if err != nil || len(found) == 0 {
				return err
			}
			return findKeys(ctx, q, stream, found)
		})
	}
	return found, after, err
}

// findKeys finds the keys of messages, which are in the order of their offsets.
func findKeys(ctx context.Context, q *db.Queries, stream int64, of []sentMessage) error {
	keys, err := q.KeysOfStream(ctx, db.KeysOfStreamParams{Stream: stream, First: of[0].offset, Last: of[len(of)-1].offset})
	for _, key := range keys {
		byOffset := func(m sentMessage, offset int64) int { return cmp.Compare(m.offset, offset) }
		if i, ok := slices.BinarySearchFunc(of, key.Offset, byOffset); ok {
			of[i].key = key.ID
		}
	}
	return err
}

func (e eraser) eraseSent(ctx context.Context, stream int64, all []sentMessage) error {
	return e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		for _, m := range all {
			if _, err := q.EraseMessage(ctx, db.EraseMessageParams{Stream: stream, Offset: m.offset, Sender: e.user}); err != nil {
				return err
			}
			if m.key == 0 {
				continue
			}
			if err := q.EraseKey(ctx, db.EraseKeyParams{ID: m.key, Stream: stream, Offset: m.offset}); err != nil {
				return err
			}
		}
		return nil
	})
}

// leaveStream takes the user out of a stream that was looked through up to an offset. It tells false if something came after that.
func (e eraser) leaveStream(ctx context.Context, stream, after int64) (done bool, err error) {
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		rows, err := q.SendersAfter(ctx, db.SendersAfterParams{Stream: stream, After: after, Most: 1})
		if err != nil || len(rows) > 0 {
			return err
		}
		done = true
		st, err := q.StreamByID(ctx, stream)
		if err == nil && st.Sender == e.user {
			st.Sender, st.Run = "", 0 // the next message begins a run, whoever sends it
			err = setStream(ctx, q, &st)
		}
		if ignoreNone(err) != nil {
			return err
		}
		return q.EraseTaker(ctx, db.EraseTakerParams{User: e.user, Stream: stream})
	})
	return done && err == nil, err
}

package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// Erase implements [hubbub.Eraser], at most [hubbub.DeliveryStep] rows in each transaction. doc.go says what is left.
func (s *Store) Erase(ctx context.Context, user string) (more bool, err error) {
	e := eraser{s, user}
	for _, step := range []func(context.Context) (bool, error){e.memberships, e.pairs, e.room, e.bytes, e.rest} {
		if more, err = step(ctx); err != nil {
			return false, fmt.Errorf("erase %q: %w", user, err)
		}
		if more {
			return true, nil
		}
	}
	return false, nil
}

// eraser forgets one user. Its steps tell true if they have done something, after which there may be more.
type eraser struct {
	*Store
	user string
}

func (e eraser) rest(ctx context.Context) (bool, error) { return e.eraseRest(ctx, e.user) }

func (e eraser) memberships(ctx context.Context) (more bool, err error) {
	var page []db.MembershipsOfRow
	err = e.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		page, err = q.MembershipsOf(ctx, db.MembershipsOfParams{Who: e.user, Most: hubbub.DeliveryStep})
		return err
	})
	if err != nil || len(page) == 0 {
		return false, err
	}
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		for _, row := range page {
			if err := e.leave(ctx, q, row.Room); err != nil {
				return err
			}
		}
		return nil
	})
	return true, err
}

// leave takes the user out of a room.
func (e eraser) leave(ctx context.Context, q *db.Queries, room string) error {
	if err := q.LockMembers(ctx, room); err != nil {
		return err
	}
	role, err := roleOf(ctx, q, room, e.user)
	if err != nil {
		return err
	}
	if role == hubbub.RoleOwner {
		if err := e.succeed(ctx, q, room); err != nil {
			return err
		}
	}
	return q.RemoveMember(ctx, db.RemoveMemberParams{Room: room, Who: e.user})
}

// succeed makes an owner of who has been an admin of a room for the longest, or else a member, if the user is the last owner.
func (e eraser) succeed(ctx context.Context, q *db.Queries, room string) error {
	owners, err := q.HasOwners(ctx, db.HasOwnersParams{Room: room, Other: e.user})
	if err != nil || owners {
		return err
	}
	for _, role := range []hubbub.Role{hubbub.RoleAdmin, hubbub.RoleMember} {
		heir, err := q.LongestStanding(ctx, db.LongestStandingParams{Room: room, Role: string(role), Other: e.user})
		if err == nil {
			return q.SetMember(ctx, db.SetMemberParams{Room: room, Who: heir, Role: string(hubbub.RoleOwner)})
		}
		if ignoreNone(err) != nil {
			return err
		}
	}
	return nil
}

// pairsAtOnce is how many pairs one transaction erases at most.
const pairsAtOnce = 20

// pairs erases the streams that the user has with others, as a whole. Of one that is begun nothing can be read any more.
func (e eraser) pairs(ctx context.Context) (more bool, err error) {
	there := false // asked first, so that nobody waits for the row 'erased' where there is nothing to do
	err = e.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		there, err = q.HasPairs(ctx, e.user)
		return err
	})
	if err != nil || !there {
		return false, err
	}
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.CountErased(ctx); err != nil {
			return err
		}
		pairs, err := q.LockPairsOf(ctx, db.LockPairsOfParams{Who: e.user, Most: pairsAtOnce})
		if err != nil {
			return err
		}
		more = len(pairs) > 0
		counts, left := make(map[string]int64), int64(hubbub.DeliveryStep)
		for i := 0; i < len(pairs) && left > 0; i++ {
			n, err := erasePair(ctx, q, &pairs[i], left, counts)
			if err != nil {
				return err
			}
			left -= n
		}
		return addBytes(ctx, q, counts)
	})
	return more, err
}

// erasePair removes up to most rows of a pair, and then the pair. Its positions are not given again: what is begun from now on has another
// epoch.
func erasePair(ctx context.Context, q *db.Queries, st *db.Streams, most int64, counts map[string]int64) (n int64, err error) {
	st.First, st.Due = st.Head+1, 0
	if err := setStream(ctx, q, st); err != nil {
		return 0, err
	}
	rows, err := q.ErasePairMessages(ctx, db.ErasePairMessagesParams{Overhead: overhead, Stream: st.ID, Most: most})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		n += row.Number
		if row.Sender != "" {
			counts[row.Sender] -= row.Bytes
		}
	}
	if n >= most {
		return n, nil
	}
	keys, err := q.ErasePairKeys(ctx, db.ErasePairKeysParams{Stream: st.ID, Most: most - n})
	if n += keys; err != nil || n >= most {
		return n, err
	}
	if err := q.EraseTakers(ctx, db.EraseTakersParams{Users: []string{st.A, st.B}, Stream: st.ID}); err != nil {
		return n, err
	}
	return n + 1, q.ErasePair(ctx, st.ID)
}

// sendersAtOnce is how many messages one read looks through.
const sendersAtOnce = 5000

// room erases what the user has sent to one room, and what the user has read there. Offsets of others do not change.
func (e eraser) room(ctx context.Context) (bool, error) {
	var stream int64
	err := e.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
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

// sent finds messages of the user after an offset, and how far it has looked: until it has found some, or to the end.
func (e eraser) sent(ctx context.Context, stream, after int64) (found []int64, last int64, err error) {
	for more := true; more && len(found) == 0 && err == nil; {
		err = e.readOne(ctx, func(ctx context.Context, q *db.Queries) error {
			rows, err := q.SendersAfter(ctx, db.SendersAfterParams{Stream: stream, After: after, Most: sendersAtOnce})
			more = len(rows) == sendersAtOnce
			for _, row := range rows {
				after = row.Seq
				if row.Sender == e.user {
					found = append(found, row.Seq)
				}
			}
			return err
		})
	}
	return found, after, err
}

func (e eraser) eraseSent(ctx context.Context, stream int64, offsets []int64) error {
	return e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if _, err := q.LockStreamByID(ctx, stream); err != nil {
			return ignoreNone(err)
		}
		bytes, err := q.EraseMessages(ctx, db.EraseMessagesParams{Overhead: overhead, Stream: stream, Seqs: offsets, Sender: e.user})
		if err != nil {
			return err
		}
		if err := q.EraseKeys(ctx, db.EraseKeysParams{Stream: stream, Seqs: offsets}); err != nil {
			return err
		}
		return addBytes(ctx, q, map[string]int64{e.user: -bytes})
	})
}

// leaveStream takes the user out of a stream that was looked through up to an offset. It tells false if something came after that.
func (e eraser) leaveStream(ctx context.Context, stream, after int64) (done bool, err error) {
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		st, err := q.LockStreamByID(ctx, stream)
		if ignoreNone(err) != nil {
			return err
		}
		there := err == nil
		rows, err := q.SendersAfter(ctx, db.SendersAfterParams{Stream: stream, After: after, Most: 1})
		if err != nil || len(rows) > 0 {
			return err
		}
		done = true
		if there && st.Sender == e.user {
			st.Sender, st.Run = "", 0 // the next message begins a run, whoever sends it
			if err := setStream(ctx, q, &st); err != nil {
				return err
			}
		}
		return q.EraseTakers(ctx, db.EraseTakersParams{Users: []string{e.user}, Stream: stream})
	})
	return done && err == nil, err
}

// bytes forgets how much there is of the user, which is nothing now.
func (e eraser) bytes(ctx context.Context) (bool, error) {
	var kept []db.Senders
	err := e.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		kept, err = q.BytesOf(ctx, []string{e.user})
		return err
	})
	if err != nil || len(kept) == 0 {
		return false, err
	}
	return false, e.write(ctx, func(ctx context.Context, q *db.Queries) error { return q.EraseSender(ctx, e.user) })
}

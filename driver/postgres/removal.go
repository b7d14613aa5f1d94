package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// Withdraw implements [hubbub.Notices]. If the process dies between two of its steps, Expire goes on.
func (s *Store) Withdraw(ctx context.Context, id string) (hubbub.Removed, error) {
	var gone hubbub.Removed
	err := s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		row, err := takeToWithdraw(ctx, q, id)
		if err != nil {
			return err
		}
		r, err := remove(ctx, q, row, millis(s.o.Now()), hubbub.DeliveryStep)
		gone = hubbub.Removed{Users: r.users, Revision: r.revision, More: r.more}
		if r.revision != 0 {
			gone.Announcements = []string{id}
		}
		return err
	})
	if err != nil {
		return hubbub.Removed{}, fmt.Errorf("withdraw notice: %w", err)
	}
	return gone, nil
}

// takeToWithdraw locks a publication, an announcement after the clock.
func takeToWithdraw(ctx context.Context, q *db.Queries, id string) (row db.Publications, err error) {
	none := hubbub.Errorf(hubbub.NotFound, "there is no publication %q, or it is withdrawn or expired", id)
	if row, err = q.Publication(ctx, id); err == nil && row.Audience != "" {
		if err := q.LockClock(ctx); err != nil {
			return row, err
		}
	}
	if err == nil {
		row, err = q.LockPublication(ctx, id)
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && row.Status == removed:
		return row, none
	case err != nil || row.Status != published || row.Audience != "":
		return row, err
	}
	left, err := q.HasNotices(ctx, id)
	if err == nil && !left {
		return row, none
	}
	return row, err
}

// Expire implements [hubbub.Notices]. Each publication is removed in a transaction of its own, or step, and what another one removes just now
// is left to that one.
func (s *Store) Expire(ctx context.Context, limit int) (hubbub.Removed, error) {
	gone, err := s.expire(ctx, millis(s.o.Now()), int64(limit))
	if err != nil && len(gone.Users)+len(gone.Announcements) > 0 {
		gone.More = true // and then the error comes again: what was removed must be told
		return gone, nil
	}
	if err != nil {
		return hubbub.Removed{}, fmt.Errorf("expire notices: %w", err)
	}
	return gone, nil
}

func (s *Store) expire(ctx context.Context, now, limit int64) (gone hubbub.Removed, err error) {
	const atOnce = 100
	var rows []db.PublicationsToRemoveRow
	err = s.readOne(ctx, func(ctx context.Context, q *db.Queries) error {
		rows, err = q.PublicationsToRemove(ctx, db.PublicationsToRemoveParams{Now: now, Most: min(limit, atOnce)})
		return err
	})
	if err != nil {
		return gone, err
	}
	done, users := 0, map[string]bool{}
	for _, row := range rows {
		if limit <= 0 {
			break
		}
		r, err := s.expireOne(ctx, row, now, limit)
		if err != nil {
			return gone, err
		}
		for _, user := range r.users {
			if !users[user] {
				gone.Users = append(gone.Users, user)
			}
			users[user] = true
		}
		gone.Revision = max(gone.Revision, r.revision)
		if r.revision != 0 {
			gone.Announcements = append(gone.Announcements, row.ID)
		}
		if r.rows > 0 {
			done++
		}
		limit -= max(r.rows, 1)
	}
	gone.More = len(rows) == atOnce && done > 0
	if limit > 0 {
		n, err := s.forget(ctx, now, limit)
		if err != nil {
			return gone, err
		}
		limit -= n
	}
	gone.More = gone.More || limit <= 0
	return gone, nil
}

// expireOne takes the next step of the removal of a publication, if nobody else does.
func (s *Store) expireOne(ctx context.Context, known db.PublicationsToRemoveRow, now, limit int64) (r removal, err error) {
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		r = removal{}
		if known.Announced {
			if err := q.LockClock(ctx); err != nil {
				return err
			}
		}
		row, err := q.TryPublication(ctx, known.ID)
		if err != nil || row.Remove == 0 || row.Remove > now {
			return ignoreNone(err)
		}
		r, err = remove(ctx, q, row, now, limit)
		r.rows = max(r.rows, 1)
		return err
	})
	return r, err
}

// forget forgets up to limit keys, and publications that nobody needs any more. It returns how many keys there were.
func (s *Store) forget(ctx context.Context, now, limit int64) (keys int64, err error) {
	err = s.writeOne(ctx, func(ctx context.Context, q *db.Queries) error {
		old := db.ForgetPublicationKeysParams{Before: now - hubbub.NoticeKeyLife.Milliseconds(), Most: limit}
		keys, err = q.ForgetPublicationKeys(ctx, old)
		return err
	})
	if err != nil {
		return 0, err
	}
	return keys, s.writeOne(ctx, func(ctx context.Context, q *db.Queries) error { return q.ForgetPublications(ctx, limit) })
}

// removal is what a step of a removal has done.
type removal struct {
	users    []string // who had a notice
	revision uint64   // not 0 if it was an announcement that was published until now
	rows     int64    // how many were removed, of any kind
	more     bool
}

// remove takes the next step of the removal of a publication that is locked, with at most limit rows.
func remove(ctx context.Context, q *db.Queries, row db.Publications, now, limit int64) (r removal, err error) {
	if row.Status < removing {
		if r.revision, err = retire(ctx, q, row, now); err != nil {
			return r, err
		}
	}
	if r.users, r.more, err = removeNotices(ctx, q, row.ID, limit); err != nil || r.more {
		r.rows = int64(len(r.users))
		return r, err
	}
	r.rows = int64(len(r.users))
	if row.Seq != 0 {
		n, err := q.RemoveAnnouncementStates(ctx, db.RemoveAnnouncementStatesParams{Seq: row.Seq, Most: limit - r.rows})
		r.rows += n
		if r.more = r.rows >= limit; err != nil || r.more {
			return r, err
		}
	}
	return r, finishRemoval(ctx, q, row.ID)
}

// removeNotices removes up to limit notices of a publication. It returns whose they were, and whether there are more.
func removeNotices(ctx context.Context, q *db.Queries, id string, limit int64) (gone []string, more bool, err error) {
	users, err := q.RecipientsOf(ctx, db.RecipientsOfParams{ID: id, Most: limit})
	if err != nil || len(users) == 0 {
		return nil, false, err
	}
	if err := q.LockInboxes(ctx, users); err != nil {
		return nil, false, err
	}
	if gone, err = q.RemoveNotices(ctx, db.RemoveNoticesParams{ID: id, Users: users}); err != nil {
		return nil, false, err
	}
	if err := q.DropInboxes(ctx, users); err != nil {
		return nil, false, err
	}
	if int64(len(users)) == limit {
		more, err = q.HasNotices(ctx, id)
	}
	return gone, more, err
}

// finishRemoval says that nothing of a publication is left but, perhaps, its key.
func finishRemoval(ctx context.Context, q *db.Queries, id string) error {
	if err := q.FinishRemoval(ctx, id); err != nil {
		return err
	}
	return q.AddPublicationCheck(ctx, id)
}

// retire ends the delivery of a publication and begins its removal. If it was a published announcement, it is no more, and
// there is a new revision.
func retire(ctx context.Context, q *db.Queries, row db.Publications, now int64) (revision uint64, err error) {
	if err := q.BeginRemoval(ctx, db.BeginRemovalParams{Remove: now, ID: row.ID}); err != nil {
		return 0, err
	}
	if err := q.RemoveAllPublicationUsers(ctx, row.ID); err != nil || row.Seq == 0 {
		return 0, err
	}
	n, err := q.NextRevision(ctx)
	return uint64(n), err
}

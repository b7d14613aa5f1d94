package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// Withdraw implements [hubbub.Notices]. If the process dies between two of its steps, Expire goes on.
func (s *Store) Withdraw(ctx context.Context, id string) (hubbub.Removed, error) {
	var gone hubbub.Removed
	err := s.writeRows(ctx, hubbub.DeliveryStep, func(ctx context.Context, q *db.Queries) error {
		row, err := q.Publication(ctx, id)
		if errors.Is(err, sql.ErrNoRows) || err == nil && row.Status == removed {
			return hubbub.Errorf(hubbub.NotFound, "there is no publication %q, or it is withdrawn or expired", id)
		}
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

// Expire implements [hubbub.Notices].
func (s *Store) Expire(ctx context.Context, limit int) (hubbub.Removed, error) {
	var gone hubbub.Removed
	err := s.writeRows(ctx, limit, func(ctx context.Context, q *db.Queries) (err error) {
		gone, err = expire(ctx, q, millis(s.o.Now()), int64(limit))
		return err
	})
	if err != nil {
		return hubbub.Removed{}, fmt.Errorf("remove expired notices: %w", err)
	}
	slices.Sort(gone.Users)
	gone.Users = slices.Compact(gone.Users)
	return gone, nil
}

// expire returns users as often as they have lost a notice. limit is how many rows it removes at most, or a little more.
func expire(ctx context.Context, q *db.Queries, now, limit int64) (gone hubbub.Removed, err error) {
	const atOnce = 100 // since each comes with its content
	rows, err := q.PublicationsToRemove(ctx, db.PublicationsToRemoveParams{Remove: now, Limit: min(limit, atOnce)})
	if err != nil {
		return gone, err
	}
	gone.More = len(rows) == atOnce
	for _, row := range rows {
		if limit <= 0 {
			break
		}
		r, err := remove(ctx, q, row, now, limit)
		if err != nil {
			return gone, err
		}
		gone.Users = append(gone.Users, r.users...)
		gone.Revision = max(gone.Revision, r.revision)
		if r.revision != 0 {
			gone.Announcements = append(gone.Announcements, row.ID)
		}
		limit -= max(r.rows, 1)
	}
	if limit > 0 {
		old := db.ForgetPublicationKeysParams{Made: now - hubbub.NoticeKeyLife.Milliseconds(), Limit: limit}
		keys, err := q.ForgetPublicationKeys(ctx, old)
		if err != nil {
			return gone, err
		}
		limit -= keys
	}
	gone.More = gone.More || limit <= 0
	return gone, nil
}

// removal is what a step of a removal has done.
type removal struct {
	users    []string // who had a notice
	revision uint64   // not 0 if it was an announcement that was published until now
	rows     int64    // how many were removed, of any kind
	more     bool
}

// remove takes the next step of the removal of a publication, with at most limit rows.
func remove(ctx context.Context, q *db.Queries, row db.Publications, now, limit int64) (r removal, err error) {
	if row.Status < removing {
		if r.revision, err = retire(ctx, q, row, now); err != nil {
			return r, err
		}
	}
	if r.users, err = q.RemoveNotices(ctx, db.RemoveNoticesParams{ID: row.ID, Limit: limit}); err != nil {
		return r, err
	}
	if r.rows = int64(len(r.users)); r.rows == limit {
		if r.more, err = q.HasNotices(ctx, row.ID); err != nil || r.more {
			return r, err
		}
	}
	if row.Seq != 0 {
		n, err := q.RemoveAnnouncementStates(ctx, db.RemoveAnnouncementStatesParams{Seq: row.Seq, Limit: limit - r.rows})
		r.rows += n
		if r.more = r.rows == limit; err != nil || r.more {
			return r, err
		}
	}
	return r, q.FinishRemoval(ctx, row.ID)
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

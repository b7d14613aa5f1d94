package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// Deliver implements [hubbub.Notices]. While another one takes a step of the publication, there is none for this one.
func (s *Store) Deliver(ctx context.Context, id string) (hubbub.Step, error) {
	var step hubbub.Step
	err := s.write(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		step, err = deliver(ctx, q, id, millis(s.o.Now()))
		return err
	})
	if err != nil {
		return hubbub.Step{}, fmt.Errorf("deliver the publication %q: %w", id, err)
	}
	return step, nil
}

// Due implements [hubbub.Notices].
func (s *Store) Due(ctx context.Context, limit int) ([]string, error) {
	var ids []string
	err := s.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		ids, err = q.DuePublications(ctx, db.DuePublicationsParams{Now: millis(s.o.Now()), Most: int64(max(0, limit))})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for publications that are due: %w", err)
	}
	return ids, nil
}

// deliver takes the next step of a publication, if there is one that nobody else takes. What a step has reached is remembered in its
// transaction, so that no recipient is forgotten or reached twice, wherever the process dies.
func deliver(ctx context.Context, q *db.Queries, id string, now int64) (hubbub.Step, error) {
	row, err := takeDue(ctx, q, id, now)
	if errors.Is(err, pgx.ErrNoRows) {
		return hubbub.Step{}, nil
	}
	if err != nil || !isDue(row, now) {
		return hubbub.Step{}, err
	}
	var step hubbub.Step
	if step.Publication, err = publication(row); err != nil {
		return hubbub.Step{}, err
	}
	switch {
	case row.Audience != "":
		step.Revision, step.Replaced, err = announce(ctx, q, row, now)
		return step, err
	case row.Room != "":
		step.Users, step.More, err = reachMembers(ctx, q, row)
	default:
		step.Publication.To.Users, step.Users, step.More, err = reachUsers(ctx, q, row)
	}
	if err != nil || step.More {
		return step, err
	}
	if len(step.Users) == 0 { // perhaps nobody has it
		if err := q.AddPublicationCheck(ctx, row.ID); err != nil {
			return step, err
		}
	}
	return step, q.FinishDelivery(ctx, row.ID)
}

func isDue(row db.Publications, now int64) bool {
	return row.Status == waiting && row.Time <= now && (row.Remove == 0 || row.Remove > now)
}

// takeDue locks a publication, an announcement after the clock, if it is due.
func takeDue(ctx context.Context, q *db.Queries, id string, now int64) (db.Publications, error) {
	row, err := q.Publication(ctx, id)
	if err != nil || !isDue(row, now) {
		return row, err
	}
	if row.Audience == "" {
		return q.TryPublication(ctx, id)
	}
	if err := q.LockClock(ctx); err != nil {
		return row, err
	}
	return q.LockPublication(ctx, id)
}

// reachUsers delivers to the next of the named users. It returns them, those of them who have not had the publication, and
// whether there are more.
func reachUsers(ctx context.Context, q *db.Queries, row db.Publications) (users, reached []string, more bool, err error) {
	steps, err := q.StepsOf(ctx, row.ID)
	if err != nil || len(steps) == 0 {
		return nil, nil, false, err
	}
	err = q.RemovePublicationUsers(ctx, db.RemovePublicationUsersParams{ID: row.ID, Step: steps[0].Step})
	if err != nil {
		return nil, nil, false, err
	}
	reached, err = reach(ctx, q, row, steps[0].Users)
	return steps[0].Users, reached, len(steps) > 1, err
}

// reachMembers delivers to the next members of a room.
func reachMembers(ctx context.Context, q *db.Queries, row db.Publications) (reached []string, more bool, err error) {
	users, err := q.MembersToReach(ctx, db.MembersToReachParams{Room: row.Room, After: row.Reached, Most: hubbub.DeliveryStep + 1})
	if err != nil || len(users) == 0 {
		return nil, false, err
	}
	if more = len(users) > hubbub.DeliveryStep; more {
		users = users[:hubbub.DeliveryStep]
		err = q.ReachMembers(ctx, db.ReachMembersParams{Reached: users[len(users)-1], ID: row.ID})
		if err != nil {
			return nil, false, err
		}
	}
	reached, err = reach(ctx, q, row, users)
	return reached, more, err
}

// reach puts a publication into the inboxes of users, who are in ascending order. It passes over those who have it, or a newer one with the
// same collapse.
func reach(ctx context.Context, q *db.Queries, row db.Publications, users []string) ([]string, error) {
	if len(users) == 0 {
		return nil, nil
	}
	if err := q.LockInboxes(ctx, users); err != nil {
		return nil, err
	}
	if row.Collapse != "" {
		err := q.CollapseNotices(ctx, db.CollapseNoticesParams{Users: users, Collapse: row.Collapse, Time: row.Time, Number: row.Number})
		if err != nil {
			return nil, err
		}
	}
	reached, err := q.AddNotices(ctx, db.AddNoticesParams{
		ID: row.ID, Users: users, Time: row.Time, Category: row.Category, Collapse: row.Collapse,
	})
	slices.Sort(reached)
	return reached, err
}

// announce publishes an announcement in place of the older one with the same collapse, and returns the revision and the id of
// that one. If there is a newer one, it is removed instead, and the revision is 0. The clock is locked already.
func announce(ctx context.Context, q *db.Queries, row db.Publications, now int64) (revision uint64, replaced string, err error) {
	if row.Collapse != "" {
		others, err := q.CollapsingAnnouncements(ctx, row.Collapse)
		if err != nil {
			return 0, "", err
		}
		for _, other := range others {
			if row.Time < other.Time || row.Time == other.Time && row.Number < other.Number {
				return 0, "", finishRemoval(ctx, q, row.ID)
			}
			if _, err := remove(ctx, q, other, now, hubbub.DeliveryStep); err != nil {
				return 0, "", err
			}
			replaced = other.ID
		}
	}
	clock, err := q.NextAnnouncement(ctx)
	if err != nil {
		return 0, "", err
	}
	err = q.PublishAnnouncement(ctx, db.PublishAnnouncementParams{Seq: clock.Seq, ID: row.ID})
	return uint64(clock.Revision), replaced, err
}

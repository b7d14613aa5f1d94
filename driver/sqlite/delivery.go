package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// Deliver implements [hubbub.Notices].
func (s *Store) Deliver(ctx context.Context, id string) (hubbub.Step, error) {
	var step hubbub.Step
	err := s.writeRows(ctx, hubbub.DeliveryStep, func(ctx context.Context, q *db.Queries) (err error) {
		step, err = s.deliver(ctx, q, id, millis(s.o.Now()))
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
	err := s.read(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		ids, err = q.DuePublications(ctx, db.DuePublicationsParams{Now: millis(s.o.Now()), Most: int64(limit)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for publications that are due: %w", err)
	}
	return ids, nil
}

// deliver takes the next step of a publication, if there is one. What a step has reached is remembered in its transaction, so
// that no recipient is forgotten or reached twice, wherever the process dies.
func (s *Store) deliver(ctx context.Context, q *db.Queries, id string, now int64) (hubbub.Step, error) {
	row, err := q.Publication(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		return hubbub.Step{}, nil
	}
	if err != nil || row.Status != waiting || row.Time > now || row.Remove != 0 && row.Remove <= now {
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
	if err == nil && !step.More {
		err = q.FinishDelivery(ctx, row.ID)
	}
	return step, err
}

// reachUsers delivers to the next of the named users. It returns them, those of them who have not had the publication, and
// whether there are more.
func reachUsers(ctx context.Context, q *db.Queries, row db.Publications) (users, reached []string, more bool, err error) {
	steps, err := q.PublicationUsers(ctx, row.ID)
	if err != nil || len(steps) == 0 {
		return nil, nil, false, err
	}
	if err := json.Unmarshal([]byte(steps[0].Users), &users); err != nil {
		return nil, nil, false, fmt.Errorf("read the recipients of the publication %q: %w", row.ID, err)
	}
	err = q.RemovePublicationUsers(ctx, db.RemovePublicationUsersParams{ID: row.ID, Step: steps[0].Step})
	if err != nil {
		return nil, nil, false, err
	}
	reached, err = reach(ctx, q, row, users)
	return users, reached, len(steps) > 1, err
}

// reachMembers delivers to the next members of a room.
func reachMembers(ctx context.Context, q *db.Queries, row db.Publications) (reached []string, more bool, err error) {
	users, err := q.MembersToReach(ctx, db.MembersToReachParams{Room: row.Room, User: row.Reached, Limit: hubbub.DeliveryStep + 1})
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

// reach puts a publication into the inboxes of users. It passes over those who have it, or a newer one with the same collapse.
func reach(ctx context.Context, q *db.Queries, row db.Publications, users []string) (reached []string, err error) {
	for _, user := range users {
		if row.Collapse != "" {
			err := q.CollapseNotice(ctx, db.CollapseNoticeParams{User: user, Collapse: row.Collapse, Time: row.Time, Number: row.Number})
			if err != nil {
				return nil, err
			}
		}
		n, err := q.AddNotice(ctx, db.AddNoticeParams{
			ID: row.ID, User: user, Time: row.Time, Category: row.Category, Collapse: row.Collapse,
		})
		if err != nil {
			return nil, err
		}
		if n > 0 {
			reached = append(reached, user)
		}
	}
	return reached, nil
}

// announce publishes an announcement in place of the older one with the same collapse, and returns the revision and the id of
// that one. If there is a newer one, it is removed instead, and the revision is 0.
func announce(ctx context.Context, q *db.Queries, row db.Publications, now int64) (revision uint64, replaced string, err error) {
	if row.Collapse != "" {
		others, err := q.CollapsingAnnouncements(ctx, row.Collapse)
		if err != nil {
			return 0, "", err
		}
		for _, other := range others {
			if row.Time < other.Time || row.Time == other.Time && row.Number < other.Number {
				return 0, "", q.FinishRemoval(ctx, row.ID)
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

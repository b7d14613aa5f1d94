package sqlite

import (
	"context"
	"fmt"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// Erase implements [hubbub.Eraser], at most [hubbub.DeliveryStep] rows in each write. doc.go says what is left.
func (s *Store) Erase(ctx context.Context, user string) (more bool, err error) {
	e := eraser{s, user}
	for _, step := range []func(context.Context) (bool, error){e.rows, e.room, e.recipients, e.reached, e.lines, e.dead} {
		if more, err = step(ctx); err != nil {
			return false, fmt.Errorf("erase %q: %w", user, err)
		}
		if more {
			return true, nil
		}
	}
	return false, nil
}

// eraser forgets one user. Its steps tell true if they have done something, after which there may be more. What takes long to be found is
// looked for outside of a write, and looked at again within.
type eraser struct {
	*Store
	user string
}

// write is a write that overwrites what it deletes, and frees, with zeros.
func (e eraser) write(ctx context.Context, f func(ctx context.Context, q *db.Queries) error) error {
	return e.writeRows(ctx, hubbub.DeliveryStep, func(ctx context.Context, q *db.Queries) error {
		c := e.writer.conn.conn
		if _, err := c.ExecContext(ctx, "PRAGMA secure_delete = on"); err != nil {
			return err
		}
		err := f(ctx, q)
		if _, err := c.ExecContext(ctx, "PRAGMA secure_delete = fast"); err != nil {
			return err
		}
		return err
	})
}

// rows erases what is found by the name of the user. Each of its parts erases up to most rows, and returns how many there were.
func (e eraser) rows(ctx context.Context) (more bool, err error) {
	err = e.write(ctx, func(ctx context.Context, q *db.Queries) error {
		left := int64(hubbub.DeliveryStep)
		for _, part := range []func(ctx context.Context, q *db.Queries, most int64) (int64, error){
			e.person, e.sessions, e.memberships, e.pairs, e.notices, e.marks, e.states,
		} {
			n, err := part(ctx, q, left)
			if left -= n; err != nil || left <= 0 {
				more = true
				return err
			}
		}
		return nil
	})
	return more, err
}

func (e eraser) person(ctx context.Context, q *db.Queries, _ int64) (int64, error) {
	return q.EraseUser(ctx, e.user)
}

// sessions erases those that are open: of others nobody knows whose they were.
func (e eraser) sessions(ctx context.Context, q *db.Queries, most int64) (int64, error) {
	return q.EraseSessions(ctx, db.EraseSessionsParams{User: e.user, Limit: most})
}

func (e eraser) memberships(ctx context.Context, q *db.Queries, most int64) (int64, error) {
	rows, err := q.MembershipsOf(ctx, db.MembershipsOfParams{User: e.user, Most: most})
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		if hubbub.Role(row.Role) == hubbub.RoleOwner {
			if err := e.succeed(ctx, q, row.Room); err != nil {
				return 0, err
			}
		}
		if err := q.RemoveMember(ctx, db.RemoveMemberParams{Room: row.Room, User: e.user}); err != nil {
			return 0, err
		}
	}
	return int64(len(rows)), nil
}

// succeed makes an owner of who has been an admin of a room for the longest, or else a member, if the user is the last owner.
func (e eraser) succeed(ctx context.Context, q *db.Queries, room string) error {
	owners, err := q.HasOwners(ctx, db.HasOwnersParams{Room: room, Except: e.user})
	if err != nil || owners {
		return err
	}
	for _, role := range []hubbub.Role{hubbub.RoleAdmin, hubbub.RoleMember} {
		heir, err := q.LongestStanding(ctx, db.LongestStandingParams{Room: room, Role: string(role), Except: e.user})
		if err == nil {
			return q.SetMember(ctx, db.SetMemberParams{Room: room, User: heir, Role: string(hubbub.RoleOwner)})
		}
		if ignoreNone(err) != nil {
			return err
		}
	}
	return nil
}

// notices erases those of the user, and the content of what only the user had.
func (e eraser) notices(ctx context.Context, q *db.Queries, most int64) (int64, error) {
	ids, err := q.EraseNotices(ctx, db.EraseNoticesParams{User: e.user, Limit: most})
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := q.EmptyPublication(ctx, id); err != nil {
			return 0, err
		}
	}
	return int64(len(ids)), nil
}

func (e eraser) marks(ctx context.Context, q *db.Queries, most int64) (int64, error) {
	return q.EraseAnnouncementMarks(ctx, db.EraseAnnouncementMarksParams{User: e.user, Limit: most})
}

func (e eraser) states(ctx context.Context, q *db.Queries, most int64) (int64, error) {
	return q.EraseAnnouncementStates(ctx, db.EraseAnnouncementStatesParams{User: e.user, Limit: most})
}

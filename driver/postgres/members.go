package postgres

import (
	"context"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// SetMember implements [hubbub.Members]. Who was a member before keeps the time since when.
func (s *Store) SetMember(ctx context.Context, room string, m hubbub.Member, founder bool) (before hubbub.Role, err error) {
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.LockMembers(ctx, room); err != nil {
			return err
		}
		if before, err = roleOf(ctx, q, room, m.User); err != nil {
			return err
		}
		if founder {
			others, err := q.HasMembers(ctx, db.HasMembersParams{Room: room, Other: m.User})
			if err != nil {
				return err
			}
			if others {
				return hubbub.Errorf(hubbub.Conflict, "the room %q has members already; ask one of its owners to be added", room)
			}
		}
		if m.Role != hubbub.RoleOwner {
			if err := keepOwner(ctx, q, room, m.User, before); err != nil {
				return err
			}
		}
		return q.SetMember(ctx, db.SetMemberParams{Room: room, Who: m.User, Role: string(m.Role), Since: millis(m.Since)})
	})
	return before, err
}

// RemoveMember implements [hubbub.Members].
func (s *Store) RemoveMember(ctx context.Context, room, user string) (before hubbub.Role, err error) {
	err = s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.LockMembers(ctx, room); err != nil {
			return err
		}
		if before, err = roleOf(ctx, q, room, user); err != nil || before == "" {
			return err
		}
		if err := keepOwner(ctx, q, room, user, before); err != nil {
			return err
		}
		return q.RemoveMember(ctx, db.RemoveMemberParams{Room: room, Who: user})
	})
	return before, err
}

// keepOwner is a Conflict if a user who will not be an owner any more is the last one, and there are other members.
func keepOwner(ctx context.Context, q *db.Queries, room, user string, before hubbub.Role) error {
	if before != hubbub.RoleOwner {
		return nil
	}
	owners, err := q.HasOwners(ctx, db.HasOwnersParams{Room: room, Other: user})
	if err != nil || owners {
		return err
	}
	members, err := q.HasMembers(ctx, db.HasMembersParams{Room: room, Other: user})
	if err != nil || !members {
		return err
	}
	return hubbub.Errorf(hubbub.Conflict, "%q is the last owner of the room %q; make another member an owner first", user, room)
}

func roleOf(ctx context.Context, q *db.Queries, room, user string) (hubbub.Role, error) {
	m, err := q.Member(ctx, db.MemberParams{Room: room, Who: user})
	return hubbub.Role(m.Role), ignoreNone(err)
}

// MemberOf implements [hubbub.Members].
func (s *Store) MemberOf(ctx context.Context, room, user string) (role hubbub.Role, err error) {
	err = s.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		role, err = roleOf(ctx, q, room, user)
		return err
	})
	return role, err
}

// Members implements [hubbub.Members].
func (s *Store) Members(ctx context.Context, room, after string, limit int) (page hubbub.MemberPage, err error) {
	limit = max(0, limit)
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		total, err := q.CountMembers(ctx, room)
		if err != nil {
			return err
		}
		page.Total = int(total)
		rows, err := q.MembersOf(ctx, db.MembersOfParams{Room: room, After: after, Most: int64(limit) + 1})
		for _, r := range rows[:min(limit, len(rows))] {
			page.Members = append(page.Members, hubbub.Member{User: r.Who, Role: hubbub.Role(r.Role), Since: timeOf(r.Since)})
		}
		if len(rows) > limit && limit > 0 {
			page.Next = rows[limit-1].Who
		}
		return err
	})
	return page, err
}

// Memberships implements [hubbub.Members].
func (s *Store) Memberships(ctx context.Context, user, after string, limit int) (page hubbub.MembershipPage, err error) {
	limit = max(0, limit)
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		total, err := q.CountMemberships(ctx, user)
		if err != nil {
			return err
		}
		page.Total = int(total)
		rows, err := q.MembershipsOf(ctx, db.MembershipsOfParams{Who: user, After: after, Most: int64(limit) + 1})
		for _, r := range rows[:min(limit, len(rows))] {
			page.Memberships = append(page.Memberships, hubbub.Membership{Room: r.Room, Role: hubbub.Role(r.Role), Since: timeOf(r.Since)})
		}
		if len(rows) > limit && limit > 0 {
			page.Next = rows[limit-1].Room
		}
		return err
	})
	return page, err
}

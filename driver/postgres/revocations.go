package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/postgres/internal/db"
)

// KeepRevocation implements [hubbub.KeptRevocations]. Of a user's revocations those are left out that say nothing beyond another one,
// and each call forgets some that are over: so there are not many more than those that hold.
func (s *Store) KeepRevocation(ctx context.Context, r hubbub.Revocation) error {
	now := s.o.Now()
	if !r.Until.IsZero() && !now.Before(r.Until) {
		return nil
	}
	row := db.AddRevocationParams{Who: r.User, Device: r.Device, Token: r.Token, Before: notBefore(r.Before), Until: notBefore(r.Until)}
	err := s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.LockRevocations(ctx, r.User); err != nil {
			return err
		}
		err := q.ForgetRevocations(ctx, db.ForgetRevocationsParams{Now: now.UnixMilli(), Most: 2})
		if err != nil {
			return err
		}
		implied, err := q.IsImplied(ctx, db.IsImpliedParams{Who: r.User, Token: r.Token, Device: r.Device, Block: isBlock(row),
			Before: row.Before, Until: row.Until})
		if err != nil || implied {
			return err
		}
		if err := removeImplied(ctx, q, row); err != nil {
			return err
		}
		return q.AddRevocation(ctx, row)
	})
	if err != nil {
		return fmt.Errorf("keep a revocation of %q: %w", r.User, err)
	}
	return nil
}

func isBlock(r db.AddRevocationParams) bool { return r.Device == "" && r.Token == "" && r.Before == 0 }

// removeImplied forgets the revocations of a user that say nothing beyond a new one, each looked for where an index leads: a user may have
// very many. Blocks only imply blocks: they can be taken back, and what else was revoked holds then.
func removeImplied(ctx context.Context, q *db.Queries, r db.AddRevocationParams) error {
	switch {
	case r.Token != "":
		return q.RemoveImplied(ctx, db.RemoveImpliedParams{Who: r.Who, Token: r.Token, Device: r.Device, Before: r.Before, Until: r.Until})
	case r.Device != "":
		return q.RemoveImpliedOn(ctx, db.RemoveImpliedOnParams{Who: r.Who, Device: r.Device, Before: r.Before, Until: r.Until})
	}
	return q.RemoveImpliedOf(ctx, db.RemoveImpliedOfParams{Who: r.Who, Block: isBlock(r), Before: r.Before, Until: r.Until})
}

// KeepBlock implements [hubbub.KeptRevocations].
func (s *Store) KeepBlock(ctx context.Context, user string, until time.Time) error {
	err := s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.LockRevocations(ctx, user); err != nil {
			return err
		}
		if err := q.RemoveBlocks(ctx, user); err != nil {
			return err
		}
		return q.AddRevocation(ctx, db.AddRevocationParams{Who: user, Until: notBefore(until)})
	})
	if err != nil {
		return fmt.Errorf("keep a block of %q: %w", user, err)
	}
	return nil
}

// ForgetBlocks implements [hubbub.KeptRevocations].
func (s *Store) ForgetBlocks(ctx context.Context, user string) error {
	err := s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.LockRevocations(ctx, user); err != nil {
			return err
		}
		return q.RemoveBlocks(ctx, user)
	})
	if err != nil {
		return fmt.Errorf("forget the blocks of %q: %w", user, err)
	}
	return nil
}

// KeptRevocations implements [hubbub.KeptRevocations]. All that were kept when the listing began are in it. Of those that come meanwhile it
// may miss some, since their numbers do not rise in the order in which they are committed: whoever keeps a revocation tells it to the
// registry afterwards.
func (s *Store) KeptRevocations(ctx context.Context, after string, limit int) (rs []hubbub.Revocation, next string, err error) {
	var number int64
	if after != "" {
		if number, err = strconv.ParseInt(after, 36, 64); err != nil {
			return nil, "", hubbub.Errorf(hubbub.Invalid, "%q is no place in the list of revocations; take the next of a page", after)
		}
	}
	if limit <= 0 {
		return nil, after, nil
	}
	var rows []db.Revocations
	err = s.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		rows, err = q.RevocationsAfter(ctx, db.RevocationsAfterParams{After: number, Now: s.o.Now().UnixMilli(), Most: int64(limit) + 1})
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list the revocations: %w", err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		next = strconv.FormatInt(rows[limit-1].Number, 36)
	}
	for _, row := range rows {
		rs = append(rs, hubbub.Revocation{User: row.Who, Device: row.Device, Token: row.Token, Before: timeOf(row.Before), Until: timeOf(row.Until)})
	}
	return rs, next, nil
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/hubbub-dev/hubbub"
	"github.com/hubbub-dev/hubbub/driver/sqlite/internal/db"
)

// KeepRevocation implements [hubbub.KeptRevocations]. Of a user's revocations those are left out that say nothing beyond another one,
// and each call forgets some that are over: so there are not many more than those that hold.
func (s *Store) KeepRevocation(ctx context.Context, r hubbub.Revocation) error {
	now := s.o.Now()
	if !r.Until.IsZero() && !now.Before(r.Until) {
		return nil
	}
	row := db.AddRevocationParams{User: r.User, Device: r.Device, Token: r.Token, Before: notBefore(r.Before), Until: notBefore(r.Until)}
	err := s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		err := q.ForgetRevocations(ctx, db.ForgetRevocationsParams{Now: now.UnixMilli(), Most: 2})
		if err != nil {
			return err
		}
		implied, err := q.IsImplied(ctx, db.IsImpliedParams{User: r.User, Token: r.Token, Device: r.Device, Block: isBlock(row),
			Before: row.Before, Until: row.Until})
		if err != nil || implied != 0 {
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

// isBlock is 1 for a block, otherwise 0.
func isBlock(r db.AddRevocationParams) int64 {
	if r.Device == "" && r.Token == "" && r.Before == 0 {
		return 1
	}
	return 0
}

// removeImplied forgets the revocations of a user that say nothing beyond a new one, each looked for where an index leads: a user may have
// very many. Blocks only imply blocks: they can be taken back, and what else was revoked holds then.
func removeImplied(ctx context.Context, q *db.Queries, r db.AddRevocationParams) error {
	switch {
	case r.Token != "":
		return q.RemoveImplied(ctx, db.RemoveImpliedParams{User: r.User, Token: r.Token, Device: r.Device, Before: r.Before, Until: r.Until})
	case r.Device != "":
		return q.RemoveImpliedOn(ctx, db.RemoveImpliedOnParams{User: r.User, Device: r.Device, Before: r.Before, Until: r.Until})
	}
	return q.RemoveImpliedOf(ctx, db.RemoveImpliedOfParams{User: r.User, Block: isBlock(r), Before: r.Before, Until: r.Until})
}

// KeepBlock implements [hubbub.KeptRevocations].
func (s *Store) KeepBlock(ctx context.Context, user string, until time.Time) error {
	err := s.write(ctx, func(ctx context.Context, q *db.Queries) error {
		if err := q.ForgetBlocks(ctx, user); err != nil {
			return err
		}
		return q.AddRevocation(ctx, db.AddRevocationParams{User: user, Until: notBefore(until)})
	})
	if err != nil {
		return fmt.Errorf("keep a block of %q: %w", user, err)
	}
	return nil
}

// ForgetBlocks implements [hubbub.KeptRevocations].
func (s *Store) ForgetBlocks(ctx context.Context, user string) error {
	err := s.write(ctx, func(ctx context.Context, q *db.Queries) error { return q.ForgetBlocks(ctx, user) })
	if err != nil {
		return fmt.Errorf("forget the blocks of %q: %w", user, err)
	}
	return nil
}

// KeptBlock implements [hubbub.KeptRevocations].
func (s *Store) KeptBlock(ctx context.Context, user string) (blocked bool, until time.Time, err error) {
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		ms, err := q.BlockOf(ctx, db.BlockOfParams{User: user, Now: s.o.Now().UnixMilli()})
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		blocked, until = err == nil, timeOf(ms)
		return err
	})
	if err != nil {
		return false, time.Time{}, fmt.Errorf("look for a block of %q: %w", user, err)
	}
	return blocked, until, nil
}

// KeptAgainst implements [hubbub.KeptRevocations].
func (s *Store) KeptAgainst(ctx context.Context, r hubbub.SessionRecord) (kept bool, err error) {
	err = s.read(ctx, func(ctx context.Context, q *db.Queries) error {
		some, err := q.KeptAgainst(ctx, db.KeptAgainstParams{User: r.User, Device: r.Device, Token: r.Token, Issued: r.Issued.UnixMilli(),
			Now: s.o.Now().UnixMilli()})
		kept = some != 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look whether credentials of %q were revoked: %w", r.User, err)
	}
	return kept, nil
}

// KeptRevocations implements [hubbub.KeptRevocations]. Those that come while somebody lists them are at the end.
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
	err = s.readMany(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		rows, err = q.Revocations(ctx, db.RevocationsParams{After: number, Now: s.o.Now().UnixMilli(), Most: int64(limit) + 1})
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
		rs = append(rs, hubbub.Revocation{User: row.User, Device: row.Device, Token: row.Token, Before: timeOf(row.Before), Until: timeOf(row.Until)})
	}
	return rs, next, nil
}

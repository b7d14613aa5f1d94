package postgres

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

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
	row.Block = row.Device == "" && row.Token == "" && row.Before == 0
	err := s.retry(ctx, func(ctx context.Context, c *pgx.Conn) error {
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
		defer cancel()
		return keep(row, now).flush(bound, c)
	})
	if err != nil {
		return fmt.Errorf("keep a revocation of %q: %w", r.User, err)
	}
	return nil
}

// keep makes a transaction of one round trip. Revocations that say nothing beyond the new one are each looked for where an index leads: a
// user may have very many. Blocks only imply blocks: they can be taken back, and what else was revoked holds then. Others than blocks
// wait for nobody: at worst one is kept that says nothing beyond another one that came at the same time.
func keep(r db.AddRevocationParams, now time.Time) *pipeline {
	var p pipeline
	if r.Block {
		p.add(db.LockRevocations, r.Who)
	}
	p.add(db.ForgetRevocations, now.UnixMilli(), 2)
	switch {
	case r.Token != "":
		p.add(db.RemoveImplied, r.Who, r.Token, r.Device, r.Before, r.Until)
	case r.Device != "":
		p.add(db.RemoveImpliedOn, r.Who, r.Device, r.Before, r.Until)
	default:
		p.add(db.RemoveImpliedOf, r.Who, r.Block, r.Before, r.Until)
	}
	p.add(db.AddRevocation, r.Who, r.Device, r.Token, r.Before, r.Until, r.Block)
	return &p
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
		return q.AddRevocation(ctx, db.AddRevocationParams{Who: user, Until: notBefore(until), Block: true})
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

// KeptBlock implements [hubbub.KeptRevocations].
func (s *Store) KeptBlock(ctx context.Context, user string) (blocked bool, until time.Time, err error) {
	err = s.readOne(ctx, func(ctx context.Context, q *db.Queries) error {
		ms, err := q.BlockOf(ctx, db.BlockOfParams{Who: user, Now: s.o.Now().UnixMilli()})
		blocked, until = err == nil, timeOf(ms)
		return ignoreNone(err)
	})
	if err != nil {
		return false, time.Time{}, fmt.Errorf("look for a block of %q: %w", user, err)
	}
	return blocked, until, nil
}

// KeptAgainst implements [hubbub.KeptRevocations].
func (s *Store) KeptAgainst(ctx context.Context, r hubbub.SessionRecord) (kept bool, err error) {
	err = s.readOne(ctx, func(ctx context.Context, q *db.Queries) (err error) {
		kept, err = q.KeptAgainst(ctx, db.KeptAgainstParams{Who: r.User, Device: r.Device, Token: r.Token, Issued: r.Issued.UnixMilli(),
			Now: s.o.Now().UnixMilli()})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("look whether credentials of %q were revoked: %w", r.User, err)
	}
	return kept, nil
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
